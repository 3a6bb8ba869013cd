package store

import (
	"errors"
	"time"
)

// Bounds of what is on its way. Each file that is not on the disk yet costs a
// descriptor and dirty pages, each that waits for its name only that name
// (recovery of a large store may hold up many).
const (
	maxUnsynced   = 16
	maxUnfinished = 1024
	maxFsyncs     = 4 // at once
)

// retryFull is how long the syncer and the finisher wait before they try again
// what a full disk refused.
const retryFull = time.Second

// lane is one of the two goroutines behind a Writer.
type lane struct {
	call chan struct{} // something may be to do
	full error         // it waits for room; guarded by Writer.mu
	done func()        // ends the step that it has announced; its own goroutine's
}

func newLane() lane { return lane{call: make(chan struct{}, 1)} }

// wake makes a sleeping goroutine look; it never blocks.
func (l *lane) wake() {
	select {
	case l.call <- struct{}{}:
	default:
	}
}

// begin announces the lane's next step, which ends the one before.
func (w *Writer) begin(l *lane) {
	l.end()
	l.done = w.busy(stageFinish)
}

func (l *lane) end() {
	if l.done != nil {
		l.done()
		l.done = nil
	}
}

// isFull reports whether err is about room, which may come back.
func isFull(err error) bool {
	var full *FullError
	return errors.As(err, &full)
}

// sleep waits until the lane is called, wait is over (negative: never) or the
// writer ends, of which it reports the last by false.
func (w *Writer) sleep(l *lane, wait time.Duration) bool {
	var due <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-w.quit:
		return false
	case <-l.call:
	case <-due:
	}
	return w.goesOn()
}

// goesOn reports whether the goroutines may still touch the store.
func (w *Writer) goesOn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err == nil && !w.abandoned
}

// persist does a step until it does not fail for want of room (*FullError);
// whatever else it fails with is final. false says that the writer has failed
// or ends.
func (w *Writer) persist(l *lane, step func() error) bool {
	for w.goesOn() {
		w.begin(l)
		err := step()
		l.end()
		var full *FullError
		if !errors.As(err, &full) {
			w.mu.Lock()
			l.full = nil
			w.mu.Unlock()
			if err != nil && !errors.Is(err, errEnds) {
				_ = w.fail(err) // it reaches whoever calls next
			}
			return err == nil
		}
		err = w.full(full.Err)
		w.mu.Lock()
		l.full = err
		w.progress.Broadcast() // who waits for us shall know that it waits for room
		w.mu.Unlock()
		if !w.pause() {
			return false
		}
	}
	return false
}

// pause waits until a full disk may have room again; false: the writer ends.
func (w *Writer) pause() bool {
	timer := time.NewTimer(retryFull)
	defer timer.Stop()
	select {
	case <-w.quit:
		return false
	case <-timer.C:
		return true
	}
}

// closing reports whether Close was called.
func (w *Writer) closing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}
