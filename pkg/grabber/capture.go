package grabber

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/stream"
)

const (
	// stopTime is how long all may take after we were asked to stop; a daemon
	// waits for ten seconds.
	stopTime = 8 * time.Second
	// closeTime is how much of it writing and finishing may take, so that an
	// orderly end still fits in.
	closeTime = 7 * time.Second
)

// fatal is what ends a capture though nobody asked it to stop.
type fatal struct{ error }

// capture runs reader, appender and watcher until all have ended, or until
// stopTime after ctx has, and says what of the memory's content is lost. It
// returns errDone when the input was finite or all that was asked for is there.
func (g *Grabber) capture(ctx context.Context, src source, w writer) error {
	work, fail := context.WithCancelCause(ctx) // ends when asked to stop, or by what is final
	defer fail(nil)
	if g.cfg.Duration > 0 { // as if asked to stop: a capture that waits for a full disk ends, too
		defer time.AfterFunc(g.cfg.Duration, func() { fail(nil) }).Stop()
	}
	closing, cancelClosing := after(work, closeTime)
	defer cancelClosing()
	hard, cancelHard := after(work, stopTime)
	defer cancelHard()
	calm := context.AfterFunc(work, func() { g.states.stopping(); w.Hurry() })

	b := newBuffer()
	// A reader that waits for room shall count what it has, though the disk hangs.
	stopFreeing := context.AfterFunc(closing, b.abandon)
	defer stopFreeing()
	abandon := func(err error) { fail(fatal{err}); b.abandon() } // in this order: the first cause is the one
	read := g.startReader(work, src, b)
	written := g.startAppender(work, closing, b, w, abandon)
	watched := g.startWatch(work, src, abandon)

	ended := wait(hard, read)
	failed := wait(hard, written)
	calm()
	fail(nil)
	_ = wait(hard, watched) // says all that it has to say by abandon
	g.sayLost(b)
	return g.verdict(ctx, broken(work), ended, failed)
}

// startAppender stores what comes into b until it has ended.
func (g *Grabber) startAppender(work, closing context.Context, b *buffer, w writer, abandon func(error)) <-chan error {
	written := make(chan error, 1)
	go func() {
		err := newAppender(g, b, w, work.Done()).run(closing)
		if err != nil {
			abandon(err)
		}
		written <- err
	}()
	return written
}

// startReader reads until work or the source has ended, and then ends b.
func (g *Grabber) startReader(work context.Context, src source, b *buffer) <-chan error {
	full := func(waiting bool) {
		if waiting { // for the appender, which keeps its own word
			g.read.Idle()
		}
	}
	r := newReader(g, src, func(message []byte) { b.put(message, full) })
	r.joined = b.beside
	read := make(chan error, 1)
	go func() {
		err := r.run(work)
		if end := (*stream.Error)(nil); !errors.As(err, &end) { // else the book has the reason
			g.cfg.Journal.Disconnected(endOf(cmp.Or(err, broken(work))), time.Time{})
		}
		b.end()
		read <- err
	}()
	return read
}

// broken returns what ended work though nobody asked for it.
func broken(work context.Context) error {
	var first fatal
	if errors.As(context.Cause(work), &first) {
		return first.error
	}
	return nil
}

// verdict is what capture returns. What ended the capture first decides; after
// we were asked to stop, what the disk says is logged and no error.
func (g *Grabber) verdict(ctx context.Context, first, ended, failed error) error {
	switch {
	case first != nil:
		return first
	case ctx.Err() == nil && ended == nil && (failed == nil || errors.Is(failed, errAbandoned)): // the time asked for is over
		return errDone
	case ctx.Err() == nil && ended == nil:
		return failed
	case ctx.Err() == nil:
		return ended
	case failed != nil && !errors.Is(failed, errAbandoned):
		g.cfg.Log.WithError(failed).Warn("not everything is finished: the next start recovers it")
	}
	return nil
}

// sayLost counts what is still in memory when all is over.
func (g *Grabber) sayLost(b *buffer) {
	messages, size := b.pending()
	if messages == 0 {
		return
	}
	g.lost.Store(messages)
	g.cfg.Log.WithFields(logrus.Fields{"messages": messages, "bytes": size}).
		Error("messages in memory could not be written and are lost")
}

// after returns a context that ends d after ctx does.
func after(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-later.Done():
		}
	})
	return later, func() { stop(); cancel() }
}

// wait returns what ended sends, or nil when there is no more time for it.
func wait(hard context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-hard.Done():
		return nil
	}
}
