package main

import (
	"context"
	"errors"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/budget"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/grabber"
	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

// messages is what a capture reads.
type messages interface {
	Next(ctx context.Context) ([]byte, error)
	Buffered() bool
	Counts() stream.Counts
}

// bill sums up what is read from a stream that is paid for. A nil one is that
// of a stream that costs nothing.
type bill struct {
	cfg    *config.Config
	spool  *store.Store
	log    *logrus.Entry
	source *budget.Source
}

// newBill returns nil where posts cost nothing.
func newBill(cfg *config.Config, spool *store.Store, log *logrus.Entry) *bill {
	if cfg.Price == 0 || cfg.StreamKind != network.X {
		return nil
	}
	return &bill{cfg: cfg, spool: spool, log: log}
}

// over puts the bill between a source and the capture.
func (b *bill) over(source *stream.Source, g *grabber.Grabber) (messages, error) {
	if b == nil {
		return source, nil
	}
	var err error
	b.source, err = budget.New(source, budget.Config{
		Price: b.cfg.Price, Limit: b.cfg.Budget,
		Post: b.cfg.StreamKind.Post,
		Read: func() ([]byte, error) { return b.spool.ReadState(store.StateBudget) },
		Save: func(data []byte) error { return b.spool.WriteState(store.StateBudget, data, true) },
		Hold: g.Hold, Release: g.Release, Busy: g.Reading,
		Warn: func(text string) { b.log.Warn(text) },
	})
	if errors.Is(err, budget.ErrDamaged) {
		return nil, &app.ConfigError{Err: err, Advice: "correct or remove .state/" + store.StateBudget + " in " + b.spool.Dir()}
	}
	if err != nil {
		return nil, err
	}
	return b.source, nil
}

// status is called once there is a source: the capture has begun.
func (b *bill) status() *status.Budget {
	if b == nil {
		return nil
	}
	return b.source.Status()
}

func (b *bill) close() {
	if b == nil || b.source == nil {
		return
	}
	if err := b.source.Close(); err != nil {
		b.log.WithError(err).Warn("the sum of the posts could not be written exactly: it is a little too high from now on")
	}
}
