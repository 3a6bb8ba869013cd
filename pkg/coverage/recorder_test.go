package coverage

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeBook is a book in memory.
type fakeBook struct {
	mu    sync.Mutex // guards what follows
	lines strings.Builder
	kept  []byte
	keeps int
	fail  error
}

func (b *fakeBook) Append(lines []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.lines.Write(lines)
	}
	return b.fail
}

func (b *fakeBook) Keep(state []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.kept, b.keeps = state, b.keeps+1
	}
	return b.fail
}

func (b *fakeBook) set(fail error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

// machine is a computer on which grabbers live and die, in a synctest bubble.
type machine struct {
	t     *testing.T
	book  *fakeBook
	clock atomic.Int64 // nanoseconds that the wall clock is wrong by
	slept atomic.Int64
	fails func(error)
	boot  string
	born  time.Time
	pid   int
	seen  Evidence // what the one before has left

	mu     sync.Mutex // guards totals
	totals Totals
	stop   context.CancelFunc
	ended  chan struct{}
}

func newMachine(t *testing.T) *machine {
	return &machine{t: t, book: &fakeBook{}, boot: "one", born: time.Now().Add(-time.Hour)}
}

// now is the wall clock: without a monotonic reading, which would betray how
// wrong it is.
func (m *machine) now() time.Time {
	return time.Now().Round(0).Add(time.Duration(m.clock.Load() + m.slept.Load()))
}

func (m *machine) start() *Recorder {
	m.pid++
	m.totals = Totals{}
	r := NewRecorder(Config{
		PID: m.pid, Now: m.now,
		Boot: m.boot, Failed: m.fails,
		Up: func() time.Duration { return time.Since(m.born) + time.Duration(m.slept.Load()) },
	}, m.book, m.book.kept, m.seen)
	ctx, stop := context.WithCancel(m.t.Context())
	m.stop, m.ended = stop, make(chan struct{})
	go func() {
		defer close(m.ended)
		r.Run(ctx, m.counted)
	}()
	return r
}

func (m *machine) counted() Totals {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.totals
}

func (m *machine) store(messages uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.totals.Messages += messages
	m.totals.Bytes += 10 * messages
}

// dies ends the process without a word; its last status is a moment old.
func (m *machine) dies(statusAge time.Duration) {
	m.stop()
	<-m.ended
	m.seen = Evidence{PID: m.pid, At: m.now().Add(-statusAge), Totals: m.totals}
}

func (m *machine) ends(r *Recorder, why Reason) {
	m.stop()
	<-m.ended
	r.End(why, m.totals)
}

func (m *machine) report(in Range) Report {
	m.t.Helper()
	var b Builder
	for line := range strings.Lines(m.book.lines.String()) {
		if _, err := Decode([]byte(line)); err != nil {
			m.t.Errorf("line %q: %v", line, err)
		}
		b.Add([]byte(line))
	}
	if o, ok := DecodeOpen(m.book.kept); ok && !o.Closed {
		b.AddSpan(o.Until(m.seen, m.now()))
	}
	r, ok := b.Report(in)
	if !ok {
		m.t.Fatal("no report")
	}
	return r
}

// wantGaps compares gaps, given as "reason from to", in seconds since began.
func wantGaps(t *testing.T, r Report, began time.Time, want ...string) {
	t.Helper()
	var got []string
	for _, g := range r.Gaps {
		text := string(g.Reason) + " " + g.From.Sub(began).String() + " " + g.To.Sub(began).String()
		if g.Filled {
			text += " filled"
		}
		got = append(got, text)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("gaps:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every event of a long life, in the book as it happened.
func TestRecorder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, began := newMachine(t), time.Now()
		r := m.start()
		time.Sleep(time.Second)
		r.Connected() // the book begins here
		began = began.Add(time.Second)
		r.Joined(false)
		time.Sleep(100 * time.Second)
		r.Disconnected(Stalled, m.now().Add(-90*time.Second))
		time.Sleep(5 * time.Second)
		r.Disconnected(Network, time.Time{})
		time.Sleep(5 * time.Second)
		r.Connected()
		r.Joined(false)
		time.Sleep(10 * time.Second)
		r.Paused(DiskFull)
		r.Paused(DiskFull)
		time.Sleep(10 * time.Second)
		r.Disconnected(Network, time.Time{}) // nobody would have read what came
		time.Sleep(10 * time.Second)
		r.Connected()
		time.Sleep(10 * time.Second)
		r.Paused(Budget)
		r.Resumed(DiskFull)
		time.Sleep(10 * time.Second)
		r.Resumed(Budget)
		time.Sleep(10 * time.Second)
		r.Disconnected(RateLimited, time.Time{})
		time.Sleep(20 * time.Minute)
		r.Connected()
		time.Sleep(10 * time.Second)
		m.ends(r, Stopped)
		time.Sleep(time.Minute)
		got := m.report(Range{To: m.now()})
		wantGaps(t, got, began,
			"stalled 10s 1m45s", "network 1m45s 1m50s", // what is found out later does not change what was before
			"disk full 2m0s 2m30s", "budget 2m30s 2m40s", "rate limited 2m50s 22m50s", "stopped 23m0s 24m0s")
		if got.Seconds != 24*60 || got.CoveredSeconds != 24*60-100-40-1200-60 {
			t.Errorf("%v of %v s are covered", got.CoveredSeconds, got.Seconds)
		}
	})
}

// A SIGKILL: the span ends at the status, or at the last write where that is
// later; a state that is a minute old is not all there is.
func TestRecorderIsKilled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age     time.Duration // of the status
		written time.Duration // before the kill; 0: none
		boot    string
		up      time.Duration // of the machine at the next start
		want    []string
	}{
		"status":             {age: 900 * time.Millisecond, boot: "one", want: []string{"not running 1m39.1s 2m40s"}},
		"last write":         {age: 900 * time.Millisecond, written: time.Millisecond, boot: "one", want: []string{"not running 1m39.999s 2m40s"}},
		"nothing but states": {age: time.Hour, boot: "one", want: []string{"not running 1m0.3s 2m40s"}},
		"machine off":        {age: time.Second, boot: "two", up: 20 * time.Second, want: []string{"machine off 1m39s 2m20s", "not running 2m20s 2m40s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m, began := newMachine(t), time.Now()
				r := m.start()
				r.Connected()
				for range 100 {
					m.store(7)
					time.Sleep(time.Second)
				}
				m.dies(test.age)
				if test.written > 0 {
					m.seen.Written = m.now().Add(-test.written)
				}
				time.Sleep(time.Minute)
				if m.boot = test.boot; test.up > 0 {
					m.born = time.Now().Add(-test.up)
				}
				r = m.start()
				r.Connected()
				time.Sleep(10 * time.Second)
				m.dies(0)
				got := m.report(Range{})
				wantGaps(t, got, began, test.want...)
				if want := uint64(700); test.age < time.Minute && got.Messages != want {
					t.Errorf("%d messages, want %d", got.Messages, want)
				}
			})
		})
	}
}

// A process that gives up leaves its reason to the next one, for as long as a
// daemon may take to start that; a new process that cannot connect either goes
// on with it.
func TestRecorderGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, began := newMachine(t), time.Now()
		r := m.start()
		r.Connected()
		for _, pause := range []time.Duration{time.Second, 5 * time.Minute, time.Hour} {
			time.Sleep(10 * time.Second)
			r.Disconnected(Refused, time.Time{})
			time.Sleep(10 * time.Second)
			m.ends(r, NotRunning)
			time.Sleep(pause)
			r = m.start()
			r.Disconnected(Refused, time.Time{})
			time.Sleep(10 * time.Second)
			r.Connected()
		}
		m.ends(r, Stopped)
		wantGaps(t, m.report(Range{}), began, "refused 10s 31s", "refused 41s 6m1s",
			"refused 6m11s 6m21s", "not running 6m21s 1h6m21s", "refused 1h6m21s 1h6m31s")
	})
}

// What a source that resumes sends afterwards fills the gap, over kills and
// stops, but for what the server skipped.
func TestRecorderFills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, began := newMachine(t), time.Now()
		r := m.start()
		r.Connected()
		r.Joined(false)
		time.Sleep(10 * time.Second)
		r.Disconnected(Network, time.Time{})
		time.Sleep(10 * time.Second)
		m.dies(0)
		time.Sleep(10 * time.Second)
		r = m.start()
		time.Sleep(10 * time.Second)
		r.Connected()
		r.Joined(true)
		time.Sleep(10 * time.Second)
		m.ends(r, Stopped)
		time.Sleep(10 * time.Second)
		r = m.start()
		r.Connected()
		r.Joined(true)
		time.Sleep(10 * time.Second)
		r.Disconnected(Network, time.Time{})
		time.Sleep(10 * time.Second)
		r.Connected()
		r.Skipped(began.Add(70*time.Second), began.Add(74*time.Second))
		r.Joined(true)
		time.Sleep(10 * time.Second)
		r.Disconnected(Network, time.Time{})
		time.Sleep(10 * time.Second)
		r.Connected()
		r.Joined(false) // it was not asked
		m.ends(r, Stopped)
		got := m.report(Range{})
		wantGaps(t, got, began, "network 10s 20s filled", "not running 20s 40s filled", "stopped 50s 1m0s filled",
			"network 1m10s 1m14s", "server skipped 1m10s 1m14s", "network 1m14s 1m20s filled", "network 1m30s 1m40s")
		if got.CoveredSeconds != 100-4-10 || got.FilledSeconds != 46 {
			t.Errorf("%v s are covered, %v s filled", got.CoveredSeconds, got.FilledSeconds)
		}
	})
}

// Of a source that can be asked for some minutes only, what is missing from
// before those stays a gap. That a quiet stream brought nothing is none.
func TestRecorderFillsAsFarAsWasAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, began := newMachine(t), time.Now()
		r := m.start()
		r.Connected()
		time.Sleep(10 * time.Second)
		r.Disconnected(Network, time.Time{})
		time.Sleep(10 * time.Second)
		r.Connected()
		if r.Skipped(time.Time{}, began.Add(5*time.Second)) {
			t.Error("missed something, though it was asked for all of the gap")
		}
		r.Joined(true)
		time.Sleep(10 * time.Second)
		r.Disconnected(Network, time.Time{})
		time.Sleep(10 * time.Second)
		r.Connected()
		if !r.Skipped(time.Time{}, began.Add(33*time.Second)) {
			t.Error("missed nothing, though it was not asked for all of the gap")
		}
		r.Joined(true)
		time.Sleep(10 * time.Second)
		m.ends(r, Stopped)
		got := m.report(Range{})
		wantGaps(t, got, began, "network 10s 20s filled", "network 30s 33s", "network 33s 40s filled")
	})
}

// A clock that is set, and a machine that sleeps, are seen and told apart.
func TestRecorderClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, began := newMachine(t), time.Now()
		r := m.start()
		r.Connected()
		time.Sleep(10*time.Second + time.Millisecond)
		m.clock.Store(int64(time.Hour))
		time.Sleep(10 * time.Second)
		r.Disconnected(Network, time.Time{})
		time.Sleep(5 * time.Second)
		r.Connected()
		time.Sleep(5 * time.Second)
		m.slept.Store(int64(10 * time.Minute))
		time.Sleep(10 * time.Second)
		m.clock.Store(0)
		time.Sleep(10 * time.Second)
		m.ends(r, Stopped)
		got := m.report(Range{})
		wantGaps(t, got, began, "network 1h0m20.001s 1h0m25.001s", "machine off 1h0m29.7s 1h10m30.6s")
		if len(got.ClockSteps) != 2 || got.ClockSteps[0].Seconds != 3600 || got.ClockSteps[1].Seconds != -3600 {
			t.Errorf("clock steps %v, want 3600 and -3600", got.ClockSteps)
		}
		if got.Seconds > 11*60 {
			t.Errorf("%v s, though the hour that the clock jumped over never was", got.Seconds)
		}
	})
}

// A quiet stream costs a line a day, a busy one with its gaps little more than
// its minutes, and the last minutes are never lost by more than the promise.
func TestRecorderIsSmall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		r := m.start()
		r.Connected()
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if n := strings.Count(m.book.lines.String(), "\n"); n > 3 {
			t.Errorf("%d lines for two days of silence", n)
		}
		before := m.book.lines.Len()
		for range 24 * 60 {
			m.store(3_456_789)
			r.Disconnected(Network, time.Time{})
			time.Sleep(1234 * time.Millisecond)
			r.Connected()
			r.Joined(true)
			time.Sleep(time.Minute - 1234*time.Millisecond)
		}
		m.ends(r, Stopped)
		if grown := m.book.lines.Len() - before; grown > 200<<10 {
			t.Errorf("%d bytes for a day of busy minutes, with a gap in each that was filled", grown)
		} else {
			t.Logf("%d bytes for a day of busy minutes, with a gap in each that was filled", grown)
		}
		if got := m.report(Range{}); got.Messages != 24*60*3_456_789 {
			t.Errorf("%d messages", got.Messages)
		}
	})
}

// A book that cannot be written is said once, and nothing of what it should
// tell is lost when it can be.
func TestRecorderOfAFailingBook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, began := newMachine(t), time.Now()
		failed := 0
		m.fails = func(error) { failed++ }
		r := m.start()
		r.Connected()
		time.Sleep(time.Minute)
		m.book.set(errors.New("full"))
		for range 3 {
			r.Disconnected(Network, time.Time{})
			time.Sleep(10 * time.Second)
			r.Connected()
			m.store(1)
			time.Sleep(20*time.Minute - 10*time.Second)
		}
		if failed != 1 {
			t.Errorf("the trouble was said %d times", failed)
		}
		m.book.set(nil)
		time.Sleep(2 * time.Minute)
		m.dies(0)
		wantGaps(t, m.report(Range{}), began, "network 1m0s 1m10s", "network 21m0s 21m10s", "network 41m0s 41m10s")
	})
}

// What another program left under the name is no state, and no reason to fail.
func TestRecorderOfGarbage(t *testing.T) {
	t.Parallel()
	for _, kept := range []string{"", "{}", "\x00\x00", `{"span":{"from":"2026-11-25T00:00:00Z","to":"2026-11-24T00:00:00Z"},"at":"2026-11-25T00:00:00Z"}`} {
		if _, ok := DecodeOpen([]byte(kept)); ok {
			t.Errorf("%q is taken for a state", kept)
		}
		NewRecorder(Config{}, &fakeBook{}, []byte(kept), Evidence{})
	}
}
