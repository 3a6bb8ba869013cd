package supervisor

import (
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

const (
	healthAfter = time.Minute     // of beats seen: a child that lived so long begins a new ladder
	longestGap  = 5 * time.Second // between two looks that count as watching
)

// pulse follows a child's beat by the daemon's monotonic clock.
//
// Only time that was watched counts as standing still, and only while the
// daemon could write itself: neither a suspended machine, a stopped daemon, a
// full or hung disk nor a step of the clock makes a healthy child look dead.
type pulse struct {
	seen         bool // a beat of this life
	beat         uint64
	first, moved time.Time // of the first and the last beat seen
	looked       time.Time
	still        time.Duration
}

// look takes in one observation. own tells that beat is this life's; until
// there is one, a child's age counts as standing still.
func (p *pulse) look(now time.Time, beat uint64, own, writable bool) {
	gap := now.Sub(p.looked)
	p.looked = now
	switch {
	case own && (!p.seen || beat != p.beat):
		if !p.seen {
			p.first = now
		}
		p.seen, p.beat, p.moved, p.still = true, beat, now, 0
	case !writable:
		p.still = 0
	case gap <= longestGap:
		p.still += gap
	}
}

// healthy reports whether beats have been seen for a minute.
func (p *pulse) healthy() bool { return p.seen && p.moved.Sub(p.first) >= healthAfter }

// judge takes in what a look has seen, and decides whether the child must be
// ended.
func (l *life) judge(seen look, timeout time.Duration, writable bool) {
	own := l.own(seen)
	if own {
		l.last = seen.status
	}
	l.pulse.look(time.Now(), seen.status.Beat, own, writable)
	switch {
	case l.pulse.still > timeout:
		l.why = hung
	case l.last.State != status.Capturing && seen.marks.differ(l.marks, l.spec.CredentialFiles):
		l.why = newCredentials
	}
}
