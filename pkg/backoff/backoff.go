// Package backoff computes how long to wait before trying again, and keeps a
// ladder of such waits that survives the process that climbs it.
//
// It sleeps nowhere and reads no clock: callers hand in the time and the
// randomness, so a ladder of hours is tested in microseconds. It knows
// neither networks nor files; whoever owns a ladder stores its State.
package backoff

import "time"

// A Policy is one ladder of waits: from First to Max, by First a step when
// Linear, else doubling.
type Policy struct {
	First, Max time.Duration
	Linear     bool
}

// Wait returns the wait after the given number of failures in a row, counted
// from 1, without jitter. It never exceeds Max and never overflows, whatever
// number a damaged file may hold.
func (p Policy) Wait(step int) time.Duration {
	if step < 1 {
		return 0
	}
	first := max(p.First, 1)
	if p.Linear {
		if int64(step) > int64(p.Max/first) {
			return p.Max
		}
		return time.Duration(step) * first
	}
	wait := first
	for ; step > 1 && wait < p.Max; step-- {
		if wait > p.Max/2 {
			return p.Max
		}
		wait *= 2
	}
	return min(wait, p.Max)
}

// Jitter lengthens a wait by up to a fifth, so that many clients that were
// cut off together do not return together; random returns a number in [0,1).
func Jitter(wait time.Duration, random func() float64) time.Duration {
	return wait + time.Duration(random()*float64(wait)/5)
}

// State is a ladder's position in the form that is written to disk before a
// wait begins, so that a restarted process goes on where it stood.
type State struct {
	Kind    string        `json:"kind"`    // which ladder: what failed
	Step    int           `json:"step"`    // failures in a row, from 1
	Written time.Time     `json:"written"` // wall clock at the start of the wait
	Wait    time.Duration `json:"wait"`    // nanoseconds, jitter included
	For     string        `json:"for"`     // short hash of URL and credentials
}

// Remaining returns how much of the wait is left at now. Whatever the clock
// did since, it is never more than Wait and never negative.
func (s State) Remaining(now time.Time) time.Duration {
	if now.Before(s.Written) {
		return s.Wait
	}
	return max(0, s.Wait-now.Sub(s.Written))
}
