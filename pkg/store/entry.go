package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// shipping is what a Store remembers for the process that ships.
type shipping struct {
	looks    looks
	removals removals
	aside    sync.Mutex // one file is set aside or put back at a time
	reserve  reserve
}

// Entry is an open finished file and what it looked like when opened.
type Entry struct {
	Name    string
	Size    int64
	ModTime time.Time

	f     file
	info  fs.FileInfo
	close func() error
}

var _ io.ReaderAt = (*Entry)(nil)

// isElement reports whether a name, from a directory or from a person, is that
// of one file in a directory, and no dot name. A name that nobody here made may
// be any bytes.
func isElement(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsAny(name, "/\x00") &&
		filepath.IsLocal(name) && filepath.Base(name) == name
}

// OpenEntry opens a finished file for reading; Close is the caller's. Names
// that Scan never returns are refused, the working file's among them. It never
// follows a link, never blocks on a FIFO, and fails with ErrNotRegular for
// anything but a file, fs.ErrNotExist for one that is gone. Errors are about
// this file, not the store.
func (s *Store) OpenEntry(name string) (*Entry, error) {
	if !s.ships(name) {
		return nil, fmt.Errorf("open %.80q: not the name of a finished file", name)
	}
	// Before the open, for a device may mind even that.
	info, err := s.fs.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		return nil, fmt.Errorf("open %.80q: %w", name, cause(err))
	}
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open %.80q: %w", name, cause(err))
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		_ = f.Close() // only read
		return nil, fmt.Errorf("open %.80q: %w", name, cause(err))
	}
	return &Entry{
		Name: name, Size: info.Size(), ModTime: info.ModTime(),
		f: f, info: info, close: sync.OnceValue(f.Close),
	}, nil
}

// ReadAt implements io.ReaderAt. Any number may read at once.
func (e *Entry) ReadAt(p []byte, off int64) (int, error) { return e.f.ReadAt(p, off) }

// Close closes the file. It is idempotent.
func (e *Entry) Close() error { return e.close() }

// besideName is tried to find out whether names can be made and removed beside
// the finished files. Left by a kill, it is used and removed the next time.
const besideName = ".probe" + tempSuffix

// fileTrouble is trouble with the removal or the renaming of one file. Where
// that is refused although the store can be written (the file is immutable, or
// another user's in a sticky directory), the others go on.
func (s *Store) fileTrouble(op, name string, err error) error {
	if errors.Is(err, fs.ErrPermission) && s.tryWriting(besideName) == nil {
		return fmt.Errorf("%s %.80q: %w", op, name, cause(err))
	}
	return s.trouble(op, name, err)
}

// removals counts those that a power cut may undo.
type removals struct {
	mu      sync.Mutex
	pending int
}

const maxPendingRemovals = 256

// Remove unlinks a file whose receipts are in the ledger and on disk (Append
// has returned, which also made the name of the ledger's file durable), if its
// name still means the same file, size and modification time, ErrChanged
// otherwise. A name that is gone already is no error. Every 256 removals, and
// by SyncRemovals, the directory is synced: a removal that a power cut undoes
// costs only a second look at its receipts. The entry may be closed. A file
// that may not be removed, in a store that can be written, is trouble of that
// file alone: no *Error, and fs.ErrPermission.
func (s *Store) Remove(e *Entry) error {
	err := s.Unchanged(e)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.fs.Remove(e.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.fileTrouble("remove", e.Name, err)
	}
	s.ship.reserve.refill(false) // before others take the room
	return s.syncRemovals(1, maxPendingRemovals)
}

// Unchanged is ErrChanged where a file's name does not mean the same file any
// more, size and modification time, and fs.ErrNotExist where it is gone. The
// entry may be closed.
func (s *Store) Unchanged(e *Entry) error {
	now, err := s.fs.Lstat(e.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look at %.80q: %w", e.Name, cause(err))
	case err != nil:
		return s.trouble("look at", e.Name, err)
	case !unchanged(s.fs, e.info, now):
		return fmt.Errorf("look at %.80q: %w", e.Name, ErrChanged)
	}
	return nil
}

// SyncRemovals makes the removals so far durable.
func (s *Store) SyncRemovals() error { return s.syncRemovals(0, 1) }

// syncRemovals adds removals and syncs them when they are at least due.
func (s *Store) syncRemovals(more, due int) error {
	r := &s.ship.removals
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending += more
	if r.pending < due {
		return nil
	}
	if err := s.fs.SyncDir("."); err != nil {
		return s.trouble("fsync", ".", err)
	}
	r.pending = 0
	return nil
}
