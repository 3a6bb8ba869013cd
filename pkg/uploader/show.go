package uploader

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// shown is what the status shows of a lane.
type shown struct {
	mu     sync.Mutex // guards what follows
	oldest time.Time  // when the oldest file that it lacks was captured
	status.Target
}

func (s *shown) change(f func(*status.Target)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.Target)
}

// waiting notes what a scan found.
func (l *lane) waiting(found store.Backlog) {
	l.u.counts.waiting.Store(int64(found.Count))
	l.u.counts.waitingBytes.Store(found.Bytes)
	oldest := first(found.Names)
	for _, set := range l.plan.sets() {
		for name := range set {
			if oldest == "" || name < oldest {
				oldest = name
			}
		}
	}
	at, _ := l.u.spool.CapturedAt(oldest)
	waiting := max(0, found.Count-l.u.held.settled(l.index))
	l.shown.mu.Lock()
	defer l.shown.mu.Unlock()
	l.shown.oldest, l.shown.Waiting = at, waiting
}

// shipped notes a file that the target has.
func (l *lane) shipped(size int64) {
	l.shown.change(func(t *status.Target) {
		t.Uploaded++
		t.Bytes += uint64(size)
		t.Waiting = max(0, t.Waiting-1)
		t.LastUpload = l.u.cfg.Now().UTC()
	})
}

// failed says a try that failed: the same trouble at once and then now and then.
func (l *lane) failed(t *track, v verdict, err error) {
	if v == forget {
		l.log.WithFields(logrus.Fields{"file": t.name, "err": err}).Debug("the file has gone")
		l.u.held.left(t.name, false)
		return
	}
	l.u.reporter.Trouble(err)
	l.shown.change(func(t *status.Target) { t.LastError, t.LastErrorAt = err.Error(), l.u.cfg.Now().UTC() })
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
	l.repeats.say(kind, fields, sentence)
}

// troubled says that one file at a time is tried until the node takes one.
func (l *lane) troubled(t *trouble) {
	sentence := "it may be the node: one file at a time is tried"
	if t.kind == kindPause {
		sentence = "the node takes no files now: the uploads pause"
	}
	l.repeats.say(t.kind, logrus.Fields{"err": t.err, "wait": max(0, time.Until(t.until)).Round(time.Millisecond).String(), "hint": hint(t.err)}, sentence)
}

// show enters the state that the status shows.
func (l *lane) show(now time.Time) {
	state, detail := l.state(l.tally(now))
	l.shown.change(func(t *status.Target) { t.State, t.Detail = state, detail })
	l.u.enter()
}

// tally notes the plan's figures and reports whether it waits for a time.
func (l *lane) tally(now time.Time) (waits bool) {
	p := l.plan
	next, waits := p.wake(now)
	if l.trouble.on {
		next, waits = l.trouble.until, true
	}
	at := time.Time{}
	if waits && next.After(now) {
		// The wall clock's, though the wait is the monotonic one's.
		at = l.u.cfg.Now().Add(next.Sub(now)).UTC()
	}
	l.shown.change(func(t *status.Target) {
		t.InFlight, t.Postponed, t.NextTry = len(p.flying), len(p.postponed), at
	})
	return waits
}

func (l *lane) state(waits bool) (state, detail string) {
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
	case l.u.held.full():
		return status.Waiting, fmt.Sprintf("%d files are at some places and not at others: no more are begun", maxHoldings)
	}
	return status.Idle, ""
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}
