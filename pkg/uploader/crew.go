package uploader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// crew is the lanes, one a target, and the booker who settles for all of them.
// A lane whose target takes nothing goes on trying while another one lives; with
// one target it ends.
type crew struct {
	u      *Uploader
	booker *booker
	lanes  []*lane
	// producers are the lanes that may still bring the booker something.
	producers sync.WaitGroup

	mu      sync.Mutex // guards what follows
	gaveUp  []error    // by lane: why it gave up; nil once its target took a file
	over    []bool     // by lane: a drain has shipped what it could
	left    []error    // by lane: what its drain could not ship
	failed  error      // the store
	stopped bool       // by us: nobody is left who may go on
	stop    func()     // ends the lanes' turns
	abandon func()     // ends the workers
}

func newCrew(u *Uploader, l ledger) *crew {
	n := len(u.cfg.Targets)
	c := &crew{u: u, gaveUp: make([]error, n), over: make([]bool, n), left: make([]error, n)}
	for i := range n {
		c.lanes = append(c.lanes, newLane(u, c, i))
	}
	c.booker = newBooker(u, l, c.lanes)
	return c
}

func (c *crew) run(ctx context.Context) error {
	work, endWork := context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	booking, endBooking := context.WithCancel(context.WithoutCancel(ctx))
	defer endBooking()
	turning, stop := context.WithCancel(ctx)
	defer stop()
	c.stop, c.abandon = stop, endWork

	timers := make(chan struct{})
	context.AfterFunc(turning, func() {
		defer close(timers)
		c.u.stopping()
		for grace, end := range map[time.Duration]func(){stopGrace: endWork, stopGrace + bookGrace: endBooking} {
			timer := time.AfterFunc(grace, end)
			context.AfterFunc(booking, func() { timer.Stop() })
		}
	})
	c.producers.Add(len(c.lanes))
	go func() {
		c.producers.Wait()
		close(c.booker.in)
	}()
	go c.booker.run(booking)

	library := newLibrary(c.u)
	lending := make(chan struct{})
	go func() {
		defer close(lending)
		library.run(turning)
	}()

	ends := make([]error, len(c.lanes))
	var lanes sync.WaitGroup
	for i, l := range c.lanes {
		lanes.Go(func() { ends[i] = l.run(turning, work) })
	}
	lanes.Wait()
	stop()
	<-timers
	<-lending
	err := once(append([]error{c.result()}, ends...))
	if c.u.cfg.Drain && err == nil {
		library.copy(ctx, true) // who only ever drains has books too
	}
	return err
}

// once joins errors, but those that several lanes were told of.
func once(errs []error) error {
	var all []error
	for _, err := range errs {
		told := func(before error) bool { return before.Error() == err.Error() }
		if err != nil && !slices.ContainsFunc(all, told) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// goesOn reports whether a lane has another turn after one that ended so. nil
// says that it was asked to end.
func (c *crew) goesOn(l *lane, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left *LeftError
	var refused *sink.Error
	switch {
	case err == nil:
		return false
	case errors.Is(err, errDrained), errors.As(err, &left):
		c.over[l.index], c.left[l.index] = true, ignore(err, errDrained)
		c.u.held.ail(l.index, true) // it looks after nothing any more
	case errors.As(err, &refused):
		c.gaveUp[l.index] = err
	default:
		if c.failed == nil {
			c.failed = err
		}
		c.stop()
		c.abandon() // nothing can be booked any more
		return false
	}
	for i := range c.lanes {
		if !c.over[i] && c.gaveUp[i] == nil {
			return !c.over[l.index]
		}
	}
	c.stopped = true
	c.stop()
	return false
}

// lives notes that a lane's target takes files.
func (c *crew) lives(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gaveUp[l.index] = nil
}

// result is why it all ended; nil if somebody asked, or all is drained.
func (c *crew) result() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil || !c.stopped {
		return c.failed
	}
	var all []error
	for i := range c.lanes {
		all = append(all, errors.Join(c.gaveUp[i], c.left[i]))
	}
	err := errors.Join(all...)
	if n := c.u.held.waits(); err == nil && n > 0 {
		return fmt.Errorf("drain the store: %d files are at some places and not at others: drain again", n)
	}
	return err
}

// failure is the store's error in err, if it is one that ends everything.
func failure(err error) error {
	var failed *store.Error
	if errors.As(err, &failed) {
		return err
	}
	return nil
}
