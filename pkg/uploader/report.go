package uploader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/repeat"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// newReporter prepares the status and takes over what a dead process left.
func (u *Uploader) newReporter() {
	write := func(data []byte) error { return u.spool.WriteState(store.StateUploader, data, false) }
	u.reporter = status.New(write, u.scanning, u.uploading, u.ledger)
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
	u.cfg.Log.WithField("url", u.cfg.Target.URL).Info("finished files are uploaded")
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

func (u *Uploader) fill(common status.Common) any {
	c := &u.counts
	if next := moment(c.nextTry.Load()); !next.IsZero() && common.NextTry.IsZero() {
		common.NextTry = next
	}
	blocked := ""
	if why := c.blocked.Load(); why != nil {
		blocked = *why
	}
	return status.Uploader{
		Common:        common,
		Uploaded:      c.uploaded.Load(),
		Bytes:         c.bytes.Load(),
		Waiting:       int(max(0, c.waiting.Load())),
		WaitingBytes:  max(0, c.waitingBytes.Load()),
		OldestWaiting: moment(c.oldest.Load()),
		Rejected:      int(c.rejected.Load()),
		InFlight:      int(c.inFlight.Load()),
		Postponed:     int(c.postponed.Load()),
		LastUpload:    moment(c.lastUpload.Load()),
		Blocked:       blocked,
	}
}

func moment(nano int64) time.Time {
	if nano == 0 {
		return time.Time{}
	}
	return time.Unix(0, nano).UTC()
}

// waiting notes what a scan found.
func (u *Uploader) waiting(found store.Backlog, p *plan) {
	u.counts.waiting.Store(int64(found.Count))
	u.counts.waitingBytes.Store(found.Bytes)
	oldest := first(found.Names)
	for _, set := range p.sets() {
		for name := range set {
			if oldest == "" || name < oldest {
				oldest = name
			}
		}
	}
	at, ok := u.spool.CapturedAt(oldest)
	if !ok {
		u.counts.oldest.Store(0)
		return
	}
	u.counts.oldest.Store(at.UnixNano())
}

// shipped notes a file that has left the store.
func (u *Uploader) shipped(size int64) {
	c := &u.counts
	c.uploaded.Add(1)
	c.bytes.Add(uint64(size))
	c.waiting.Add(-1)
	c.waitingBytes.Add(-size)
	c.lastUpload.Store(u.cfg.Now().UnixNano())
	u.reporter.Success()
}

// failed says a try that failed: the same trouble at once and then now and then.
func (u *Uploader) failed(t *track, v verdict, err error) {
	if v == forget {
		u.cfg.Log.WithFields(logrus.Fields{"file": t.name, "err": err}).Debug("the file has gone")
		return
	}
	u.reporter.Trouble(err)
	fields := logrus.Fields{"file": t.name, "attempt": t.tries, "err": err}
	kind, sentence := "file", "a file cannot be read or removed: it is put behind the others"
	var e *sink.Error
	switch {
	case isChanged(err):
		kind, sentence = "changed", "a file changed while it was uploaded: it is tried again later"
	case errors.As(err, &e):
		kind, sentence = fmt.Sprint("upload ", e.Kind, e.Status), "an upload has failed"
		fields["status"] = e.Status
		if v == postpone {
			sentence = "an upload has failed while others work: the file is put behind them"
		}
	}
	u.repeats.say(kind, fields, sentence)
}

// troubled says that one file at a time is tried until the node takes one.
func (u *Uploader) troubled(t *trouble) {
	sentence := "it may be the node: one file at a time is tried"
	if t.kind == kindPause {
		sentence = "the node takes no files now: the uploads pause"
	}
	u.repeats.say(t.kind, logrus.Fields{"err": t.err, "wait": time.Until(t.until).Round(time.Millisecond).String(), "hint": hint(t.err)}, sentence)
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

func (u *Uploader) stopping() { u.reporter.Enter(status.Stopping, "") }

// show enters the state that the status shows.
func (l *loop) show(now time.Time) {
	state, detail := l.state(l.tally(now))
	l.u.reporter.Enter(state, detail)
}

// tally notes the plan's figures and reports whether it waits for a time.
func (l *loop) tally(now time.Time) (waits bool) {
	p, c := l.plan, &l.u.counts
	c.inFlight.Store(int64(len(p.flying)))
	c.postponed.Store(int64(len(p.postponed)))
	next, waits := p.wake(now)
	if l.trouble.on {
		next, waits = l.trouble.until, true
	}
	if !waits || !next.After(now) {
		c.nextTry.Store(0)
	} else {
		// The wall clock's, though the wait is the monotonic one's.
		c.nextTry.Store(l.u.cfg.Now().Add(next.Sub(now)).UnixNano())
	}
	return waits
}

func (l *loop) state(waits bool) (state, detail string) {
	switch {
	case l.blocked:
		return status.Paused, "no room for receipts in the ledger"
	case l.trouble.on && l.trouble.kind == kindPause:
		return status.Paused, "the node takes no files now" + because(l.trouble.err)
	case len(l.plan.flying)+len(l.plan.booking) > 0:
		return status.Uploading, ""
	case l.trouble.on:
		return status.Waiting, "one file at a time is tried" + because(l.trouble.err)
	case waits:
		return status.Waiting, ""
	}
	return status.Idle, ""
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
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

// repeated logs trouble that repeats itself: each kind at once, then every
// 30 s with a count, and one line when it is over.
type repeated struct {
	log *logrus.Entry

	mu       sync.Mutex // guards reporter
	reporter repeat.Reporter
}

func (r *repeated) say(kind string, fields logrus.Fields, sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	say, count := r.reporter.Failed(kind)
	if !say {
		return
	}
	entry := r.log.WithFields(fields)
	if count > 1 {
		entry = entry.WithField("count", count)
	}
	entry.Warn(sentence)
}

func (r *repeated) over(sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if say, count, lasted := r.reporter.Recovered(); say {
		r.log.WithFields(logrus.Fields{"count": count, "after": lasted.Round(time.Millisecond).String()}).Info(sentence)
	}
}
