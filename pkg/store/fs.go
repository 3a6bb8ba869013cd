package store

import (
	"io"
	"io/fs"
)

// fileSystem is all that this package asks of an operating system, so that
// tests can fail its n-th operation, or lose everything that was not synced
// when it came. Names are relative to the store directory, with slashes.
type fileSystem interface {
	// OpenFile never follows a link in the last element and never blocks on a
	// FIFO (O_NOFOLLOW|O_NONBLOCK).
	OpenFile(name string, flag int, perm fs.FileMode) (file, error)
	Mkdir(name string, perm fs.FileMode) error
	// Rename replaces newname; RenameNoReplace fails with fs.ErrExist instead.
	Rename(oldname, newname string) error
	RenameNoReplace(oldname, newname string) error
	Remove(name string) error
	Lstat(name string) (fs.FileInfo, error)
	Chmod(name string, mode fs.FileMode) error
	// SameFile reports whether two answers of Lstat or Stat are of one inode.
	SameFile(a, b fs.FileInfo) bool
	// OpenDir reads a directory's names in pieces, in no order.
	OpenDir(name string) (dir, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// Free returns the bytes that an ordinary user may still write.
	Free() (int64, error)
	// TryLock takes an advisory lock on a file: an exclusive one on a file that
	// it creates when there is none, or a shared one, which any number may have,
	// on a file that exists. errHeld says that another has it. The lock ends
	// with the process too.
	TryLock(name string, shared bool) (heldLock, error)
	// Here fails when the store's path no longer leads to this directory.
	Here() error
	Close() error
}

// heldLock is a lock and the file that it is on.
type heldLock interface {
	Stat() (fs.FileInfo, error)
	Close() error
}

// file is an open file of a fileSystem.
type file interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Seeker
	io.Closer
	Truncate(size int64) error
	Sync() error
	Stat() (fs.FileInfo, error)
}

// dir is an open directory of a fileSystem.
type dir interface {
	// ReadDir tells each name's type as well, as a rule without a stat of it.
	ReadDir(n int) ([]fs.DirEntry, error)
	Close() error
}
