package uploader

import (
	"maps"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/sink"
)

const (
	// pendingNames is how many names a scan brings; the directory has the rest.
	// To look through 100,000 names takes half a second, so it brings many.
	pendingNames = 8192
	// maxPostponed bounds the memory for files behind the others. One more is
	// forgotten, which means that it is tried again sooner.
	maxPostponed = 50_000
)

// track is what this process knows of a file that it has tried.
type track struct {
	name      string
	tries     int // in this process
	failed    int // in a row since it was last put behind the others
	blamed    bool
	first     uint64 // accepts at the time of the node's first refusal, if blamed
	due       time.Time
	rounds    int  // how often it was put behind the others
	postponed bool // because of the node
	spent     bool // while draining: not tried again
	probe     bool // in flight as one
	err       error
}

// plan is which file is where between the store and the ledger, and which is
// next. It starts nothing itself and asks no clock. It is for one goroutine.
type plan struct {
	concurrency, retries int
	backoff              backoff.Policy
	random               func() float64
	drain                bool

	accepts   uint64 // files that the sink took
	pending   []string
	flying    map[string]*track
	booking   map[string]*track // proven, on the way into the ledger
	failing   map[string]*track // wait for their next try
	postponed map[string]*track // behind the others
	flyingAs  map[string]bool   // names as the node sees them
	quiet     time.Time         // the node asked for no new file until then
	soonest   time.Time         // when the first postponed file is due; zero: none is
}

func newPlan(cfg Config) *plan {
	return &plan{
		concurrency: cfg.Concurrency, retries: cfg.Retries, backoff: cfg.Backoff, random: cfg.Random, drain: cfg.Drain,
		flying: map[string]*track{}, booking: map[string]*track{}, failing: map[string]*track{},
		postponed: map[string]*track{}, flyingAs: map[string]bool{},
	}
}

// knows reports whether a file is somewhere in the plan already: a scan passes
// over it.
func (p *plan) knows(name string) bool {
	for _, set := range p.sets() {
		if _, ok := set[name]; ok {
			return true
		}
	}
	return false
}

func (p *plan) sets() [4]map[string]*track {
	return [...]map[string]*track{p.flying, p.booking, p.failing, p.postponed}
}

// refill takes what a scan found.
func (p *plan) refill(names []string) {
	p.pending = slices.DeleteFunc(slices.Clone(names), p.knows)
}

// news reports whether a scan found a file that the last one had not.
func (p *plan) news(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, old := slices.BinarySearch(p.pending, name)
		return !old && !p.knows(name)
	})
}

// next returns the file to start now, nil for none: the oldest that is due.
func (p *plan) next(now time.Time) *track {
	if !p.mayStart(now) {
		return nil
	}
	if t := p.duePostponed(now); t != nil {
		return t
	}
	fresh := p.fresh()
	due := p.dueFailing(now)
	switch {
	case due != nil && (fresh == "" || due.name < fresh):
		return due
	case fresh != "":
		return &track{name: fresh}
	}
	return nil
}

func (p *plan) mayStart(now time.Time) bool {
	return len(p.flying) < p.concurrency && !p.full() && !now.Before(p.quiet)
}

// full reports whether the ledger is too far behind.
func (p *plan) full() bool { return len(p.booking) >= min(4*p.concurrency, maxBooking) }

// fresh returns the oldest file that was not tried yet and may be, "" for
// none. A file that failed before the node took another one keeps its place
// among those in flight while it waits: so a node that takes nothing is not
// sent the whole store, and one bad file does not hold up the others.
func (p *plan) fresh() string {
	held := len(p.flying)
	for _, t := range p.failing {
		if !p.acceptedSince(t) {
			held++
		}
	}
	if held >= p.concurrency || len(p.failing) >= 16*p.concurrency {
		return ""
	}
	for _, name := range p.pending {
		if !p.flyingAs[sink.SafeName(name)] {
			return name
		}
	}
	return ""
}

func (p *plan) dueFailing(now time.Time) *track {
	var first *track
	for _, t := range p.failing {
		if !now.Before(t.due) && (first == nil || t.name < first.name) && !p.flyingAs[sink.SafeName(t.name)] {
			first = t
		}
	}
	return first
}

// duePostponed returns the postponed file that has been due longest, one at a
// time. While draining they come when nothing else is left, once.
func (p *plan) duePostponed(now time.Time) *track {
	if p.drain {
		if len(p.pending)+len(p.flying)+len(p.failing) > 0 {
			return nil
		}
		now = p.soonest.Add(365 * 24 * time.Hour)
	}
	if p.soonest.IsZero() || now.Before(p.soonest) {
		return nil
	}
	for _, t := range p.flying {
		if t.rounds > 0 {
			return nil
		}
	}
	var first *track
	for _, t := range p.postponed {
		if !t.spent && !now.Before(t.due) && (first == nil || t.due.Before(first.due)) && !p.flyingAs[sink.SafeName(t.name)] {
			first = t
		}
	}
	return first
}

// wake returns when next may have an answer that it has not now.
func (p *plan) wake(now time.Time) (at time.Time, ok bool) {
	at, ok = p.soonest, p.soonest.After(now)
	for _, t := range p.failing {
		if t.due.After(now) && (!ok || t.due.Before(at)) {
			at, ok = t.due, true
		}
	}
	if p.quiet.After(now) {
		at, ok = p.quiet, true
	}
	return at, ok
}

// start moves a file into flight.
func (p *plan) start(t *track) {
	delete(p.failing, t.name)
	if p.postponed[t.name] != nil {
		delete(p.postponed, t.name)
		p.schedule()
	}
	if i, found := slices.BinarySearch(p.pending, t.name); found {
		p.pending = slices.Delete(p.pending, i, i+1)
	}
	p.flying[t.name] = t
	p.flyingAs[sink.SafeName(t.name)] = true
	t.tries++
}

// land takes a file out of flight, if it is in flight.
func (p *plan) land(t *track) {
	if p.flying[t.name] != t {
		return
	}
	delete(p.flying, t.name)
	delete(p.flyingAs, sink.SafeName(t.name))
	t.probe = false
}

// taken moves a file that needs no more than the ledger; accepted tells a put
// from an old receipt, which says nothing about the node.
func (p *plan) taken(t *track, accepted bool) {
	p.land(t)
	p.booking[t.name] = t
	if accepted {
		p.accepts++
		p.quiet = time.Time{}
	}
}

// acceptedSince reports whether the node took a file after it first refused t.
func (p *plan) acceptedSince(t *track) bool { return !t.blamed || p.accepts > t.first }

// failed judges a try that failed and puts the file where it belongs, except
// for setAside and forget, which are the caller's to carry out.
func (p *plan) failed(t *track, err error, now time.Time) verdict {
	p.land(t)
	t.failed++
	t.err = err
	if isNodes(err) && !t.blamed {
		t.blamed, t.first = true, p.accepts
	}
	v := judge(err, facts{failed: t.failed, limit: p.retries, accepted: t.blamed && p.acceptedSince(t), postponed: t.postponed})
	switch v {
	case postpone:
		p.putOff(t, now)
	case again, doubt, pause:
		t.due = now.Add(max(backoff.Jitter(p.backoff.Wait(t.failed), p.random), serverWait(err)))
		p.failing[t.name] = t
		if wait := serverWait(err); wait > 0 && !p.acceptedSince(t) {
			p.quiet = now.Add(wait)
		}
	}
	return v
}

// putOff puts a file behind the others.
func (p *plan) putOff(t *track, now time.Time) {
	t.spent = p.drain && t.rounds > 0
	t.postponed = t.postponed || isNodes(t.err)
	t.rounds, t.failed = t.rounds+1, 0
	t.due = now.Add(max(backoff.Jitter(postponedFor(p.backoff, t.rounds), p.random), serverWait(t.err)))
	if len(p.postponed) >= maxPostponed {
		for name := range p.postponed {
			delete(p.postponed, name)
			break
		}
	}
	p.postponed[t.name] = t
	p.schedule()
}

// schedule finds out when the first postponed file is due. There may be many,
// so it is kept until one comes or goes.
func (p *plan) schedule() {
	p.soonest = time.Time{}
	for _, t := range p.postponed {
		if !t.spent && (p.soonest.IsZero() || t.due.Before(p.soonest)) {
			p.soonest = t.due
		}
	}
}

// suspects returns the files that wait and may be to blame, in name order.
func (p *plan) suspects() []string {
	var names []string
	for name, t := range p.failing {
		if t.blamed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// suspect remembers a file that an earlier process saw refused: once the node
// takes another one, it is the file.
func (p *plan) suspect(name string) {
	p.failing[name] = &track{name: name, failed: p.retries, blamed: true, first: p.accepts}
}

// left returns the postponed files in name order.
func (p *plan) left() []string { return slices.Sorted(maps.Keys(p.postponed)) }
