package grabber

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

// numbered are n messages of some length and the lines they make.
func numbered(n, length int) (steps []step, lines string) {
	var all strings.Builder
	for i := range n {
		message := fmt.Sprintf("%0*d", length, i)
		steps = append(steps, says(message))
		all.WriteString(message + "\n")
	}
	return steps, all.String()
}

func TestFiniteInputIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps, lines := numbered(1000, 50)
		c := newCapture(append(steps, ends)...)
		if err := c.run(t); err != nil {
			t.Fatalf("Run = %v, want nil", err)
		}
		c.wantStored(t, lines)
		got := c.state.status(t)
		if got.State != status.Done || got.Messages != 1000 || got.Bytes != uint64(len(lines)) || got.RecoveredDamaged != 3 {
			t.Errorf("last status = %+v, want done with 1000 messages of %d bytes", got, len(lines))
		}
		if c.writer.closed != 1 {
			t.Errorf("writer closed %d times, want once", c.writer.closed)
		}
	})
}

func TestStopsByItself(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(cfg *Config)
		want   int // messages
		after  time.Duration
	}{
		{"after so many messages", func(cfg *Config) { cfg.MaxMessages = 7 }, 7, 6 * time.Second},
		{"after so long", func(cfg *Config) { cfg.Duration = 3500 * time.Millisecond }, 4, 3500 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var steps []step
				for i := range 10 { // one a second, the first at once
					steps = append(steps, says(fmt.Sprint(i)), pauses(time.Second))
				}
				c := newCapture(steps...)
				tt.change(&c.cfg)
				began := time.Now()
				if err := c.run(t); err != nil {
					t.Fatalf("Run = %v, want nil", err)
				}
				if took := time.Since(began); took < tt.after || took > tt.after+time.Second {
					t.Errorf("stopped after %v, want %v", took, tt.after)
				}
				if got := strings.Count(c.writer.lines(), "\n"); got != tt.want {
					t.Errorf("stored %d messages, want %d", got, tt.want)
				}
				if got := c.state.status(t); got.State != status.Done || got.Messages != uint64(tt.want) {
					t.Errorf("last status = %s with %d messages, want done with %d", got.State, got.Messages, tt.want)
				}
			})
		})
	}
}

func TestNothingIsLostOrDoubledWhenTheWriterTakesLessThanOffered(t *testing.T) {
	t.Parallel()
	for _, most := range []int{101, 250, 4096, 70_000} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				steps, lines := numbered(20_000, 100)
				c := newCapture(append(steps, ends)...)
				c.writer.most = most
				if err := c.run(t); err != nil {
					t.Fatalf("Run = %v, want nil", err)
				}
				c.wantStored(t, lines)
				if got := c.state.status(t).Messages; got != 20_000 {
					t.Errorf("status says %d messages, want 20000", got)
				}
			})
		})
	}
}

func TestMessageLargerThanTheBuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		large := strings.Repeat("x", 5*halfBytes)
		c := newCapture(says("before"), says(large), says("after"), says(large), ends)
		if err := c.run(t); err != nil {
			t.Fatalf("Run = %v, want nil", err)
		}
		c.wantStored(t, "before\n"+large+"\nafter\n"+large+"\n")
	})
}

func TestMessageIsWrittenWithinMilliseconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(pauses(time.Minute), says("a"), says("b"))
		began := time.Now()
		stop, _ := c.start(t)
		time.Sleep(2 * time.Minute)
		c.wantStored(t, "a\nb\n")
		writes := c.writer.writes()
		if len(writes) != 1 {
			t.Fatalf("%d writes, want both messages in one", len(writes))
		}
		if late := writes[0].Sub(began) - time.Minute; late > 10*time.Millisecond {
			t.Errorf("written %v after it came, want at most 10ms", late)
		}
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

// A line that comes alone is written at once; lines close behind one another
// wait for each other, but never longer than linger.
func TestWhenLinesAreWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		apart  time.Duration
		writes int // of 20 messages, at most
	}{
		{time.Second, 20},
		{linger, 20},
		{linger / 2, 11},
		{linger / 10, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var came []time.Time
			var steps []step
			for i := range 20 {
				steps = append(steps, says(fmt.Sprint(i)), pauses(tt.apart))
				came = append(came, began.Add(time.Duration(i)*tt.apart))
			}
			c := newCapture(steps...)
			stop, _ := c.start(t)
			time.Sleep(time.Minute)
			writes := c.writer.writes()
			if err := stop(); err != nil {
				t.Errorf("Run = %v, want nil", err)
			}
			if len(writes) > tt.writes || tt.apart > linger && len(writes) != 20 {
				t.Errorf("%v apart: %d writes of 20 messages, want %d", tt.apart, len(writes), tt.writes)
			}
			for i, at := range came {
				next := slices.IndexFunc(writes, func(w time.Time) bool { return !w.Before(at) })
				if next < 0 || writes[next].Sub(at) > linger || tt.apart > linger && !writes[next].Equal(at) {
					t.Errorf("%v apart: message %d came at %v and was not written in time: %v", tt.apart, i, at.Sub(began), writes)
				}
			}
		})
	}
}

func TestFinalErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		steps  []step
		change func(c *capture)
		code   int
		closed int
	}{
		{"refused for good", []step{says("a"), fails(stream.Refused)}, nil, exitcode.Config, 1},
		{"an error of no kind", []step{says("a"), func(context.Context) ([]byte, error) { return nil, broken }}, nil, exitcode.Failed, 1},
		{"append fails", []step{says("a")}, func(c *capture) { c.writer.refuse = errDisk }, exitcode.Store, 1},
		{"tick fails", nil, func(c *capture) { c.writer.broken = errDisk }, exitcode.Store, 1},
		{"room fails", nil, func(c *capture) { c.writer.noRoom = errDisk }, exitcode.Store, 1},
		{"the store is gone", []step{says("a")}, func(c *capture) { c.cfg.Check = func() error { return errDisk } }, exitcode.Store, 1},
		{"close fails", []step{ends}, func(c *capture) { c.writer.closing = errDisk }, exitcode.Store, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCapture(tt.steps...)
				if tt.change != nil {
					tt.change(c)
				}
				began := time.Now()
				err := c.run(t)
				if err == nil || exitcode.Of(err) != tt.code {
					t.Fatalf("Run = %v (exit %d), want exit %d", err, exitcode.Of(err), tt.code)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("it took %v", took)
				}
				got := c.state.status(t)
				if got.State != status.Failed || got.LastError == "" {
					t.Errorf("last status = %s, last error %q, want failed and why", got.State, got.LastError)
				}
				if c.writer.closed != tt.closed {
					t.Errorf("writer closed %d times, want %d", c.writer.closed, tt.closed)
				}
			})
		})
	}
}

func TestFinalErrorFreesAReaderThatWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps, _ := numbered(50_000, 100)
		c := newCapture(steps...)
		c.source.buffered = 3 // whole messages off the socket, not yet asked for
		c.writer.refuse = &store.FullError{Reason: "full"}
		_, ended := c.start(t)
		time.Sleep(time.Minute)
		c.writer.set(func(w *fakeWriter) { w.refuse = errDisk })
		began := time.Now()
		if err := <-ended; exitcode.Of(err) != exitcode.Store || time.Since(began) > 2*time.Second {
			t.Errorf("Run = %v after %v, want exit 5 at once", err, time.Since(began))
		}
		if lost, read := c.state.status(t).LostAtStop, c.source.where()+3; lost != uint64(read) || read < halfBytes/101 {
			t.Errorf("lost %d messages, want all %d that were read counted", lost, read)
		}
	})
}

func TestLastErrorOfADeadProcessIsShownUntilAMessageComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(pauses(time.Minute), says("a"))
		if err := c.state.WriteState("grabber.json", []byte(`{"pid":1,"last_error":"it was dark"}`), false); err != nil {
			t.Fatal(err)
		}
		stop, _ := c.start(t)
		time.Sleep(30 * time.Second)
		if got := c.state.status(t); got.LastError != "it was dark" || got.State != status.Starting {
			t.Errorf("status = %s with last error %q, want starting with the old one", got.State, got.LastError)
		}
		time.Sleep(time.Minute)
		if got := c.state.status(t); got.LastError != "" || got.State != status.Capturing {
			t.Errorf("status = %s with last error %q, want capturing without", got.State, got.LastError)
		}
		_ = stop()
	})
}

// Per message the capture path must not allocate: at a hundred thousand of
// them all that is left are the buffers and goroutines of a whole Run.
func TestCaptureDoesNotAllocatePerMessage(t *testing.T) {
	const messages = 100_000
	c := newCapture()
	c.writer.most = 0
	line := []byte(strings.Repeat("x", 200))
	got := testing.AllocsPerRun(1, func() {
		left := messages
		src := &countingSource{next: func() ([]byte, error) {
			if left--; left < 0 {
				return ends(t.Context())
			}
			return line, nil
		}}
		if err := New(c.cfg, nil).Run(t.Context(), src, discardWriter{}); err != nil {
			t.Fatal(err)
		}
	})
	if got > messages/100 {
		t.Errorf("%v allocations for %d messages", got, messages)
	}
	t.Logf("%v allocations for %d messages", got, messages)
}

type countingSource struct{ next func() ([]byte, error) }

func (s *countingSource) Next(context.Context) ([]byte, error) { return s.next() }
func (s *countingSource) Buffered() bool                       { return true }
func (s *countingSource) Counts() stream.Counts                { return stream.Counts{} }

type discardWriter struct{}

func (discardWriter) Append(lines []byte) (int, error) { return len(lines), nil }
func (discardWriter) Tick() error                      { return nil }
func (discardWriter) Room() error                      { return nil }
func (discardWriter) Hurry()                           {}
func (discardWriter) Close(context.Context) error      { return nil }
func (discardWriter) Damaged() uint64                  { return 0 }

func BenchmarkCapture(b *testing.B) {
	c := newCapture()
	line := []byte(strings.Repeat("x", 2500))
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	left := b.N
	src := &countingSource{next: func() ([]byte, error) {
		if left--; left < 0 {
			return ends(b.Context())
		}
		return line, nil
	}}
	if err := New(c.cfg, nil).Run(b.Context(), src, discardWriter{}); err != nil {
		b.Fatal(err)
	}
}
