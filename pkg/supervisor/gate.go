package supervisor

import (
	"context"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/cadence"
	"github.com/storj/twitter-stream/pkg/repeat"
)

// gate keeps children from being started while the daemon's own lock on the
// store is gone: a store that was unmounted leaves an empty directory, in
// which a new one must not grow.
type gate struct {
	check func() error
	log   *logrus.Entry
	board *board
	fails repeat.Reporter // run's alone

	mu   sync.Mutex // guards what follows
	free bool
}

// run looks once a second until ctx ends. ready is closed after the first look.
func (g *gate) run(ctx context.Context, ready chan<- struct{}) {
	g.look()
	close(ready)
	tick := time.NewTimer(cadence.Left(time.Now(), cadence.Look))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			tick.Reset(cadence.Left(time.Now(), cadence.Look))
			g.look()
		}
	}
}

func (g *gate) look() {
	err := g.check()
	g.mu.Lock()
	g.free = err == nil
	g.mu.Unlock()
	g.board.store(err)
	if err != nil {
		if say, count := g.fails.Failed(err.Error()); say {
			g.log.WithError(err).WithField("count", count).Error("store is gone, no child is started until it is back")
		}
		return
	}
	if say, _, lasted := g.fails.Recovered(); say {
		g.log.WithField("lasted", lasted.Round(time.Second).String()).Info("store is back")
	}
}

// open reports whether a child may be started; it never blocks.
func (g *gate) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.free
}
