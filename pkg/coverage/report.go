package coverage

import (
	"bytes"
	"cmp"
	"slices"
	"time"
)

// Report is the answer for a stretch of time. The names of its JSON fields are
// stable.
type Report struct {
	From time.Time `json:"from"` // not before the book begins
	To   time.Time `json:"to"`
	// Seconds is how long that is, but for what a clock that was set jumped
	// over; CoveredSeconds is what is not in a gap, or in one that was filled.
	Seconds        float64 `json:"seconds"`
	CoveredSeconds float64 `json:"covered_seconds"`
	FilledSeconds  float64 `json:"filled_seconds"`
	CoveredPercent float64 `json:"covered_percent"` // rounded down: 100 only without a gap
	Messages       uint64  `json:"messages"`        // stored, by the minute
	Bytes          uint64  `json:"bytes"`
	Withheld       uint64  `json:"withheld"` // messages that the server said it did not send
	Running        bool    `json:"running"`  // a grabber ran at the end
	Gaps           []Gap   `json:"gaps"`
	Days           []Day   `json:"days"`
	Minutes        Minutes `json:"minutes"`
	ClockSteps     []Step  `json:"clock_steps"`
}

// Day is a day of the report, UTC.
type Day struct {
	Day            string  `json:"day"` // 2026-11-24
	Seconds        float64 `json:"seconds"`
	CoveredSeconds float64 `json:"covered_seconds"`
	CoveredPercent float64 `json:"covered_percent"`
	Messages       uint64  `json:"messages"`
	Bytes          uint64  `json:"bytes"`
}

// Minutes are what was stored in each minute, one after the other.
type Minutes struct {
	From     time.Time `json:"from"`
	Messages []uint64  `json:"messages"`
	Bytes    []uint64  `json:"bytes"`
}

// Step is a clock that was set.
type Step struct {
	At      time.Time `json:"at"`      // by the clock as it was then
	Seconds float64   `json:"seconds"` // forward, or back if negative
}

// Builder gathers lines of the book, in their order, for a Report.
type Builder struct {
	spans []Span
	at    map[int64]int // of a span, by its From in Unix milliseconds
}

// Add takes a line, without its end, and reports whether it was a span. What it
// cannot read it passes over.
func (b *Builder) Add(line []byte) (s Span, ok bool) {
	if bytes.HasPrefix(line, fileStart) {
		return Span{}, false
	}
	l, err := Decode(line)
	if err != nil || l.Span == nil {
		return Span{}, false
	}
	b.AddSpan(*l.Span)
	return *l.Span, true
}

// AddSpan takes a span that comes after all lines so far.
func (b *Builder) AddSpan(s Span) {
	if b.at == nil {
		b.at = map[int64]int{}
	}
	key := s.From.UnixMilli()
	if i, again := b.at[key]; again {
		if !s.To.Before(b.spans[i].To) {
			b.spans[i] = s
		}
		return
	}
	b.at[key] = len(b.spans)
	b.spans = append(b.spans, s)
}

// Range says what a Report is about.
type Range struct {
	From, To time.Time // zero: as far as the book goes
	// Older says that the book has lines before those that were added, so that
	// a time before the first of them is a gap and not before the beginning.
	Older bool
	// Running says that the process of the last span runs and works.
	Running bool
}

// Report computes. ok is false when nothing is known of that range.
func (b *Builder) Report(in Range) (r Report, ok bool) {
	spans := slices.Clone(b.spans)
	slices.SortStableFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	if len(spans) == 0 {
		return Report{}, false
	}
	first, last := spans[0].From, spans[0].To
	for _, s := range spans {
		last = later(last, s.To)
	}
	if in.From.IsZero() || in.From.Before(first) && !in.Older {
		in.From = first
	}
	if in.To.IsZero() || in.Running && in.To.After(last) {
		in.To = last
	}
	if !in.To.After(in.From) {
		return Report{}, false
	}
	r = Report{From: wall(in.From), To: wall(in.To), Running: in.Running, Gaps: []Gap{}, Days: []Day{}, ClockSteps: []Step{}}
	jumped := union(r.steps(b.spans))
	gaps := b.gaps()
	gaps = append(gaps, unexplained(spans, union(slices.Concat(jumped, stretches(gaps))), in)...)
	r.clip(gaps)
	r.count(spans)
	r.measure(jumped)
	return r, true
}

// gaps returns all of them in the order in which they were entered, marked as
// filled as far as they are.
func (b *Builder) gaps() []Gap {
	var all []Gap
	for _, s := range b.spans {
		var own []Gap
		for why, list := range s.Gaps {
			for _, st := range list {
				from, to := s.times(st)
				own = append(own, Gap{From: from, To: to, Reason: why})
			}
		}
		slices.SortFunc(own, func(a, b Gap) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Reason, b.Reason)) })
		for _, g := range own {
			all = appendGap(all, g)
		}
		for _, st := range s.Filled {
			from, to := s.times(st)
			all = fill(all, from, to)
		}
	}
	return all
}

// appendGap adds a gap, or makes the last one longer where it goes on.
func appendGap(all []Gap, g Gap) []Gap {
	if n := len(all) - 1; n >= 0 && all[n].Reason == g.Reason && all[n].Filled == g.Filled && g.From.Sub(all[n].To).Abs() <= time.Millisecond {
		all[n].To = g.To
		return all
	}
	return append(all, g)
}

// fill marks what lies between two times as filled. It looks from the end back
// to the first gap that is over by then.
func fill(all []Gap, from, to time.Time) []Gap {
	first := len(all)
	for first > 0 && (all[first-1].To.After(from) || all[first-1].Reason == Skipped) {
		first--
	}
	tail := slices.Clone(all[first:])
	all = all[:first]
	for _, g := range tail {
		begin, end := later(g.From, from), earlier(g.To, to)
		if g.Reason == Skipped || g.Filled || !end.After(begin) {
			all = append(all, g)
			continue
		}
		if begin.After(g.From) {
			all = append(all, Gap{From: g.From, To: begin, Reason: g.Reason})
		}
		all = append(all, Gap{From: begin, To: end, Reason: g.Reason, Filled: true})
		if g.To.After(end) {
			all = append(all, Gap{From: end, To: g.To, Reason: g.Reason})
		}
	}
	return all
}

// unexplained are the times of which no span tells and that are known to be
// neither a gap nor none. known is a union.
func unexplained(spans []Span, known []interval, in Range) []Gap {
	var gaps []Gap
	add := func(from, to time.Time, why Reason) {
		if why != Stopped {
			why = NotRunning
		}
		for _, free := range without(interval{from, to}, known) {
			gaps = append(gaps, Gap{From: free.from, To: free.to, Reason: why})
		}
	}
	at, why := spans[0].From, Reason("")
	if in.Older {
		at = earlier(in.From, at)
	}
	for _, s := range spans {
		if s.From.After(at) {
			add(at, s.From, why)
		}
		if !s.To.Before(at) {
			at, why = s.To, s.End
		}
	}
	if in.To.After(at) {
		add(at, in.To, why)
	}
	return gaps
}

// steps notes clocks that were set, and returns the times that were jumped
// over.
func (r *Report) steps(spans []Span) (jumped []interval) {
	for _, s := range spans {
		before := s.From.Add(-duration(s.Clock))
		if s.Clock > 0 {
			jumped = append(jumped, interval{before, s.From})
		}
		if s.Clock != 0 && !before.Before(r.From) && !before.After(r.To) {
			r.ClockSteps = append(r.ClockSteps, Step{wall(before), s.Clock})
		}
	}
	return jumped
}

// clip keeps what of the gaps is in the report, in order of time.
func (r *Report) clip(gaps []Gap) {
	slices.SortStableFunc(gaps, func(a, b Gap) int { return a.From.Compare(b.From) })
	for _, g := range gaps {
		g.From, g.To = wall(later(g.From, r.From)), wall(earlier(g.To, r.To))
		if g.To.After(g.From) {
			r.Gaps = appendGap(r.Gaps, g)
		}
	}
	for i, g := range r.Gaps {
		r.Gaps[i].Seconds = seconds(g.To.Sub(g.From))
	}
}

// maxMinutes bounds the memory for minutes: ten years of them.
const maxMinutes = 10 * 366 * 24 * 60

// count adds up the minutes.
func (r *Report) count(spans []Span) {
	first := r.From.Truncate(time.Minute)
	n := min(int(r.To.Sub(first)/time.Minute)+1, maxMinutes)
	r.Minutes = Minutes{first, make([]uint64, n), make([]uint64, n)}
	for _, s := range spans {
		if !s.To.Before(r.From) && s.From.Before(r.To) {
			r.Withheld += s.Withheld
		}
		start := int(s.From.Truncate(time.Minute).Sub(first) / time.Minute)
		for i, messages := range s.Messages {
			if at := start + i; at >= 0 && at < n {
				r.Minutes.Messages[at] += messages
				r.Messages += messages
			}
		}
		for i, size := range s.Bytes {
			if at := start + i; at >= 0 && at < n {
				r.Minutes.Bytes[at] += size
				r.Bytes += size
			}
		}
	}
}
