package directory

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

// folder is all that is asked of an open directory, so that tests can do wrong.
type folder interface {
	// Create makes a temporary file for an object, and holds its lock.
	Create(object string) (temp string, f file, err error)
	// Open opens a file to read it from the disk: it is synced first, and read
	// past the page cache where the system can.
	Open(name string) (file, error)
	Lstat(name string) (fs.FileInfo, error)
	// Place renames and never replaces: fs.ErrExist.
	Place(oldname, newname string) error
	Remove(name string) error
	Mkdir(name string, perm fs.FileMode) error
	SyncDir(name string) error // of a directory below
	Sync() error               // of the directory
	// Here fails when the directory's path no longer leads to it.
	Here() error
	Close() error
}

// file is an open file of a folder.
type file interface {
	io.Reader
	io.Writer
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
}

// osFolder is the operating system's.
type osFolder struct{ *dirfs.Dir }

func openFolder(path string) (folder, error) {
	d, err := dirfs.Open(path)
	if err != nil {
		return nil, err
	}
	return osFolder{d}, nil
}

// Create locks what it makes, so that nobody takes it for a dead process's. In
// between a sweep may have taken it for one: then another is made.
func (o osFolder) Create(object string) (temp string, f file, err error) {
	for range 10 {
		temp = tempName(object)
		made, err := o.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
		if err != nil {
			return "", nil, err
		}
		locked, err := dirfs.TryLock(made)
		if err != nil || locked && names(o.Dir, temp, made) {
			return temp, made, nil // without locks nothing is swept either
		}
		_ = made.Close() // empty, and being removed by another
	}
	return "", nil, &fs.PathError{Op: "create", Path: o.Path(temp), Err: errors.New("others remove it at once")}
}

// names reports whether name is f's.
func names(d *dirfs.Dir, name string, f *os.File) bool {
	there, err := d.Lstat(name)
	if err != nil {
		return false
	}
	ours, err := f.Stat()
	return err == nil && os.SameFile(there, ours)
}

func (o osFolder) Open(name string) (file, error) {
	f, err := o.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	// Of a process that was killed something may be in the cache alone. Windows
	// syncs no file that is open for reading only, and on a read-only file system
	// there is nothing to sync.
	if err := f.Sync(); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		_ = f.Close() // the sync's error is the one that matters
		return nil, err
	}
	uncache(f)
	return f, nil
}

func (o osFolder) Sync() error { return o.SyncDir(".") }

// SyncDir is no error where the file system cannot sync a directory (CIFS,
// FUSE): there the file's own fsync has to do.
func (o osFolder) SyncDir(name string) error {
	err := o.Dir.SyncDir(name)
	if dirfs.CannotSync(err) {
		return nil
	}
	return err
}
