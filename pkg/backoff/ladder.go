package backoff

import (
	"math"
	"time"
)

// The kinds of failure, each with a ladder of its own (Twitter, connecting to
// a streaming endpoint: linear for TCP/IP, exponential for HTTP, exponential
// from a minute for a rate limit).
const (
	Network   = "network"
	HTTP      = "http"
	RateLimit = "rate-limit"
)

// MaxServerWait is the longest wait that a server may impose.
const MaxServerWait = time.Hour

// Ladder is a position on one of several ladders, one a kind of failure.
//
// Only one position is kept: a failure of another kind starts that kind's
// ladder at its first step, as Twitter's own client does (hbc: a network
// error resets the HTTP counter, and the other way round). What goes on from
// one process to the next is the State that Next returns; its owner writes it
// down before the wait begins and removes it when it calls Reset.
//
// A Ladder is for one goroutine.
type Ladder struct {
	policies map[string]Policy
	purpose  string
	random   func() float64
	at       State // Step 0: at the foot
}

// NewLadder returns a ladder at its foot. purpose is a short hash of what is
// tried (URL, credentials): a State of another purpose is none of ours.
// random returns numbers in [0,1).
func NewLadder(policies map[string]Policy, purpose string, random func() float64) *Ladder {
	return &Ladder{policies: policies, purpose: purpose, random: random}
}

// Resume goes on where saved stood and returns how much of its wait is left at
// now. A State of another purpose, or one that makes no sense, is ignored: the
// ladder stays at its foot and nothing is left to wait.
func (l *Ladder) Resume(saved State, now time.Time) time.Duration {
	policy, known := l.policies[saved.Kind]
	if !known || saved.For != l.purpose || saved.Step < 1 || saved.Wait < 0 {
		return 0
	}
	longest := Jitter(policy.Max, func() float64 { return 1 })
	saved.Wait = min(saved.Wait, max(longest, MaxServerWait)) // a damaged file shall not stop us for years
	l.at = saved
	return saved.Remaining(now)
}

// Next climbs one step of the kind's ladder and returns the State to write
// down before the wait begins. The wait is the longer of the ladder's, with
// jitter, and the server's, which is capped at MaxServerWait. now is the wall
// clock.
func (l *Ladder) Next(kind string, serverWait time.Duration, now time.Time) State {
	step := 1
	if l.at.Kind == kind {
		step = min(l.at.Step, math.MaxInt32-1) + 1
	}
	wait := Jitter(l.policies[kind].Wait(step), l.random)
	l.at = State{
		Kind:    kind,
		Step:    step,
		Written: now.UTC(),
		Wait:    max(wait, min(serverWait, MaxServerWait)),
		For:     l.purpose,
	}
	return l.at
}

// Reset goes back to the foot: what was tried has worked.
func (l *Ladder) Reset() { l.at = State{} }

// Climbing reports whether the ladder has left its foot.
func (l *Ladder) Climbing() bool { return l.at.Step > 0 }
