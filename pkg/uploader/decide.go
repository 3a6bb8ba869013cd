package uploader

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// decide carries out what a failed try means of the node. probe says that the
// file was one.
func (l *lane) decide(t *track, v verdict, probe bool) error {
	switch v {
	case forget, postpone:
		return nil // a probe that says nothing of the node: the next one is due
	case again:
		if !probe || !isNodes(t.err) {
			return nil
		}
	case pause:
		return l.pause(t, probe)
	}
	if probe && l.trouble.kind == kindDoubt {
		return l.giveUp(t)
	}
	if l.trouble.on && !probe {
		return nil // it was in flight when the trouble began
	}
	// The first failure; or a full node that fails in another way now.
	return l.enter(kindDoubt, t)
}

// enter begins trouble, or takes it a step further.
func (l *lane) enter(kind string, t *track) error {
	l.u.held.ail(l.index, true)
	err := l.trouble.enter(kind, t.name, t.err, l.plan.suspects())
	var failed *store.Error
	if errors.As(err, &failed) {
		return err
	}
	if err != nil {
		l.log.WithError(err).Warn("the back-off could not be written: a restart forgets it")
	}
	l.troubled(l.trouble)
	return nil
}

// pause waits for a node that is full or wants payment. While draining nobody
// waits for that: a refused probe ends it.
func (l *lane) pause(t *track, probe bool) error {
	if l.trouble.on && !probe && l.trouble.kind == kindPause {
		return nil
	}
	if err := l.enter(kindPause, t); err != nil || !l.u.cfg.Drain || !probe {
		return err
	}
	return t.err
}

// giveUp ends the process: the node takes nothing. The next one waits.
func (l *lane) giveUp(t *track) error {
	if err := l.enter(kindDoubt, t); err != nil {
		return errors.Join(err, t.err)
	}
	return t.err
}

// relieved ends trouble, if there was: the node took a file.
func (l *lane) relieved() error {
	if !l.trouble.on {
		return nil
	}
	l.u.held.ail(l.index, false)
	if err := l.trouble.lift(); err != nil {
		var failed *store.Error
		if errors.As(err, &failed) {
			return err
		}
		l.log.WithError(err).Warn("the back-off could not be removed: a restart may wait")
	}
	l.log.Info("the node takes files again")
	return nil
}

// probe starts the next probe when its time has come: one at a time, when
// nothing else is in flight.
func (l *lane) probe(now time.Time) error {
	if len(l.plan.flying) > 0 || l.plan.full() || now.Before(l.trouble.until) || !l.scanned {
		return nil
	}
	t, err := l.nextProbe()
	if err != nil {
		return err
	}
	if t == nil {
		// There is nothing to find out with. Whoever failed here is to blame or
		// not: the next process, or the next file, will tell.
		if l.trouble.err != nil && l.trouble.kind == kindDoubt && len(l.plan.failing) > 0 {
			return l.trouble.err
		}
		l.trouble.until = now.Add(scanEvery)
		return nil
	}
	t.probe = true
	l.trouble.cursor = t.name
	l.trouble.until = now.Add(l.u.cfg.Backoff.First) // should it say nothing of the node
	l.start(t)
	return nil
}

// nextProbe returns the next file in order after the last probe, round to the
// oldest. One that has failed before is worth a probe only in an earlier
// process's trouble, or to a full node: it may have been too large for it.
func (l *lane) nextProbe() (*track, error) {
	name, err := l.nextName(l.skip)
	if err != nil || name != "" {
		return &track{name: name}, err
	}
	if l.trouble.kind == kindDoubt && !l.trouble.restored {
		return nil, nil
	}
	suspects := l.plan.suspects()
	for _, name := range suspects {
		if name > l.trouble.cursor {
			return l.plan.failing[name], nil
		}
	}
	if len(suspects) > 0 {
		return l.plan.failing[suspects[0]], nil
	}
	return nil, nil
}

// nextName looks for the first name after the cursor, then for the first at all.
func (l *lane) nextName(skip func(name string) bool) (string, error) {
	defer l.word.Idle()
	l.word.Begin(diskLimit)
	after := func(name string) bool { return name <= l.trouble.cursor || skip(name) }
	for _, skip := range []func(string) bool{after, skip} {
		found, err := l.u.spool.Scan(1, skip)
		if err != nil || len(found.Names) > 0 {
			return first(found.Names), err
		}
	}
	return "", nil
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// setAside has the booker move a file that the node refused, while it took
// others, out of the way.
func (l *lane) setAside(out outcome) error {
	t := out.t
	reason := store.Reason{Sink: l.target.Kind, URL: l.target.URL, Attempts: t.tries, Reason: t.err.Error()}
	var refused *sink.Error
	if errors.As(t.err, &refused) {
		reason.Status, reason.Reason = refused.Status, fmt.Sprintf("the node refused it, but took others: %v", refused.Err)
	}
	l.plan.booking[t.name] = t
	out.refused, out.err = &reason, nil
	l.crew.booker.in <- out
	return nil
}

// drained reports whether there is nothing left to try. Foreign files that
// change are waited for, but not for ever.
func (l *lane) drained(now time.Time) bool {
	switch {
	case !l.idle():
		l.alone = time.Time{}
	case len(l.foreign) == 0:
		return true
	case l.alone.IsZero():
		l.alone = now
	default:
		return now.Sub(l.alone) >= max(l.u.cfg.Backoff.Max, leastForeign)
	}
	return false
}

// leastForeign is how long a drain waits for files that change, at least.
const leastForeign = 10 * time.Second

// idle reports whether all that is known to be finished has been tried.
func (l *lane) idle() bool {
	p := l.plan
	if !l.scanned || l.more || len(p.pending)+len(p.flying)+len(p.booking)+len(p.failing) > 0 {
		return false
	}
	for _, t := range p.postponed {
		if !t.spent {
			return false
		}
	}
	return true
}

// drainEnd is errDrained, or says what could not be shipped.
func (l *lane) drainEnd() error {
	left := append(l.plan.left(), l.foreign...)
	if len(left) == 0 {
		return errDrained
	}
	e := &LeftError{Files: len(left), First: slices.Min(left), Err: errUnquiet}
	if t := l.plan.postponed[e.First]; t != nil {
		e.Err = t.err
	}
	return e
}

var errUnquiet = errors.New("it does not stop changing")

// LeftError ends a drain that could not ship everything.
type LeftError struct {
	Files int    // that stay in the store
	First string // of them
	Err   error  // why that one does
}

func (e *LeftError) Error() string {
	return fmt.Sprintf("drain the store: %d files are left, the first is %.80q: %v", e.Files, e.First, e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }
