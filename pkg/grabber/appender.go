package grabber

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/cadence"
	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// linger is how long a first line waits for others, so that a busy stream
	// does not cost one write a message.
	linger = 3 * time.Millisecond
	// roomEvery is how often a full disk is asked for room.
	roomEvery = time.Second
	// hurryEvery is the same when we were asked to stop.
	hurryEvery = 100 * time.Millisecond
	// stepLimit is what one call of the writer may rightly take: it may have
	// to wait for several syncs, each of which says itself when it is stuck.
	stepLimit = 15 * time.Minute
	// failedCloseTime is what closing may take on a store that has failed.
	failedCloseTime = time.Second
)

// errAbandoned ends an appender that was told to give up.
var errAbandoned = errors.New("given up with messages in memory")

// appender moves lines from the buffer into the writer, through full disks. It
// is one goroutine's, as the writer's Append and Close are.
type appender struct {
	g       *Grabber
	buffer  *buffer
	writer  writer
	stopped <-chan struct{} // we were asked to stop: no more patience
	full    repeated
	timer   *time.Timer // for lingering
	last    time.Time   // of the last append; monotonic
	tick    *time.Timer // for looking
}

func newAppender(g *Grabber, b *buffer, w writer, stopped <-chan struct{}) *appender {
	return &appender{g: g, buffer: b, writer: w, stopped: stopped, full: repeated{log: g.cfg.Log}}
}

// run stores lines until the buffer is finished, and closes the writer. It
// returns the error that ends it: of the store, or errAbandoned when ctx ends
// before all is stored.
func (a *appender) run(ctx context.Context) error {
	err := a.store(ctx)
	if err != nil { // what is finished already may still get its name
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, failedCloseTime)
		defer cancel()
	}
	if closed := a.writer.Close(ctx); err == nil && closed != nil {
		err = fmt.Errorf("close the store: %w", closed)
	}
	return err
}

func (a *appender) store(ctx context.Context) error {
	a.timer, a.tick = time.NewTimer(linger), time.NewTimer(cadence.Left(time.Now(), cadence.Look))
	defer a.timer.Stop()
	defer a.tick.Stop()
	for !a.buffer.finished() {
		if err := a.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step waits for something to do and does it.
func (a *appender) step(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return errAbandoned
	case <-a.buffer.gone:
		return errAbandoned
	case <-a.tick.C:
		a.tick.Reset(cadence.Left(time.Now(), cadence.Look))
		return a.patiently(ctx, a.look)
	case <-a.buffer.ready:
		a.linger()
	case <-a.timer.C: // since the last append
	}
	if a.buffer.idle() {
		return nil
	}
	before := a.g.messages.Load()
	err := a.patiently(ctx, a.append)
	a.last = time.Now()
	if a.g.messages.Load() > before+1 || !a.buffer.idle() {
		a.timer.Reset(linger) // a busy stream: look again without being called
	}
	return err
}

// linger gives other lines a moment to come, if the last append was just now:
// a line that comes alone is written at once, and costs no timer.
func (a *appender) linger() {
	left := linger - time.Since(a.last)
	if left <= 0 || a.buffer.worth() {
		return
	}
	a.timer.Reset(left)
	select {
	case <-a.timer.C:
	case <-a.buffer.ready: // a batch worth writing, or the end
	}
}

// append offers what is in the buffer until all of it is taken.
func (a *appender) append() error {
	for lines := a.buffer.take(); len(lines) > 0; lines = a.buffer.take() {
		n, err := a.writer.Append(lines)
		a.g.messages.Add(a.buffer.stored(n))
		a.g.bytes.Add(uint64(n))
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("append to the store: %w", io.ErrNoProgress)
		}
		if n == len(lines) {
			return nil
		}
	}
	return nil
}

// look does what is due by time, and finds out early that the disk is full.
// Asked to stop it does not ask for room: what is in memory may go below the
// reserve.
func (a *appender) look() error {
	err := a.writer.Tick()
	if err != nil || a.stopping() {
		return err
	}
	return a.writer.Room()
}

func (a *appender) stopping() bool {
	select {
	case <-a.stopped:
		return true
	default:
		return false
	}
}

// patiently does something as often as it takes for the disk not to be full.
// Meanwhile nothing is taken from the buffer, so that reading stops as well.
func (a *appender) patiently(ctx context.Context, do func() error) error {
	err := a.timed(do)
	var full *store.FullError
	for errors.As(err, &full) {
		a.g.states.pause(full.Reason)
		a.g.cfg.Journal.Paused(coverage.DiskFull)
		a.full.say(logrus.ErrorLevel, "", logrus.Fields{"reason": full.Reason}, "the store has no room: capture pauses")
		if !a.rest(ctx) {
			return errAbandoned
		}
		err = a.again(do)
	}
	if err == nil {
		a.full.over("the store has room again: capture goes on")
		a.g.states.resume()
		a.g.cfg.Journal.Resumed(coverage.DiskFull)
	}
	return err
}

// again is one more try to do something on a disk that was full.
func (a *appender) again(do func() error) error {
	if err := a.timed(a.look); err != nil {
		return err
	}
	return a.timed(do)
}

// rest lets some time pass and reports whether to try again.
func (a *appender) rest(ctx context.Context) bool {
	pause, stopped := roomEvery, a.stopped
	if a.stopping() {
		pause, stopped = hurryEvery, nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-a.buffer.gone:
		return false
	case <-stopped:
	case <-timer.C:
	}
	return true
}

// timed does something under this stage's word.
func (a *appender) timed(do func() error) error {
	a.g.write.Begin(stepLimit)
	defer a.g.write.Idle()
	return do()
}
