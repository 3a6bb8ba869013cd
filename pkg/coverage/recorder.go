package coverage

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/cadence"
)

const (
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
	Messages uint64 `json:"messages"` // stored
	Bytes    uint64 `json:"bytes"`    // of those
	Withheld uint64 `json:"withheld"` // by the server's own word
}

// Config is how to record.
type Config struct {
	PID int              // of this process, as its status says it
	Now func() time.Time // wall clock; nil means time.Now
	// Boot tells this boot of the machine from others; "" where nobody knows.
	Boot string
	// Up returns how long the machine is up, sleep included; nil, or 0, where
	// nobody knows.
	Up func() time.Duration
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

	failed bool // the last write has; of the goroutine that writes

	mu         sync.Mutex // guards what follows
	fresh      bool       // there was no book, which begins with the first that is known
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
// times, though this connection asked for it. Where from is zero, it could not
// be asked for more than what came since to: gaps before that stay as they are.
// It reports whether anything was missed.
func (r *Recorder) Skipped(from, to time.Time) (missed bool) {
	r.change(func(time.Time) {
		r.skipped = wall(to)
		if from.IsZero() {
			missed = !r.missing.IsZero() && to.After(r.missing)
			return
		}
		missed, r.dirty = true, true
		r.span.miss(Skipped, wall(from), r.skipped)
	})
	return missed
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
	if r.fresh {
		r.fresh, r.span.From, r.since = false, at, at
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
	tick := time.NewTimer(cadence.Left(time.Now(), cadence.Look))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-tick.C:
			tick.Reset(cadence.Left(time.Now(), cadence.Look))
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
	state := r.state(r.last.wall)
	r.closeSpan(r.last.wall)
	r.mu.Unlock()
	state.Closed = true
	r.write(state)
}
