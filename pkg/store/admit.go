package store

import "time"

// admit holds up an Append while it would break a promise: no byte is unsynced
// for longer than SyncInterval, and what is on its way is bounded. As a rule
// it does not wait, for the syncer begins at half of that time.
//
// Whoever waits here waits for an fsync, rightly; if that waits for room, so
// says the error.
func (w *Writer) admit() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.hurried && w.err == nil && !w.closed && w.behind() {
		if full := w.waitsForRoom(); full != nil {
			return full
		}
		w.wait()
	}
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return w.closedError()
	}
	return nil
}

// behind reports whether the disk is too far behind the capture, w.mu held.
func (w *Writer) behind() bool {
	if len(w.cut) >= maxUnsynced || len(w.cut)+len(w.ready) >= maxUnfinished {
		return true
	}
	oldest := w.oldest()
	return w.cfg.SyncInterval > 0 && !oldest.IsZero() && time.Since(oldest) > w.cfg.SyncInterval
}

// oldest returns when the oldest byte that is not on the disk was written,
// zero when there is none, w.mu held. Files are in the order of their bytes.
func (w *Writer) oldest() time.Time {
	for _, f := range w.cut {
		if !f.since.IsZero() {
			return f.since
		}
	}
	if w.work != nil {
		return w.work.since
	}
	return time.Time{}
}

// awaitSync waits until all that was appended is on the disk.
func (w *Writer) awaitSync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.hurried && w.err == nil && !w.oldest().IsZero() {
		w.wait()
	}
	return w.err
}

// wait waits for progress, w.mu held, and says that it does: each step of the
// others is a step of ours.
func (w *Writer) wait() {
	done := w.busy(stageWrite)
	w.progress.Wait()
	done()
}

// waitsForRoom returns the *FullError that the syncer or finisher wait out,
// w.mu held.
func (w *Writer) waitsForRoom() error {
	if w.syncer.full != nil {
		return w.syncer.full
	}
	return w.finisher.full
}
