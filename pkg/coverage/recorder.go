package coverage

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// lookEvery is how often the clocks and the counters are looked at.
	lookEvery = time.Second
	// spanTime is what a span of a stream that speaks covers at most: it ends
	// where the wall clock's next ten minutes begin.
	spanTime = 10 * time.Minute
	// clockStep is from when on two clocks that drift apart within a look have
	// been set.
	clockStep = 500 * time.Millisecond
)

// book is where a Recorder writes. *store.CapturedBook is one.
type book interface {
	// Append adds whole lines; when it returns nil they are on the disk.
	Append(lines []byte) error
	// Keep replaces the state that the next process finds, durably.
	Keep(state []byte) error
}

// Totals are counters of a process, which only grow.
type Totals struct {
	Messages, Bytes uint64 // stored
	Withheld        uint64 // by the server's own word
}

// Config is how to record.
type Config struct {
	PID int              // of this process, as its status says it
	Now func() time.Time // wall clock; nil means time.Now
	// Boot returns what tells this boot of the machine from others and how long
	// it is up, sleep included; nil, or "" and 0, where nobody knows.
	Boot func() (id string, up time.Duration)
	// Failed is told when the book cannot be written, once until it can: the
	// Recorder keeps what it has and tries again. nil is fine.
	Failed func(error)
}

// Recorder writes what a capture tells it. Its methods but Run and End may be
// called from any goroutine and never wait for the disk.
type Recorder struct {
	cfg   Config
	book  book
	wake  chan struct{}
	began time.Time // monotonic

	failed     bool       // the last write has; of the goroutine that writes
	mu         sync.Mutex // guards what follows
	span       Span       // the one being recorded, without the present gap
	connection Reason     // why there is none, "" while there is
	pauses     []Reason   // why what comes is not taken, the newest last
	why        Reason     // of the present gap, "" outside of one
	since      time.Time  // the present gap, or its absence
	missing    time.Time  // from when on gaps have not been filled; zero: none
	skipped    time.Time  // to when the server skipped what this connection was asked for
	lines      []byte     // to be appended
	totals     Totals
	dirty      bool // there is an event that is not on the disk
	last       look
	kept       time.Time // wall clock, when the state was last kept
}

// look is one look at the clocks.
type look struct {
	wall time.Time
	mono time.Duration // since the Recorder began
	up   time.Duration // 0: not known
}

// Connected says that there is a connection.
func (r *Recorder) Connected() {
	r.change(func(now time.Time) {
		r.connection, r.skipped = "", time.Time{}
		r.enter(now)
	})
}

// Disconnected says that there is no connection, or that a try to make one has
// failed, why, and since when nothing came on it: zero is now.
func (r *Recorder) Disconnected(why Reason, since time.Time) {
	r.change(func(now time.Time) {
		if since.IsZero() || since.After(now) || r.connection != "" {
			since = now
		}
		r.connection = why
		r.enter(wall(since))
	})
}

// Paused says that what comes is not taken, and why; Resumed of the same reason
// ends it. Both may be said again.
func (r *Recorder) Paused(why Reason) {
	r.change(func(now time.Time) {
		if !slices.Contains(r.pauses, why) {
			r.pauses = append(r.pauses, why)
			r.enter(now)
		}
	})
}

// Resumed says that what comes is taken again, as far as that reason goes.
func (r *Recorder) Resumed(why Reason) {
	r.change(func(now time.Time) {
		if i := slices.Index(r.pauses, why); i >= 0 {
			r.pauses = slices.Delete(r.pauses, i, i+1)
			r.enter(now)
		}
	})
}

// Joined says that the connection has brought its first message, and whether
// it was asked to begin where the one before it ended: then what was missing
// since is filled.
func (r *Recorder) Joined(asked bool) {
	r.change(func(now time.Time) {
		from, to := r.missing, now
		if r.why == "" {
			to = r.since
		}
		if from.Before(r.skipped) {
			from = r.skipped
		}
		if asked && !r.missing.IsZero() && to.After(from) {
			r.span.Filled = append(r.span.Filled, r.span.stretch(from, to))
			r.dirty = true
		}
		r.missing = time.Time{}
		if r.why != "" {
			r.missing = r.since
		}
	})
}

// Skipped says that the server does not have what came between two of its
// times, though this connection asked for it.
func (r *Recorder) Skipped(from, to time.Time) {
	r.change(func(time.Time) {
		r.skipped = wall(to)
		r.span.miss(Skipped, wall(from), wall(to))
		r.dirty = true
	})
}

// change makes a change and has it written if it is worth it.
func (r *Recorder) change(do func(now time.Time)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(wall(r.cfg.Now()))
	if r.dirty {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// enter begins or ends a gap, r.mu held.
func (r *Recorder) enter(at time.Time) {
	why := r.connection
	if n := len(r.pauses); n > 0 {
		why = r.pauses[n-1]
	}
	if why == r.why {
		return
	}
	if at.Before(r.since) {
		at = r.since
	}
	if r.why != "" {
		r.span.miss(r.why, r.since, at)
	} else if r.missing.IsZero() {
		r.missing = at
	}
	r.why, r.since, r.dirty = why, at, true
}

// Run records until ctx ends. totals is asked once a second.
func (r *Recorder) Run(ctx context.Context, totals func() Totals) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
			r.tick(totals())
		}
		r.save()
	}
}

// End writes what is left, and why the process ends if nothing was amiss until
// then. It comes after Run has ended, and once.
func (r *Recorder) End(why Reason, totals Totals) {
	r.tick(totals)
	r.mu.Lock()
	if r.why == "" || why == Stopped {
		r.connection, r.pauses = why, nil
		r.enter(r.last.wall)
	}
	r.span.End = r.why
	r.closeSpan(r.last.wall)
	state := r.state(r.last.wall)
	r.mu.Unlock()
	state.Closed = true
	r.write(state)
}

// tick looks at the clocks and the counters, and ends the span where it is
// due.
func (r *Recorder) tick(totals Totals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.look()
	r.clocks(now)
	r.last = now
	r.span.count(now.wall, totals.Messages-r.totals.Messages, totals.Bytes-r.totals.Bytes)
	r.span.Withheld += totals.Withheld - r.totals.Withheld
	r.totals = totals
	if now.wall.Sub(r.kept) >= time.Minute || now.wall.Before(r.kept) {
		r.dirty = true
	}
	if r.due(now.wall) {
		r.closeSpan(now.wall)
	}
}

// due reports whether the span ends: with its ten minutes where it has
// something to tell, with its day where it has not, and not while the one
// before it is not on the disk.
func (r *Recorder) due(now time.Time) bool {
	unit := spanTime
	if r.span.quiet() && r.why == "" {
		unit = 24 * time.Hour
	}
	return len(r.lines) == 0 && now.Truncate(unit).After(r.span.From)
}

// closeSpan ends the span and begins the next one.
func (r *Recorder) closeSpan(at time.Time) {
	r.lines = append(r.lines, r.upTo(at).Line()...)
	r.span = Span{From: at}
	if r.why != "" || r.since.After(at) {
		r.since = at
	}
	r.dirty = true
}

// upTo returns the span as it is at a time, the present gap included.
func (r *Recorder) upTo(at time.Time) Span {
	s := r.span.clone()
	if at.Before(s.From) {
		at = s.From
	}
	s.To = at
	if r.why != "" {
		s.miss(r.why, r.since, at)
	}
	return s
}

// look reads the clocks.
func (r *Recorder) look() look {
	now := look{wall: wall(r.cfg.Now()), mono: time.Since(r.began)}
	if r.cfg.Boot != nil {
		_, now.up = r.cfg.Boot()
	}
	return now
}

// clocks compares the clocks with the last look. A machine that slept was off.
// Where the wall clock was set, the span ends by the old clock and the next one
// begins by the new.
func (r *Recorder) clocks(now look) {
	passed := now.mono - r.last.mono
	if now.up > 0 && r.last.up > 0 {
		if asleep := now.up - r.last.up - passed; asleep >= clockStep {
			passed += asleep
			r.sleep(r.last.wall, wall(r.last.wall.Add(passed)))
		}
	}
	step := now.wall.Sub(r.last.wall) - passed
	if step.Abs() < clockStep {
		return
	}
	r.closeSpan(wall(r.last.wall.Add(passed)))
	r.span.From, r.span.Clock = now.wall, seconds(step)
	r.since = now.wall
	if !r.missing.IsZero() {
		r.missing = r.missing.Add(step)
	}
}

// sleep enters that the machine was asleep.
func (r *Recorder) sleep(from, to time.Time) {
	if r.why != "" {
		r.span.miss(r.why, r.since, from)
	} else if r.missing.IsZero() {
		r.missing = from
	}
	r.span.miss(MachineOff, from, to)
	r.since = to
	r.dirty = true
}

// save brings what is new to the disk.
func (r *Recorder) save() {
	r.mu.Lock()
	if !r.dirty {
		r.mu.Unlock()
		return
	}
	r.dirty = false
	state := r.state(wall(r.cfg.Now()))
	r.mu.Unlock()
	r.write(state)
}

// write appends the lines that are due and then keeps the state: killed in
// between, the next process writes the last line again.
func (r *Recorder) write(state Open) {
	r.mu.Lock()
	lines := r.lines
	r.mu.Unlock()
	var err error
	if len(lines) > 0 {
		err = r.book.Append(lines)
	}
	if err == nil {
		r.mu.Lock()
		r.lines = r.lines[len(lines):]
		r.mu.Unlock()
		err = r.book.Keep(state.encode())
	}
	if err == nil {
		r.mu.Lock()
		r.kept = state.At
		r.mu.Unlock()
	} else if r.cfg.Failed != nil && !r.failed {
		r.cfg.Failed(err)
	}
	r.failed = err != nil
}
