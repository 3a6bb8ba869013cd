package app

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/store"
)

// How often a full disk is tried again, and said to be full.
const (
	tryFull = time.Second
	sayFull = 30 * time.Second
)

// WhileFull does what opens a store, again and again while the disk is full: a
// full disk makes a program wait and never ends it.
func WhileFull(ctx context.Context, log *logrus.Entry, open func() error) error {
	var said time.Time
	for {
		err := open()
		var full *store.FullError
		if !errors.As(err, &full) {
			return err
		}
		if time.Since(said) >= sayFull {
			log.WithField("reason", full.Reason).Error("the store has no room: waiting")
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tryFull):
		}
	}
}
