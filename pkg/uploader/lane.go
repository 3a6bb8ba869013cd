package uploader

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/cadence"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// stopGrace is what uploads in flight get when we are asked to stop.
	stopGrace = 8 * time.Second
	// bookGrace is what the last proofs get on top for their receipts.
	bookGrace = 1500 * time.Millisecond
)

// errDrained ends a drain.
var errDrained = errors.New("drained")

// lane is the way to one target: what is planned for it, its trouble, its
// workers. Its methods run in one goroutine.
type lane struct {
	u       *Uploader
	crew    *crew
	index   int
	target  Target
	log     *logrus.Entry // names the target where there are several
	plan    *plan
	trouble *trouble
	repeats repeated
	word    *status.Stage // of its looks at the store
	shown   shown

	landed   chan outcome
	news     chan booked // of the booker, who closes it
	workers  sync.WaitGroup
	work     context.Context // of the workers: outlives the turns by stopGrace
	asked    bool            // asked to stop
	blocked  bool            // the ledger's disk is full
	scanned  bool            // at least once
	events   bool            // the store tells of new files
	told     bool            // it has, since the last scan
	missed   int             // scans in a row that found what it had not told
	foreign  []string        // names that the last scan was not sure of
	alone    time.Time       // since when a drain waits for those only; zero: it does not
	more     bool            // the directory has more than the last scan brought
	scanDue  time.Time
	scanFrom time.Time // not before: a twentieth
	checkDue time.Time
	countDue time.Time
}

func newLane(u *Uploader, c *crew, index int) *lane {
	l := &lane{
		u: u, crew: c, index: index, target: u.cfg.Targets[index], log: u.cfg.Log,
		plan: newPlan(u.cfg), word: u.scanning[index],
		landed: make(chan outcome), news: make(chan booked),
	}
	if len(u.cfg.Targets) > 1 {
		l.log = l.log.WithField("url", l.target.URL)
	}
	l.trouble = newTrouble(u.cfg, l.target, u.spool, u.cfg.backoffFile(index))
	l.repeats.log = l.log
	return l
}

// run ships until turning ends, or until the crew says that an error is the
// end. Then it waits for what is in flight, and until nobody books any more.
func (l *lane) run(turning, work context.Context) error {
	l.work = work
	changed, stopWatch, err := l.u.spool.Watch()
	if err != nil {
		l.log.WithError(err).Debug("no events from the store: it is looked at instead")
	}
	l.events = err == nil
	defer stopWatch()
	for _, name := range l.trouble.restore() {
		l.plan.suspect(name)
	}
	l.u.held.ail(l.index, l.trouble.on)
	for l.crew.goesOn(l, l.turn(turning, changed)) {
		l.anew()
	}
	return l.finish()
}

// anew begins as a new process would after one that gave up: it waits, and then
// tries one file at a time.
func (l *lane) anew() {
	suspects, booking := l.plan.suspects(), l.plan.booking
	l.plan = newPlan(l.u.cfg)
	l.plan.booking = booking
	for _, name := range suspects {
		if l.u.spool.Captured(name) {
			l.plan.suspect(name)
		}
	}
	l.trouble.restored = true
	l.scanned, l.scanDue = false, time.Time{}
}

// skip reports whether a file is not for this lane to start now.
func (l *lane) skip(name string) bool {
	return l.plan.knows(name) || l.u.held.skips(l.index, name)
}

// turn is the loop proper: start what may start, wait for what comes first.
func (l *lane) turn(ctx context.Context, changed <-chan struct{}) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := l.step(time.Now()); err != nil {
			return err
		}
		timer.Reset(time.Until(l.wake(time.Now())))
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			l.told, l.scanDue = true, l.scanFrom
		case out := <-l.landed:
			if err := l.land(out, time.Now()); err != nil {
				return err
			}
		case b := <-l.news:
			if err := l.book(b, time.Now()); err != nil {
				return err
			}
		case <-timer.C:
		}
	}
}

// step does all that is due now.
func (l *lane) step(now time.Time) error {
	if !now.Before(l.checkDue) {
		l.checkDue = now.Add(cadence.Left(now, cadence.Look))
		if check := l.u.cfg.Check; check != nil {
			if err := check(); err != nil {
				return err
			}
		}
	}
	l.count(now)
	if l.wantsScan(now) {
		if err := l.scan(); err != nil {
			return err
		}
	}
	if err := l.launch(now); err != nil {
		return err
	}
	l.show(now)
	if l.u.cfg.Drain && l.drained(now) {
		return l.drainEnd()
	}
	return nil
}

// wake returns when step has something to do if nothing comes before.
func (l *lane) wake(now time.Time) time.Time {
	at := l.checkDue
	for _, t := range []time.Time{l.scanDue, l.countDue} {
		if t.Before(at) {
			at = t
		}
	}
	due, ok := l.plan.wake(now)
	if l.trouble.on {
		due, ok = l.trouble.until, len(l.plan.flying) == 0
	}
	if ok && due.After(now) && due.Before(at) {
		at = due
	}
	return at
}

// launch starts what may be started now.
func (l *lane) launch(now time.Time) error {
	if l.blocked {
		return nil // a proof that cannot be booked would be lost with us
	}
	if l.trouble.on {
		return l.probe(now)
	}
	for t := l.plan.next(now); t != nil; t = l.plan.next(now) {
		l.start(t)
	}
	return nil
}

func (l *lane) start(t *track) {
	l.plan.start(t)
	l.workers.Go(func() { l.landed <- l.try(l.work, t) })
}

// land takes the outcome of a try.
func (l *lane) land(out outcome, now time.Time) error {
	t, log := out.t, l.log.WithFields(logrus.Fields{"file": out.t.name, "attempt": out.t.tries})
	if out.err == nil {
		l.plan.taken(t, !out.old)
		l.crew.booker.in <- out
		if out.old {
			log.Info("an old receipt proves the file, which is removed without another upload")
			return nil
		}
		log.WithField("bytes", out.content.size).Debug("uploaded")
		if len(l.plan.failing) == 0 {
			l.repeats.over("uploads work again")
		}
		l.crew.lives(l)
		return l.relieved()
	}
	if l.asked || l.work.Err() != nil {
		l.plan.land(t) // we ended it
		return nil
	}
	probe := t.probe
	v := l.plan.failed(t, out.err, now)
	l.failed(t, v, out.err)
	if v == setAside {
		return l.setAside(out)
	}
	return l.decide(t, v, probe)
}

// book takes news of the booker.
func (l *lane) book(b booked, now time.Time) error {
	switch {
	case b.fatal != nil:
		return b.fatal
	case b.blocked:
		l.blocked = true
	case b.free:
		l.blocked = false
	case b.err != nil:
		delete(l.plan.booking, b.t.name)
		l.failed(b.t, l.plan.failed(b.t, b.err, now), b.err)
	default:
		delete(l.plan.booking, b.t.name)
		if !b.refused && !b.old {
			l.shipped(b.size)
		}
	}
	return nil
}

// finish waits for what is in flight and for what is proven to be booked.
func (l *lane) finish() error {
	l.asked = true
	go func() {
		l.workers.Wait()
		close(l.landed)
	}()
	var failed error
	landed, news := l.landed, l.news
	for landed != nil || news != nil {
		select {
		case out, ok := <-landed:
			if !ok {
				landed = nil
				l.crew.producers.Done()
				continue
			}
			failed = errors.Join(failed, l.land(out, time.Now()))
		case b, ok := <-news:
			if !ok {
				news = nil
				continue
			}
			failed = errors.Join(failed, l.book(b, time.Now()))
		}
	}
	l.tally(time.Now())
	return l.unbooked(failed)
}

// unbooked says which proofs found no place in the ledger in time.
func (l *lane) unbooked(err error) error {
	if n := len(l.plan.booking); n > 0 {
		l.log.WithFields(logrus.Fields{"files": n, "err": err}).Warn("uploaded files could not be booked in time: they stay, and are uploaded again")
	}
	var full *store.FullError
	if errors.As(err, &full) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func ignore(err, that error) error {
	if errors.Is(err, that) {
		return nil
	}
	return err
}
