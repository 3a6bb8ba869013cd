package grabber

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

// fakeJournal writes down what it is told, but for what it has been told last.
type fakeJournal struct {
	mu   sync.Mutex // guards told
	told []string
}

func (j *fakeJournal) say(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.told); n == 0 || j.told[n-1] != text {
		j.told = append(j.told, text)
	}
}

func (j *fakeJournal) Connected() { j.say("connected") }
func (j *fakeJournal) Disconnected(why coverage.Reason, since time.Time) {
	text := string(why)
	if !since.IsZero() {
		text += " since " + time.Since(since).String()
	}
	j.say(text)
}
func (j *fakeJournal) Paused(why coverage.Reason)  { j.say("paused: " + string(why)) }
func (j *fakeJournal) Resumed(why coverage.Reason) { j.say("resumed: " + string(why)) }
func (j *fakeJournal) Joined(asked bool)           { j.say(fmt.Sprint("joined ", asked)) }
func (j *fakeJournal) Run(ctx context.Context, _ func() coverage.Totals) {
	<-ctx.Done()
}
func (j *fakeJournal) End(why coverage.Reason, totals coverage.Totals) {
	j.say(fmt.Sprintf("end: %s, %d messages", why, totals.Messages))
}

// heard returns what was told, without the appender's regular word.
func (j *fakeJournal) heard() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var heard []string
	for i, text := range j.told {
		if text == "resumed: disk full" && (i == 0 || !slices.Contains(j.told[:i], "paused: disk full")) {
			continue
		}
		heard = append(heard, text)
	}
	return strings.Join(slices.Compact(heard), "; ")
}

// What ends a connection, in the captured book's words.
func TestJournalReasons(t *testing.T) {
	t.Parallel()
	stalled := &stream.Error{Kind: stream.Network, Err: fmt.Errorf("no byte: %w", stream.ErrStall)}
	for _, tt := range []struct {
		name  string
		end   *stream.Error
		tries int
		want  string
	}{
		{"network", &stream.Error{Kind: stream.Network}, 1, "network"},
		{"stalled", stalled, 1, "stalled since 1m30s"},
		{"rate limited", &stream.Error{Kind: stream.RateLimit}, 1, "rate limited"},
		{"a 503", &stream.Error{Kind: stream.HTTP}, 1, "refused"},
		{"a 401", &stream.Error{Kind: stream.Credentials}, 1, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				journal := &fakeJournal{}
				c := newCapture(says("1"), failsWith(tt.end), says("2"))
				c.source.counts.LastByte = time.Now().Add(-90 * time.Second)
				c.cfg.Journal, c.cfg.Asked = journal, func() bool { return true }
				stop, _ := c.start(t)
				time.Sleep(time.Hour)
				if err := stop(); err != nil {
					t.Error(err)
				}
				if got, want := journal.heard(), "joined true; "+tt.want+"; joined true; stopped; end: stopped, 2 messages"; got != want {
					t.Errorf("heard %q, want %q", got, want)
				}
			})
		})
	}
}

// Who gives up, or whose store fails, was not asked to stop: what comes after
// it is not "stopped".
func TestJournalOfAnEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		steps []step
		set   func(w *fakeWriter)
		want  string
	}{
		{"the service refuses", []step{says("1"), fails(stream.Refused)}, nil, "joined false; refused; end: not running, 1 messages"},
		{"the input ends", []step{says("1"), ends}, nil, "joined false; stopped; end: stopped, 1 messages"},
		{"the store fails", []step{says("1"), pauses(time.Minute)}, func(w *fakeWriter) { w.broken = errDisk }, "joined false; not running; end: not running, 1 messages"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				journal := &fakeJournal{}
				c := newCapture(tt.steps...)
				c.cfg.Journal = journal
				_, ended := c.start(t)
				time.Sleep(100 * time.Millisecond)
				if tt.set != nil {
					c.writer.set(tt.set)
				}
				<-ended
				if got := journal.heard(); got != tt.want {
					t.Errorf("heard %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// A full disk is a gap, whatever the connection does.
func TestJournalOfAFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		journal := &fakeJournal{}
		c := newCapture(says("1"))
		c.cfg.Journal = journal
		stop, _ := c.start(t)
		time.Sleep(5 * time.Second)
		c.writer.set(func(w *fakeWriter) { w.noRoom = &store.FullError{Reason: "full"} })
		time.Sleep(time.Minute)
		c.writer.set(func(w *fakeWriter) { w.noRoom = nil })
		time.Sleep(5 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got, want := journal.heard(), "joined false; paused: disk full; resumed: disk full; stopped; end: stopped, 1 messages"; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	})
}
