package uploader

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// stopGrace is what uploads in flight get when we are asked to stop.
	stopGrace = 8 * time.Second
	// bookGrace is what the last proofs get on top for their receipts.
	bookGrace = 1500 * time.Millisecond
	// checkEvery is how often the store is asked whether it is still ours.
	checkEvery = time.Second
)

// errDrained ends a drain.
var errDrained = errors.New("drained")

// loop owns all that is planned. Its methods run in one goroutine.
type loop struct {
	u       *Uploader
	plan    *plan
	trouble *trouble
	booker  *booker

	landed   chan outcome
	workers  sync.WaitGroup
	work     context.Context // of the workers: outlives ctx by stopGrace
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

func newLoop(u *Uploader, l ledger) *loop {
	return &loop{
		u: u, plan: newPlan(u.cfg), trouble: newTrouble(u.cfg, u.spool), booker: newBooker(u, l),
		landed: make(chan outcome),
	}
}

func (l *loop) run(ctx context.Context) error {
	var endWork context.CancelFunc
	l.work, endWork = context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	booking, endBooking := context.WithCancel(context.WithoutCancel(ctx))
	defer endBooking()
	changed, stopWatch, err := l.u.spool.Watch()
	if err != nil {
		l.u.cfg.Log.WithError(err).Debug("no events from the store: it is looked at instead")
	}
	l.events = err == nil
	defer stopWatch()
	for _, name := range l.trouble.restore() {
		l.plan.suspect(name)
	}
	go l.booker.run(booking)

	err = l.turn(ctx, changed)
	if err != nil && !errors.Is(err, errDrained) && l.failedStore(err) {
		endWork() // nothing can be booked any more
	}
	for grace, end := range map[time.Duration]func(){stopGrace: endWork, stopGrace + bookGrace: endBooking} {
		timer := time.AfterFunc(grace, end)
		defer timer.Stop()
	}
	return errors.Join(ignore(err, errDrained), l.finish())
}

// turn is the loop proper: start what may start, wait for what comes first.
func (l *loop) turn(ctx context.Context, changed <-chan struct{}) error {
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
		case b := <-l.booker.out:
			if err := l.book(b, time.Now()); err != nil {
				return err
			}
		case <-timer.C:
		}
	}
}

// step does all that is due now.
func (l *loop) step(now time.Time) error {
	if !now.Before(l.checkDue) {
		l.checkDue = now.Add(checkEvery)
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
func (l *loop) wake(now time.Time) time.Time {
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
func (l *loop) launch(now time.Time) error {
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

func (l *loop) start(t *track) {
	l.plan.start(t)
	l.workers.Go(func() { l.landed <- l.u.try(l.work, t) })
}

// land takes the outcome of a try.
func (l *loop) land(out outcome, now time.Time) error {
	t, log := out.t, l.u.cfg.Log.WithFields(logrus.Fields{"file": out.t.name, "attempt": out.t.tries})
	if out.err == nil {
		l.plan.taken(t, !out.old)
		l.booker.in <- out
		if out.old {
			log.Info("an old receipt proves the file, which is removed without another upload")
			return nil
		}
		log.WithField("bytes", out.content.size).Debug("uploaded")
		if len(l.plan.failing) == 0 {
			l.u.repeats.over("uploads work again")
		}
		return l.relieved()
	}
	if l.asked || l.work.Err() != nil {
		l.plan.land(t) // we ended it
		return nil
	}
	probe := t.probe
	v := l.plan.failed(t, out.err, now)
	l.u.failed(t, v, out.err)
	return l.decide(t, v, probe, now)
}

// book takes news of the booker.
func (l *loop) book(b booked, now time.Time) error {
	switch {
	case b.fatal != nil:
		return b.fatal
	case b.blocked != nil:
		l.blocked = true
		l.u.block(b.blocked)
	case b.free:
		l.blocked = false
		l.u.block(nil)
	case b.err != nil:
		delete(l.plan.booking, b.t.name)
		l.u.failed(b.t, l.plan.failed(b.t, b.err, now), b.err)
	default:
		delete(l.plan.booking, b.t.name)
		l.u.shipped(b.size)
	}
	return nil
}

// finish waits for what is in flight and books what is proven.
func (l *loop) finish() error {
	l.asked = true
	l.u.stopping()
	go func() {
		l.workers.Wait()
		close(l.landed)
	}()
	var failed error
	landed := l.landed
	for landed != nil || l.booker.out != nil {
		select {
		case out, ok := <-landed:
			if !ok {
				landed = nil
				close(l.booker.in)
				continue
			}
			failed = errors.Join(failed, l.land(out, time.Now()))
		case b, ok := <-l.booker.out:
			if !ok {
				l.booker.out = nil
				continue
			}
			failed = errors.Join(failed, l.book(b, time.Now()))
		}
	}
	l.tally(time.Now())
	return l.unbooked(failed)
}

// unbooked says which proofs found no place in the ledger in time.
func (l *loop) unbooked(err error) error {
	if n := len(l.plan.booking); n > 0 {
		l.u.cfg.Log.WithFields(logrus.Fields{"files": n, "err": err}).Warn("uploaded files could not be booked in time: they stay, and are uploaded again")
	}
	var full *store.FullError
	if errors.As(err, &full) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// failedStore reports whether an error is not the node's.
func (l *loop) failedStore(err error) bool {
	var e *sink.Error
	return !errors.As(err, &e)
}

func ignore(err, that error) error {
	if errors.Is(err, that) {
		return nil
	}
	return err
}
