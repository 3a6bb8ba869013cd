package store

import (
	"errors"
	"fmt"
)

// roomAfterFull is what must be free after an ENOSPC before capture goes on,
// so that it does not fill each freed block alone.
const roomAfterFull = 2 << 20

// Room returns a *FullError while there is less free disk than MinFree (2 MiB
// at least after an ENOSPC; after Hurry none is too little) or the store is
// larger than MaxStore, *Error when the working file's name no longer means
// ours. Call it about once a second, and before an Append after a *FullError.
func (w *Writer) Room() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if err := w.failure(); err != nil {
		return err
	}
	if err := w.present(); err != nil {
		return err
	}
	stopped := w.stopped()
	if err := w.enoughFree(w.cfg.MinFree); err != nil {
		return err
	}
	// Before the capture takes the room: without the reserve a full disk could
	// hold files that only wait for their line in the book, and nothing to ship.
	w.s.captured.reserve.refill(stopped)
	if err := w.belowMax(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waitsForRoom()
}

// present fails when the working file's name no longer means our file.
func (w *Writer) present() error {
	if w.work == nil {
		return nil
	}
	name := w.s.cfg.WorkingName
	if err := w.s.means(name, w.work.info); err != nil {
		return w.fail(&Error{Op: "use", Path: w.s.path(name), Err: fmt.Errorf("the working file is gone: %w", cause(err)), Hint: goneHint})
	}
	return nil
}

// enoughFree compares the free disk with what is to stay free, which is more
// after an ENOSPC. Where the system does not tell, there is enough; so there is
// for what a process that was asked to stop has in memory, which is lost unless
// it goes into the last room.
func (w *Writer) enoughFree(need int64) error {
	w.mu.Lock()
	wasFull, hurried := w.noRoom, w.hurried
	w.mu.Unlock()
	if wasFull {
		need = max(need, roomAfterFull)
	}
	if need == 0 || hurried {
		return nil
	}
	free, err := w.s.fs.Free()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return w.fail(&Error{Op: "look for free space in", Path: w.s.cfg.Dir, Err: cause(err)})
	}
	if err == nil && free < need {
		return &FullError{Reason: fmt.Sprintf("the disk of store %s is full: %s are free, capture goes on at %s", w.s.cfg.Dir, size(free), size(need))}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noRoom = false
	return nil
}

// stopped reports whether Append takes nothing until there is much more room.
func (w *Writer) stopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.noRoom
}

// full makes the *FullError of an ENOSPC or EDQUOT and remembers it.
func (w *Writer) full(err error) error {
	w.mu.Lock()
	w.noRoom = true
	w.mu.Unlock()
	what := "no room in store " + w.s.cfg.Dir
	if free, ferr := w.s.fs.Free(); ferr == nil {
		what += fmt.Sprintf(": %s are free, capture goes on at %s", size(free), size(max(w.cfg.MinFree, roomAfterFull)))
	}
	return &FullError{Reason: fmt.Sprintf("%s (%v)", what, cause(err)), Err: cause(err)}
}

// belowMax compares the store's size with MaxStore.
func (w *Writer) belowMax() error {
	if w.cfg.MaxStore == 0 {
		return nil
	}
	w.usage.refresh(w.s)
	if used := w.usage.bytes(); used > w.cfg.MaxStore {
		return &FullError{Reason: fmt.Sprintf("store %s holds %s, more than store_max (%s): capture goes on when enough was uploaded", w.s.cfg.Dir, size(used), size(w.cfg.MaxStore))}
	}
	return nil
}

// size prints bytes for a person.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
