package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/store"
)

// summaryEvery is how often the ledger's summary is brought up to date: what has
// come since is read at each look at the status.
const summaryEvery = 10 * time.Minute

// keepSummary keeps it in the background, at first from whatever an older
// program left, until end is called or ctx ends.
func keepSummary(ctx context.Context, spool *store.Store, log *logrus.Entry) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			if err := spool.SumUpLedger(ctx); err != nil && !errors.Is(err, context.Canceled) {
				log.WithError(err).Debug("the ledger could not be summed up: daemon status takes longer")
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(summaryEvery):
			}
		}
	})
	return func() { cancel(); work.Wait() }
}
