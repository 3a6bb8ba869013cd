package uploader

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// newReporter prepares the status and takes over what a dead process left.
func (u *Uploader) newReporter() {
	write := func(data []byte) error { return u.spool.WriteState(store.StateUploader, data, false) }
	u.reporter = status.New(write, append(slices.Clone(u.scanning), u.uploading, u.ledger)...)
	u.reporter.Version = u.cfg.Version
	if u.cfg.StatusPace > 0 {
		u.reporter.Pace = u.cfg.StatusPace
	}
	if found, err := u.spool.ReadState(store.StateUploader); err == nil {
		u.reporter.Inherit(found)
	}
}

// publish writes the status from now on; end writes it a last time. finite says that nobody asked us to stop.
func (u *Uploader) publish(ctx context.Context) (end func(finite bool, err error)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the work
	ended := make(chan error, 1)
	go func() { ended <- u.reporter.Run(ctx, u.fill) }()
	for _, target := range u.cfg.Targets {
		u.cfg.Log.WithField("url", target.URL).Info("finished files are uploaded")
	}
	return func(finite bool, err error) {
		u.conclude(finite, err)
		cancel()
		if err := <-ended; err != nil {
			u.cfg.Log.WithError(err).Warn("the last status could not be written")
		}
	}
}

// conclude enters the state in which the process ends.
func (u *Uploader) conclude(finite bool, err error) {
	switch {
	case err != nil:
		u.reporter.Trouble(err)
		u.reporter.Enter(status.Failed, hint(err))
	case finite && u.cfg.Drain:
		u.reporter.Enter(status.Done, "")
	default:
		u.reporter.Enter(status.Stopped, "")
	}
	u.cfg.Log.WithFields(logrus.Fields{"files": u.counts.uploaded.Load(), "bytes": u.counts.bytes.Load()}).Info("the uploads have ended")
}

func hint(err error) string {
	var refused *sink.Error
	if errors.As(err, &refused) {
		return refused.Hint
	}
	var failed *store.Error
	if errors.As(err, &failed) {
		return failed.Hint
	}
	return ""
}

// block notes that the ledger cannot be written, or can again.
func (u *Uploader) block(err error) {
	if err == nil {
		u.counts.blocked.Store(nil)
		u.repeats.over("the ledger can be written again")
		return
	}
	why := redact.Text(err.Error())
	u.counts.blocked.Store(&why)
	u.reporter.Trouble(err)
	u.repeats.say("ledger", logrus.Fields{"err": err}, "no room for receipts: the uploads pause")
}

// gone notes a file that has left the store for good.
func (u *Uploader) gone(size int64) {
	c := &u.counts
	c.uploaded.Add(1)
	c.bytes.Add(uint64(size))
	c.waiting.Add(-1)
	c.waitingBytes.Add(-size)
	c.lastUpload.Store(u.cfg.Now().UnixNano())
	u.reporter.Success()
}

// openLedger returns nil without an error when ctx ended first.
func (u *Uploader) openLedger(ctx context.Context) (ledger, error) {
	defer u.ledger.Idle()
	for {
		u.ledger.Begin(diskLimit)
		book, err := u.spool.openLedger(store.LedgerConfig{Reserve: true, Waiting: u.ledgerWaits})
		var full *store.FullError
		if !errors.As(err, &full) {
			return book, err
		}
		u.block(err)
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(bookRetry):
		}
	}
}

// ledgerWaits renews the word of a wait that may be endless.
func (u *Uploader) ledgerWaits(holder store.Holder, waited time.Duration) {
	u.ledger.Begin(diskLimit)
	u.cfg.Log.WithFields(logrus.Fields{"pid": holder.PID, "wait": waited.Round(time.Second).String()}).Warn("another process holds the ledger")
}
