// Package timeline is what happens, whether or not anybody listens: made-up
// events, numbered from 1, at a steady rate, each with a time stamp; and the
// truth about who was handed which of them, for whoever balances the books.
//
// An event is a function of its number and its time, so that a history of any
// length costs no memory. Time stamps are as bad as real ones: several events
// share one, and now and then one lies a little before those that came
// earlier.
//
// It must not know what an event looks like, nor how it travels.
package timeline

import (
	"math"
	"sort"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

// Config says what a timeline is like. The zero value has 1,000 events a second
// with precise times.
type Config struct {
	Rate  float64       // events a second; 0 is 1,000
	Past  time.Duration // how long it has been going on when it is made
	Limit uint64        // the last event there will be; 0 is endless
	// Share is how long a time stamp lasts: all events within it have the same.
	Share time.Duration
	// StepBack is how far an event in twenty lies before its time.
	StepBack time.Duration
}

// stepsBack is one in how many events that does.
const stepsBack = 20

// Timeline is one course of events. All its methods may be called at once.
type Timeline struct {
	cfg   Config
	start time.Time // of event 1; monotonic

	mu     sync.Mutex
	frozen bool
	last   uint64 // of all, once frozen
}

// New begins a timeline.
func New(cfg Config) *Timeline {
	if cfg.Rate <= 0 {
		cfg.Rate = 1000
	}
	return &Timeline{cfg: cfg, start: time.Now().Add(-cfg.Past)}
}

// Head is the number of the newest event, 0 before the first.
func (t *Timeline) Head() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.frozen {
		return t.last
	}
	return t.reached(time.Since(t.start))
}

// reached is how many events have happened so long after the start.
func (t *Timeline) reached(after time.Duration) uint64 {
	n := uint64(max(0, after.Seconds()*t.cfg.Rate)) + 1
	if t.cfg.Limit > 0 {
		n = min(n, t.cfg.Limit)
	}
	return n
}

// Until is how long it takes until an event happens; 0 or less: it has. Events
// that will never happen are far away.
func (t *Timeline) Until(seq uint64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.frozen && seq > t.last || t.cfg.Limit > 0 && seq > t.cfg.Limit {
		return math.MaxInt64
	}
	return time.Until(t.start.Add(t.offset(seq)))
}

// Freeze ends the course of events: nothing new happens any more.
func (t *Timeline) Freeze() {
	head := t.Head()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.frozen {
		t.frozen, t.last = true, head
	}
}

// offset is how long after the start an event happens.
func (t *Timeline) offset(seq uint64) time.Duration {
	return time.Duration(float64(seq-1) / t.cfg.Rate * float64(time.Second))
}

// Time is when an event happened, with what it shares with others taken off;
// it never steps back.
func (t *Timeline) Time(seq uint64) time.Time {
	at := t.start.Add(t.offset(seq))
	if t.cfg.Share > 0 {
		at = at.Truncate(t.cfg.Share)
	}
	return at.Round(0) // wall clock alone
}

// Stamp is the time that an event bears, which may lie before those of earlier
// events.
func (t *Timeline) Stamp(seq uint64) time.Time {
	at := t.Time(seq)
	if t.cfg.StepBack > 0 && madeup.Mix(seq)%stepsBack == 0 {
		at = at.Add(-time.Duration(madeup.Mix(seq+1) % uint64(t.cfg.StepBack)))
	}
	return at
}

// Since is the first event whose Time is not before at; what has not happened
// yet counts as well.
func (t *Timeline) Since(at time.Time) uint64 {
	after := at.Sub(t.start.Round(0))
	most := int(max(0, (after+t.cfg.Share).Seconds()*t.cfg.Rate)) + 2
	return 1 + uint64(sort.Search(most, func(i int) bool { return !t.Time(uint64(i) + 1).Before(at) }))
}

// Start is when event 1 happened.
func (t *Timeline) Start() time.Time { return t.start.Round(0) }
