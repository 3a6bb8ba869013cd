package grabber

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/cadence"
)

const (
	// checkLimit is what a look at the store may rightly take.
	checkLimit = 5 * time.Minute
	// summaryEvery is how often what came is summed up in the log.
	summaryEvery = time.Minute
)

// watcher looks once a second whether the store is still there and the stream
// still speaks, and sums up. It is one goroutine's.
type watcher struct {
	g      *Grabber
	source source

	spoke    time.Time // when the last message came, the connection was made or a pause ended; monotonic
	messages uint64    // that had come by then
	connects uint64
	summed   time.Time // when the last summary was due
	told     uint64    // messages stored by then
}

// startWatch watches until work ends. gone is told of the first error of
// Config.Check.
func (g *Grabber) startWatch(work context.Context, src source, gone func(error)) <-chan error {
	watched := make(chan error, 1)
	w := &watcher{g: g, source: src, spoke: time.Now(), summed: time.Now()}
	go func() {
		if err := w.run(work); err != nil {
			gone(err)
		}
		watched <- nil
	}()
	return watched
}

func (w *watcher) run(ctx context.Context) error {
	tick := time.NewTimer(cadence.Left(time.Now(), cadence.Look))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			tick.Reset(cadence.Left(time.Now(), cadence.Look))
		}
		if err := w.look(); err != nil {
			return err
		}
	}
}

func (w *watcher) look() error {
	w.listen()
	if time.Since(w.summed) >= summaryEvery {
		w.summed = time.Now()
		if stored := w.g.messages.Load(); stored != w.told {
			w.told = stored
			w.g.sumUp("captured")
		}
	}
	if w.g.cfg.Check == nil {
		return nil
	}
	w.g.watch.Begin(checkLimit)
	defer w.g.watch.Idle()
	return w.g.cfg.Check()
}

// listen warns once when a connection that is alive brings no message for too
// long, and says when messages come again. It ends nothing: a quiet stream is
// no broken one.
func (w *watcher) listen() {
	counts := w.source.Counts()
	if counts.Messages != w.messages || counts.Connects != w.connects {
		if w.g.silent.Load() && counts.Messages != w.messages {
			w.g.silent.Store(false)
			w.g.cfg.Log.WithField("after", time.Since(w.spoke).Round(time.Second).String()).Info("messages come again")
		}
		w.messages, w.connects, w.spoke = counts.Messages, counts.Connects, time.Now()
		return
	}
	if w.g.states.paused() { // nothing is read: that is none of the stream's doing
		w.spoke = time.Now()
		return
	}
	limit := w.g.cfg.SilenceWarning
	if limit <= 0 || counts.Connected.IsZero() || w.g.silent.Load() || time.Since(w.spoke) < limit {
		return
	}
	w.g.silent.Store(true)
	w.g.cfg.Log.WithField("silent", limit.String()).
		Warn("the connection is alive but brings no message: are the stream's parameters right?")
}

// sumUp logs what has been stored so far.
func (g *Grabber) sumUp(sentence string) {
	g.cfg.Log.WithFields(logrus.Fields{
		"messages": g.messages.Load(), "bytes": g.bytes.Load(), "files": g.files.Load(),
	}).Info(sentence)
}
