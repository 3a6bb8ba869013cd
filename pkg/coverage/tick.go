package coverage

import "time"

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
	if r.cfg.Up != nil {
		now.up = r.cfg.Up()
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
