package coverage

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// carried is how long after a process gave up its reason stands: a daemon
// starts it again within five minutes at the latest.
const carried = 6 * time.Minute

// Open is the state that a Recorder keeps: the span that it records, as it was
// at a time.
type Open struct {
	Span    Span      `json:"span"`
	At      time.Time `json:"at"`
	PID     int       `json:"pid"`
	Totals  Totals    `json:"totals"`
	Boot    string    `json:"boot,omitempty"`
	Why     Reason    `json:"why,omitempty"`    // of the gap that goes on at At
	Missing time.Time `json:"missing,omitzero"` // from when on gaps have not been filled
	Closed  bool      `json:"closed,omitempty"` // the process ended in order; the span is in the book
}

// Evidence is what is known of a process but by its own record.
type Evidence struct {
	PID     int       // that wrote the last status
	At      time.Time // when it did
	Totals  Totals    // what that says
	Written time.Time // last write of a message that is not in a finished file
}

// state is what is kept, r.mu held.
func (r *Recorder) state(at time.Time) Open {
	o := Open{Span: r.upTo(at), At: at, PID: r.cfg.PID, Totals: r.totals, Boot: r.cfg.Boot, Why: r.why, Missing: r.missing}
	if at.Before(o.Span.To) {
		o.At = o.Span.To
	}
	return o
}

func (o Open) encode() []byte {
	text, err := json.Marshal(o)
	if err != nil {
		return nil // as in line
	}
	return append(text, '\n')
}

// DecodeOpen reads a kept state; ok is false for what is none.
func DecodeOpen(text []byte) (o Open, ok bool) {
	err := json.Unmarshal(text, &o)
	return o, err == nil && o.Span.valid() && !o.At.IsZero()
}

// Until returns the span as far as there is evidence of it: to the latest of
// what the process kept, its status and its last write.
func (o Open) Until(e Evidence, now time.Time) Span {
	s := o.Span.clone()
	if o.Closed {
		return s
	}
	to := s.To
	if e.PID == o.PID && e.At.After(to) && !e.At.After(now) {
		to = wall(e.At)
		s.spread(s.To, to, above(e.Totals.Messages, o.Totals.Messages), above(e.Totals.Bytes, o.Totals.Bytes))
		s.Withheld += above(e.Totals.Withheld, o.Totals.Withheld)
	}
	if o.Why == "" && e.Written.After(to) && !e.Written.After(now) {
		to = wall(e.Written)
	}
	if o.Why != "" {
		s.miss(o.Why, s.To, to)
	}
	s.To = to
	return s
}

func above(a, b uint64) uint64 { return max(a, b) - b }

// NewRecorder takes over what the process before this one kept (nothing on
// the first start), enters what became of it and why there was none since, and
// begins to record: as not connected. It writes before it returns, so that
// evidence of the dead is not asked for twice.
func NewRecorder(cfg Config, b book, kept []byte, e Evidence) *Recorder {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Recorder{cfg: cfg, book: b, wake: make(chan struct{}, 1), began: time.Now()}
	r.last = r.look()
	now := r.last.wall
	r.span, r.since, r.connection = Span{From: now}, now, NotRunning
	if o, ok := DecodeOpen(kept); ok {
		r.takeOver(o, o.Until(e, now), now)
	} else {
		r.fresh = true
	}
	r.why = r.connection
	state := r.state(now)
	r.write(state)
	return r
}

// takeOver enters the end of the process before this one, and the time since.
func (r *Recorder) takeOver(o Open, old Span, now time.Time) {
	if !o.Closed {
		r.lines = old.Line()
	}
	r.missing = o.Missing
	if r.missing.IsZero() {
		r.missing = old.To
	}
	if old.To.After(now) { // the clock was set back meanwhile
		r.span.Clock = seconds(now.Sub(old.To))
		r.missing = now
		return
	}
	from := old.To
	switch {
	case old.End == Stopped:
		r.connection = Stopped
	case o.Closed && now.Sub(from) < carried:
		r.connection = old.End
	default:
		if up := r.rebooted(o.Boot, now); up.After(from) {
			r.span.miss(MachineOff, from, up)
			from = up
		}
	}
	r.span.miss(r.connection, from, now)
}

// rebooted returns since when the machine is up, if it was not when a process
// ran in another boot; zero if that was this one, or nobody knows.
func (r *Recorder) rebooted(boot string, now time.Time) time.Time {
	if r.last.up == 0 || boot == "" || r.cfg.Boot == "" || boot == r.cfg.Boot {
		return time.Time{}
	}
	return wall(now.Add(-r.last.up))
}

// clone copies what a span that goes on would change.
func (s *Span) clone() Span {
	c := *s
	c.Messages, c.Bytes, c.Filled = slices.Clone(s.Messages), slices.Clone(s.Bytes), slices.Clone(s.Filled)
	c.Gaps = maps.Clone(s.Gaps)
	for why, all := range c.Gaps {
		c.Gaps[why] = slices.Clone(all)
	}
	return c
}
