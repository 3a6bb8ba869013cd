package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

var errHeld = errors.New("another process holds the lock")

// osFS is the operating system's files below one directory. It keeps that
// directory open, so that what is begun in it ends in it whatever becomes of
// its path, and no name leads out of it.
type osFS struct {
	path string
	root *os.Root
	top  *os.File // the directory itself, for calls that want a descriptor
}

var _ fileSystem = (*osFS)(nil)

func openOS(path string) (*osFS, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	top, err := root.Open(".")
	if err != nil {
		_ = root.Close() // nothing was written through it
		return nil, err
	}
	return &osFS{path: path, root: root, top: top}, nil
}

func (o *osFS) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	// os.Root resolves links that stay inside it whatever the flags say, so a
	// link is refused before, where opening could create what it points to,
	// and after, where somebody was quicker.
	before, err := o.root.Lstat(name)
	if err == nil && before.Mode()&fs.ModeSymlink != 0 {
		return nil, &fs.PathError{Op: "open", Path: o.full(name), Err: syscall.ELOOP}
	}
	f, err := o.root.OpenFile(name, flag|neverBlock, perm)
	if err != nil {
		return nil, o.named("open", name, err)
	}
	after, err := o.root.Lstat(name)
	if err == nil && after.Mode()&fs.ModeSymlink != 0 {
		_ = f.Close() // not ours, nothing was written
		return nil, &fs.PathError{Op: "open", Path: o.full(name), Err: syscall.ELOOP}
	}
	return f, nil
}

func (o *osFS) Mkdir(name string, perm fs.FileMode) error {
	return o.named("mkdir", name, o.root.Mkdir(name, perm))
}

func (o *osFS) Rename(oldname, newname string) error {
	return o.named("rename", oldname, o.root.Rename(oldname, newname))
}

func (o *osFS) RenameNoReplace(oldname, newname string) error {
	if !filepath.IsLocal(oldname) || !filepath.IsLocal(newname) {
		return &fs.PathError{Op: "rename", Path: oldname, Err: fs.ErrInvalid}
	}
	err := renameNoReplace(o, oldname, newname)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = o.lookAndRename(oldname, newname)
	}
	return o.named("rename", oldname, err)
}

// lookAndRename is for file systems that cannot refuse to replace. Between its
// two steps only somebody without a lock on the store could do harm.
func (o *osFS) lookAndRename(oldname, newname string) error {
	_, err := o.root.Lstat(newname)
	switch {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return o.root.Rename(oldname, newname)
}

func (o *osFS) Remove(name string) error {
	return o.named("remove", name, o.root.Remove(name))
}

func (o *osFS) Lstat(name string) (fs.FileInfo, error) {
	info, err := o.root.Lstat(name)
	return info, o.named("lstat", name, err)
}

func (o *osFS) Chmod(name string, mode fs.FileMode) error {
	return o.named("chmod", name, o.root.Chmod(name, mode))
}

func (o *osFS) SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) }

func (o *osFS) OpenDir(name string) (dir, error) {
	d, err := o.root.OpenFile(name, os.O_RDONLY|neverBlock, 0)
	if err != nil {
		return nil, o.named("open", name, err)
	}
	return d, nil
}

func (o *osFS) SyncDir(name string) error {
	if !syncsDirectories {
		return nil
	}
	d, err := o.root.OpenFile(name, os.O_RDONLY|neverBlock, 0)
	if err != nil {
		return o.named("open", name, err)
	}
	if err := d.Sync(); err != nil {
		_ = d.Close() // the sync's error is the one that matters
		return o.named("fsync", name, err)
	}
	return d.Close()
}

func (o *osFS) Free() (int64, error) {
	free, err := freeBytes(o)
	if err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: o.path, Err: err}
	}
	return free, nil
}

func (o *osFS) TryLock(name string, shared bool) (heldLock, error) {
	l := flock.New(o.full(name), flock.SetFlag(os.O_CREATE|os.O_RDWR|neverBlock|noFollow))
	try := l.TryLock
	if shared { // only looks: neither creates nor needs the right to write
		l = flock.New(o.full(name), flock.SetFlag(os.O_RDONLY|neverBlock|noFollow))
		try = l.TryRLock
	}
	ok, err := try()
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errHeld
	}
	return l, nil
}

func (o *osFS) Here() error {
	ours, err := o.top.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(o.path)
	if err != nil {
		return err
	}
	if !os.SameFile(ours, there) {
		return fmt.Errorf("%s is another directory now", o.path)
	}
	return nil
}

func (o *osFS) Close() error { return errors.Join(o.top.Close(), o.root.Close()) }

func (o *osFS) full(name string) string { return filepath.Join(o.path, filepath.FromSlash(name)) }

// named gives err the whole path, which os.Root's errors lack.
func (o *osFS) named(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return &fs.PathError{Op: op, Path: o.full(name), Err: err}
}
