package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"
)

// working is the working file, and what becomes of it until it is on the disk.
type working struct {
	f     file
	info  fs.FileInfo
	size  int64     // of the whole lines in it
	torn  bool      // there is more in it than size, which could not be cut off yet
	first time.Time // wall clock at its first line: its name
	born  time.Time // the same by the monotonic clock
	name  string    // its final name, once it is cut
	end   uint64    // Memory's number of that

	// For the captured book.
	sum      hash.Hash // of the whole lines
	messages uint64
	last     time.Time // wall clock at its last line
	position string    // of the source, at its end

	// Guarded by Writer.mu.
	since   time.Time // when the oldest byte that is not on the disk was written; zero: none
	later   time.Time // the same for bytes since the running fsync began
	syncing bool      // an fsync runs
	named   bool      // the directory was synced since it was created
}

// place makes a working file that takes at least one of lines, and returns how
// many bytes of them it takes: all whole lines that fit, or one that is larger
// than a file may be.
func (w *Writer) place(lines []byte) (int, error) {
	if err := w.mend(); err != nil {
		return 0, err
	}
	if w.work != nil && w.work.size > 0 {
		if n := fit(lines, w.cfg.CutBytes-w.work.size); n > 0 {
			return n, nil
		}
		if err := w.cutWork(); err != nil {
			return 0, err
		}
	}
	if w.work == nil {
		if err := w.create(); err != nil {
			return 0, err
		}
	}
	if n := fit(lines, w.cfg.CutBytes); n > 0 {
		return n, nil
	}
	return bytes.IndexByte(lines, '\n') + 1, nil
}

// fit returns how many bytes of whole lines are at most room.
func fit(lines []byte, room int64) int {
	if int64(len(lines)) <= room {
		return len(lines)
	}
	return bytes.LastIndexByte(lines[:max(room, 0)], '\n') + 1
}

// create makes an empty working file. Its name is synced together with its
// first bytes. O_EXCL, because one that is there is not ours: what a dead
// grabber left was renamed before.
func (w *Writer) create() error {
	name := w.s.cfg.WorkingName
	f, err := w.s.fs.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return w.refused("create", name, err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // empty, and recovery's
		return w.refused("stat", name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.work = &working{f: f, info: info, sum: sha256.New()}
	return nil
}

// write appends whole lines by one write. A write that was cut short is undone
// before anything else is written, for the caller will offer the whole batch
// again.
func (w *Writer) write(lines []byte) error {
	work := w.work
	if work.size == 0 {
		work.first, work.born = w.s.cfg.Now(), time.Now()
	}
	n, err := work.f.Write(lines)
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	if err != nil {
		work.torn = true
		if undo := w.mend(); undo != nil && !isNoRoom(undo) {
			return undo
		}
		return w.refused("append to", w.s.cfg.WorkingName, err)
	}
	work.size += int64(n)
	work.note(lines, w.s.cfg.Now())
	if w.cfg.Memory != nil {
		w.cfg.Memory.Stored(lines)
	}
	w.usage.appended.Add(int64(n))
	w.dirtied(work)
	return nil
}

// dirtied notes that work has bytes that are not on the disk, and wakes the
// syncer if it had none before.
func (w *Writer) dirtied(work *working) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case work.since.IsZero():
		work.since = time.Now()
		w.syncer.wake()
	case work.syncing && work.later.IsZero():
		work.later = time.Now()
	}
}

// mend cuts off what an append that was cut short has left.
func (w *Writer) mend() error {
	if w.work == nil || !w.work.torn {
		return nil
	}
	if err := w.work.f.Truncate(w.work.size); err != nil {
		return w.refused("undo an append to", w.s.cfg.WorkingName, err)
	}
	w.work.torn = false
	return nil
}

// cutWork gives a working file that is not empty its dot name and leaves it to
// the syncer and the finisher.
func (w *Writer) cutWork() error {
	if w.work == nil || w.work.size == 0 {
		return nil
	}
	if err := w.mend(); err != nil {
		return err
	}
	name, err := w.toDotName(w.work.first)
	if err != nil {
		return w.refused("rename", w.s.cfg.WorkingName, err)
	}
	if w.cfg.Memory != nil {
		w.work.end, w.work.position = w.cfg.Memory.Cut(), w.cfg.Memory.Position()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.work.name = name
	w.cut = append(w.cut, w.work)
	w.work = nil
	w.syncer.wake()
	return nil
}

// toDotName renames the file under the working name as in a cut, and returns
// the final name that it will have.
func (w *Writer) toDotName(first time.Time) (string, error) {
	for {
		name := w.names.next(first).String()
		err := w.s.fs.RenameNoReplace(w.s.cfg.WorkingName, dotName(name))
		if !errors.Is(err, fs.ErrExist) { // else somebody dropped such a file in
			return name, err
		}
	}
}

// refused turns an error of the file system into the caller's: *FullError,
// after which capture goes on with 2 MiB free, or a sticky *Error.
func (w *Writer) refused(op, name string, err error) error {
	if isNoRoom(err) {
		return w.full(err)
	}
	trouble := &Error{Op: op, Path: w.s.path(name), Err: cause(err)}
	if errors.Is(err, fs.ErrNotExist) {
		trouble.Hint = goneHint
	}
	if errors.Is(err, fs.ErrExist) {
		trouble.Err, trouble.Hint = fmt.Errorf("somebody else put it there: %w", trouble.Err), "nobody but the grabber may write it"
	}
	return w.fail(trouble)
}
