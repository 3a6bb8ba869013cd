// Package dirfs is one directory of the operating system, held open: the files
// in it by name, with the few calls that durable work needs and the standard
// library lacks.
//
// It guarantees that
//   - no name leads out of the directory, no link is followed in a name's last
//     element, and no FIFO holds up an open;
//   - what was begun in the directory ends in it, whatever becomes of its path;
//     Here tells whether the path still leads to it;
//   - RenameNoReplace and Place never replace a file;
//   - errors are *fs.PathError with the whole path.
//
// Names are relative to the directory, with slashes. It must not know what the
// files are for.
package dirfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is an open directory. Its methods may be called from any goroutine.
type Dir struct {
	path string
	root *os.Root
	top  *os.File // the directory itself, for calls that want a descriptor
}

// Open opens an existing directory; the caller closes it.
func Open(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() { // os has an error of its own for it
			err = &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
		}
		return nil, err
	}
	top, err := root.Open(".")
	if err != nil {
		_ = root.Close() // nothing was written through it
		return nil, err
	}
	return &Dir{path: path, root: root, top: top}, nil
}

// OpenFile opens a file as os.OpenFile does, but follows no link and waits for
// no FIFO's other end: the caller looks what it has got.
func (d *Dir) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	// os.Root resolves links that stay inside it whatever the flags say, so a
	// link is refused before, where opening could create what it points to,
	// and after, where somebody was quicker.
	before, err := d.root.Lstat(name)
	if err == nil && before.Mode()&fs.ModeSymlink != 0 {
		return nil, &fs.PathError{Op: "open", Path: d.Path(name), Err: syscall.ELOOP}
	}
	f, err := d.root.OpenFile(name, flag|NeverBlock, perm)
	if err != nil {
		return nil, d.named("open", name, err)
	}
	after, err := d.root.Lstat(name)
	if err == nil && after.Mode()&fs.ModeSymlink != 0 {
		_ = f.Close() // not ours, nothing was written
		return nil, &fs.PathError{Op: "open", Path: d.Path(name), Err: syscall.ELOOP}
	}
	return f, nil
}

// Mkdir makes a directory.
func (d *Dir) Mkdir(name string, perm fs.FileMode) error {
	return d.named("mkdir", name, d.root.Mkdir(name, perm))
}

// Rename renames and replaces what has the new name.
func (d *Dir) Rename(oldname, newname string) error {
	return d.named("rename", oldname, d.root.Rename(oldname, newname))
}

// RenameNoReplace fails with fs.ErrExist where the new name is taken. On file
// systems that cannot refuse it looks first, which only a lock that the caller
// holds makes safe.
func (d *Dir) RenameNoReplace(oldname, newname string) error {
	if !filepath.IsLocal(oldname) || !filepath.IsLocal(newname) {
		return &fs.PathError{Op: "rename", Path: oldname, Err: fs.ErrInvalid}
	}
	err := renameNoReplace(d, oldname, newname)
	if cannot(err) {
		err = d.lookAndRename(oldname, newname)
	}
	return d.named("rename", oldname, err)
}

// Place is RenameNoReplace for directories without a lock. Where the file
// system cannot refuse to replace (NFS) it links the new name, which refuses as
// well, and removes the old one: killed between the two, both names remain.
// Only where there are no links either (FAT) does it look and rename.
func (d *Dir) Place(oldname, newname string) error {
	if !filepath.IsLocal(oldname) || !filepath.IsLocal(newname) {
		return &fs.PathError{Op: "rename", Path: oldname, Err: fs.ErrInvalid}
	}
	err := renameNoReplace(d, oldname, newname)
	if cannot(err) {
		err = d.linkAndRemove(oldname, newname)
	}
	if cannot(err) || errors.Is(err, syscall.EPERM) { // link(2): EPERM where there are none
		err = d.lookAndRename(oldname, newname)
	}
	return d.named("rename", oldname, err)
}

// cannot reports whether err says that a file system lacks an operation.
func cannot(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL)
}

func (d *Dir) linkAndRemove(oldname, newname string) error {
	if err := d.root.Link(oldname, newname); err != nil {
		return err
	}
	return d.root.Remove(oldname)
}

// lookAndRename is for file systems that cannot refuse to replace. Between its
// two steps only somebody without a lock on the directory could do harm.
func (d *Dir) lookAndRename(oldname, newname string) error {
	_, err := d.root.Lstat(newname)
	switch {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return d.root.Rename(oldname, newname)
}

// Remove removes a file or an empty directory.
func (d *Dir) Remove(name string) error {
	return d.named("remove", name, d.root.Remove(name))
}

// Lstat describes what has the name, not what a link points to.
func (d *Dir) Lstat(name string) (fs.FileInfo, error) {
	info, err := d.root.Lstat(name)
	return info, d.named("lstat", name, err)
}

// Chmod changes a file's mode.
func (d *Dir) Chmod(name string, mode fs.FileMode) error {
	return d.named("chmod", name, d.root.Chmod(name, mode))
}

// OpenDir opens a directory to be listed; a FIFO of that name holds up nobody.
func (d *Dir) OpenDir(name string) (*os.File, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|NeverBlock, 0)
	if err != nil {
		return nil, d.named("open", name, err)
	}
	return lister(f, d.Path(name))
}

// SyncDir makes the names in a directory durable, where the system can.
func (d *Dir) SyncDir(name string) error {
	if !SyncsDirectories {
		return nil
	}
	f, err := d.OpenDir(name)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close() // the sync's error is the one that matters
		return d.named("fsync", name, err)
	}
	return f.Close()
}

// CannotSync reports whether an error of SyncDir says that a file system cannot
// sync directories at all.
func CannotSync(err error) bool { return cannot(err) }

// Free returns the bytes that an ordinary user may still write;
// errors.ErrUnsupported where the system does not tell.
func (d *Dir) Free() (int64, error) {
	free, err := freeBytes(d)
	if err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: d.path, Err: err}
	}
	return free, nil
}

// Here fails when the directory's path no longer leads to it.
func (d *Dir) Here() error {
	ours, err := d.top.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	if !os.SameFile(ours, there) {
		return fmt.Errorf("%s is another directory now", d.path)
	}
	return nil
}

// Close gives the directory up; files opened in it stay open.
func (d *Dir) Close() error { return errors.Join(d.top.Close(), d.root.Close()) }

// Path returns the whole path of a name.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// named gives err the whole path, which os.Root's errors lack.
func (d *Dir) named(op, name string, err error) error {
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
	return &fs.PathError{Op: op, Path: d.Path(name), Err: err}
}
