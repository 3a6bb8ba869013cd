package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// A book is an append-only record on disk: JSON objects, one a line, in one
// file a month of writing. Any number of processes may read it at any time.
// Those that append agree on a lock, which is the caller's to hold: a book's
// writing methods trust that nobody else appends meanwhile.
//
// append writes in this order: the tail is looked at and a torn last line cut,
// the batch is written by one write, the file is fsynced, and so is the
// directory if this book has not yet done that for this file. Whatever fails,
// the batch is taken back, so that it can be offered again as a whole.
type book struct {
	store     *Store
	dir       string // below the store
	prefix    string // of the files' names: tells the books of one directory apart
	extension string // of the files' names

	named  fs.FileInfo // the file whose name this book has made durable
	failed error       // the book can no longer say what is on disk
}

// maxLine is the longest line that a book takes or reads, in bytes.
const maxLine = 64 << 10

const monthLayout = "2006-01"

// append adds whole lines. When it returns nil they are on disk; otherwise
// none of them is in the book: *FullError, or *Error.
func (b *book) append(batch []byte) error {
	if b.failed != nil {
		return b.failed
	}
	path, err := b.current()
	if err != nil {
		return err
	}
	f, err := b.open(path, os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // what it holds is synced or taken back by now
	size, _, err := b.mend(f, path)
	if err != nil {
		return err
	}
	if err := b.write(f, path, batch); err != nil {
		return b.takeBack(f, path, size, err)
	}
	return nil
}

// current returns the file that the next lines belong in: this month's, or
// the newest there is while the clock says an earlier one. Before a month's
// file begins, the one before is left in order, for nobody looks at its tail
// again.
func (b *book) current() (path string, err error) {
	paths, err := b.files()
	if err != nil {
		return "", err
	}
	name := b.name(b.store.cfg.Now())
	path = b.dir + "/" + name
	if !b.owns(name) {
		return "", b.store.trouble("append to", path, errors.New("the clock is not in our era"))
	}
	if len(paths) == 0 {
		return path, nil
	}
	newest := paths[len(paths)-1]
	if path <= newest {
		return newest, nil
	}
	return path, b.mendFile(newest)
}

// files returns the paths below the store of the book's files, oldest first.
func (b *book) files() ([]string, error) {
	var paths []string
	err := b.store.eachName(b.dir, func(entry fs.DirEntry) error {
		if b.owns(entry.Name()) {
			paths = append(paths, b.dir+"/"+entry.Name())
		}
		return nil
	})
	slices.Sort(paths)
	return slices.Compact(paths), b.store.trouble("list", b.dir, err)
}

// name returns the name of the file of a time's month.
func (b *book) name(at time.Time) string {
	return b.prefix + at.UTC().Format(monthLayout) + b.extension
}

// owns reports whether a name in the directory is one of the book's files.
func (b *book) owns(name string) bool {
	month, ok := strings.CutPrefix(name, b.prefix)
	if !ok {
		return false
	}
	month, ok = strings.CutSuffix(month, b.extension)
	if !ok || len(month) != len(monthLayout) {
		return false
	}
	_, err := time.Parse(monthLayout, month)
	return err == nil
}

// open opens one of the book's files. A name that is no regular file fails
// with ErrNotRegular.
func (b *book) open(path string, flag int) (file, error) {
	info, err := b.store.fs.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, b.store.trouble("open", path, ErrNotRegular)
	}
	f, err := b.store.fs.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, b.store.trouble("open", path, err)
	}
	return f, nil
}

// write appends the batch and makes it and the name that it is under durable.
func (b *book) write(f file, path string, batch []byte) error {
	if err := writeAll(f, batch); err != nil {
		return b.store.trouble("append to", path, err)
	}
	if err := f.Sync(); err != nil {
		return b.unsynced(path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return b.store.trouble("stat", path, err)
	}
	// Whoever created the file may have died before this step, so that it is
	// not enough that the file was there.
	if b.named != nil && b.store.fs.SameFile(b.named, info) {
		return nil
	}
	if err := b.store.fs.SyncDir(b.dir); err != nil {
		return b.unsynced(b.dir, err)
	}
	b.named = info
	return nil
}

func writeAll(f file, data []byte) error {
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	return err
}

// unsynced is a failed fsync. After one the kernel may call pages clean that
// never reached the disk, so that another proves nothing: the book has failed,
// unless there was only no room.
func (b *book) unsynced(path string, err error) error {
	trouble := b.store.trouble("fsync", path, err)
	if !isNoRoom(err) {
		b.failed = trouble
	}
	return trouble
}

// takeBack cuts off what an append that failed may have left. A line whose
// fsync failed could be read from memory, believed by the next process, and be
// gone after a power cut.
func (b *book) takeBack(f file, path string, size int64, why error) error {
	if err := f.Truncate(size); err != nil {
		// No room is no excuse any more: it would be offered, and be there, twice.
		b.failed = &Error{Op: "truncate", Path: b.store.path(path), Err: fmt.Errorf("%w, after: %v", cause(err), why)}
		return b.failed
	}
	return why
}

// mendFile leaves one of the book's files in order, durably.
func (b *book) mendFile(path string) error {
	f, err := b.open(path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written, or it is synced
	if _, mended, err := b.mend(f, path); err != nil || !mended {
		return err
	}
	if err := f.Sync(); err != nil {
		return b.unsynced(path, err)
	}
	return nil
}

// mendTails leaves the two newest files in order: a month's file may have been
// begun, and nothing written to it yet.
func (b *book) mendTails() error {
	paths, err := b.files()
	if err != nil {
		return err
	}
	for _, path := range paths[max(0, len(paths)-2):] {
		if err := b.mendFile(path); err != nil {
			return err
		}
	}
	return nil
}

// sync makes durable whatever can be read of the book now: every file, for the
// kernel knows which have anything to write, the directory, and its own name.
func (b *book) sync() error {
	paths, err := b.files()
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := b.syncFile(path); err != nil && !errors.Is(err, ErrNotRegular) {
			return err
		}
	}
	for _, dir := range []string{b.dir, "."} {
		if err := b.store.fs.SyncDir(dir); err != nil {
			return b.store.trouble("fsync", dir, err)
		}
	}
	return nil
}

func (b *book) syncFile(path string) error {
	f, err := b.open(path, os.O_RDWR)
	if errors.Is(err, fs.ErrPermission) {
		f, err = b.open(path, os.O_RDONLY) // an old month that somebody protects
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return b.store.trouble("fsync", path, f.Sync())
}
