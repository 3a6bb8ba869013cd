package store

import (
	"errors"
	"io/fs"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
)

// finished is a file that is on the disk under its dot name.
type finished struct {
	dot   string
	name  string // the final one
	bytes int64
	end   uint64 // Memory's number of its cut; 0: a dead grabber's
	// settled says that it will be finished under this name: it is packed, or is
	// not going to be.
	settled bool

	line    coverage.File // of the captured book, but for its name
	entered string        // the name under which that is in the book
}

// finishLoop recovers what a dead grabber left, then finishes cut files as
// they reach the disk, until the writer ends.
func (w *Writer) finishLoop(left []string) {
	if !w.syncLeft(left) {
		return
	}
	for _, name := range left {
		if !w.recover(name, left[len(left)-1]) {
			return
		}
	}
	w.mu.Lock()
	w.recovered = true
	w.progress.Broadcast()
	w.mu.Unlock()
	for w.goesOn() && w.finishNext() {
	}
}

// finishNext does the next thing that there is to do: it finishes what is
// settled, if it is time for that, else settles more, else sleeps.
func (w *Writer) finishNext() bool {
	w.mu.Lock()
	files := append([]finished(nil), w.ready...)
	w.mu.Unlock()
	settled := 0
	for settled < len(files) && files[settled].settled {
		settled++
	}
	switch {
	case len(files) == 0:
		return w.sleep(&w.finisher, -1)
	case settled > 0 && (w.closing() || w.rests() <= 0):
		return w.finish(files[:settled])
	case settled < len(files):
		return w.settleReady(files[settled:min(len(files), settled+packBatch)], settled)
	}
	return w.sleep(&w.finisher, max(0, w.rests())) // one write for all of them
}

// settleReady settles some of the files that are ready, from the at-th on.
func (w *Writer) settleReady(files []finished, at int) bool {
	if !w.settle(files) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	copy(w.ready[at:], files)
	return true
}

// rests returns for how long .state/resume and the captured book are not to be
// written again.
func (w *Writer) rests() time.Duration {
	return max(time.Until(w.keeping.rest), saveEvery-time.Since(w.enteredAt))
}

// finish gives files that are on the disk their final names, and before that
// keeps what the capture remembers of them and enters them into the captured
// book.
func (w *Writer) finish(files []finished) bool {
	last := files[len(files)-1]
	return w.persist(&w.finisher, func() error { return w.remember(last.name, last.end) }) &&
		w.persist(&w.finisher, func() error { return w.enter(files) }) &&
		w.nameAll(files)
}

// nameAll gives files that are on the disk under their dot names their final
// names, in name order, then makes those durable by one fsync of the
// directory, and only then tells of them.
func (w *Writer) nameAll(files []finished) bool {
	for i := range files {
		if !w.persist(&w.finisher, func() error { return w.toFinalName(&files[i]) }) {
			return false
		}
	}
	if !w.persist(&w.finisher, w.syncTop) {
		return false
	}
	for _, f := range files {
		if w.cfg.Finished != nil {
			w.cfg.Finished(f.name, f.bytes)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.recovered { // until then the files are not from there
		w.ready = w.ready[len(files):]
	}
	w.progress.Broadcast()
	return true
}

// toFinalName takes the dot away. A file that somebody dropped in under the
// very name keeps it: ours takes one that sorts right behind, and another line
// in the book before that.
func (w *Writer) toFinalName(f *finished) error {
	for {
		if err := w.enterAgain(f); err != nil {
			return err
		}
		err := w.s.fs.RenameNoReplace(f.dot, f.name)
		if !errors.Is(err, fs.ErrExist) {
			return w.s.trouble("rename", f.dot, err)
		}
		name, ok := parseName(f.name)
		if !ok {
			return w.s.trouble("rename", f.dot, err)
		}
		name = name.after()
		w.names.raise(name)
		f.name = name.String()
	}
}
