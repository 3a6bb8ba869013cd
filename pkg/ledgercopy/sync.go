package ledgercopy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

// chunk is how much is copied between two fsyncs, and how much of the end of a
// copy is compared before more is put behind it: a power cut takes no more.
const chunk = 1 << 20

// glance is how much is compared of what this process has copied itself: the
// book may have taken a line back that could not be synced.
const glance = 4 << 10

// patience is how many times a process makes a file of the copy anew. Once is a
// copy of before, or a line that the book took back; more is somebody else who
// copies to the same place, and who would do the same, again and again.
const patience = 3

// maxKept is how many names are tried for a file that is kept.
const maxKept = 1000

// directory is where a copy lies.
func directory(root, name string) string { return filepath.Join(root, name, "ledger") }

// Lacks returns how many bytes of the books a copy lacks.
func Lacks(root, name string, books Source) (int64, error) {
	files, err := books.Files()
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(root); err != nil {
		return 0, err
	}
	var behind int64
	for _, file := range files {
		info, err := os.Lstat(filepath.Join(directory(root, name), file.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			behind += file.Size
		case err != nil:
			return 0, err
		default:
			behind += max(0, file.Size-info.Size())
		}
	}
	return behind, nil
}

// sync copies what the copy lacks and returns how many bytes it lacks then.
func (c *Copy) sync() (behind int64, err error) {
	files, err := c.cfg.Source.Files()
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		behind += file.Size
	}
	dir, err := open(c.cfg.Root, c.cfg.Name)
	if err != nil {
		return behind, err
	}
	defer dir.Close() //nolint:errcheck // all that matters has been synced
	var failed error
	for _, file := range files {
		if err := c.copyFile(dir, file); err != nil {
			failed = errors.Join(failed, fmt.Errorf("copy %s: %w", file.Name, err))
			continue
		}
		behind -= file.Size
	}
	return behind, failed
}

// open opens the copy's directory and makes it where it is missing; nobody but
// its owner may read it. Its root is never made: it may be where a disk belongs
// that is not mounted.
func open(root, name string) (*dirfs.Dir, error) {
	dir, err := dirfs.Open(directory(root, name))
	if !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	top, err := dirfs.Open(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no directory %s: mount its disk, or make it", root)
	}
	if err != nil {
		return nil, err
	}
	defer top.Close() //nolint:errcheck // all that matters has been synced
	for _, below := range []string{name, name + "/ledger"} {
		if err := top.Mkdir(below, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	// Before anything in them counts as copied.
	if err := errors.Join(syncDir(top, name), syncDir(top, ".")); err != nil {
		return nil, err
	}
	return dirfs.Open(directory(root, name))
}

// copyFile makes one file of the copy as long as the book's. The order: (a file
// that is another is renamed;) the bytes that are missing, fsync, chunk by
// chunk; fsync of the directory.
func (c *Copy) copyFile(dir *dirfs.Dir, file File) error {
	info, err := dir.Lstat(file.Name)
	if err == nil && !info.Mode().IsRegular() {
		return errors.New("what has its name in the copy is no file")
	}
	have := int64(0)
	if err == nil {
		have = info.Size()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if have >= file.Size && c.isSure(file.Name, have) {
		return nil
	}
	// After the look at the copy: so another process that copies too has put
	// nothing there that is not in what is read here.
	book, err := c.cfg.Source.Open(file.Name)
	if err != nil {
		return err
	}
	defer book.Close() //nolint:errcheck // only read
	if have > 0 {
		look := int64(chunk)
		if c.isSure(file.Name, have) {
			look = glance
		}
		same, err := endsAlike(dir, book, file.Name, have, look)
		if err != nil {
			return err
		}
		if !same {
			if err := c.keep(dir, file.Name); err != nil {
				return err
			}
			have = 0
		}
	}
	if have < file.Size {
		err = extend(dir, book, file.Name, have, file.Size)
	}
	if err == nil {
		c.sure[file.Name] = file.Size
	}
	return err
}

// isSure reports whether this process has seen that the copy's first bytes are
// the book's, as many as it has now.
func (c *Copy) isSure(name string, have int64) bool {
	seen, ok := c.sure[name]
	return ok && seen == have
}

// endsAlike compares the end of a file of the copy with the same place of the
// book.
func endsAlike(dir *dirfs.Dir, book io.ReaderAt, name string, have, look int64) (bool, error) {
	f, err := dir.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // only read
	at := max(0, have-look)
	ours, theirs := make([]byte, have-at), make([]byte, have-at)
	if _, err := f.ReadAt(ours, at); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	n, err := book.ReadAt(theirs, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return n == len(theirs) && bytes.Equal(ours, theirs), nil
}

// keep renames a file of the copy that is not the beginning of the book: it may
// be all that is left of another one.
func (c *Copy) keep(dir *dirfs.Dir, name string) error {
	if c.anew[name] == patience {
		return fmt.Errorf("another store copies its books to %s, too: give one of the two machines another name, or a directory of its own", dir.Path("."))
	}
	c.anew[name]++
	for n := range maxKept {
		kept := fmt.Sprintf("%s.kept-%d", name, n+1)
		err := dir.Place(name, kept)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			c.cfg.Log.WithField("file", dir.Path(kept)).Warn("a copy of a book does not begin as the book does: it was kept, and the book is copied anew")
			return syncDir(dir, ".")
		}
		return err
	}
	return fmt.Errorf("%d copies that are none are kept already", maxKept)
}

// extend writes the bytes from have to size, at their place.
func extend(dir *dirfs.Dir, book io.ReaderAt, name string, have, size int64) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // what it holds is synced
	buf := make([]byte, min(chunk, size-have))
	for have < size {
		part := buf[:min(int64(len(buf)), size-have)]
		if _, err := book.ReadAt(part, have); err != nil {
			return err
		}
		if _, err := f.WriteAt(part, have); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		have += int64(len(part))
	}
	return syncDir(dir, ".")
}

// syncDir is no error where the file system cannot sync a directory (CIFS,
// FUSE): there the file's own fsync has to do.
func syncDir(dir *dirfs.Dir, name string) error {
	err := dir.SyncDir(name)
	if dirfs.CannotSync(err) {
		return nil
	}
	return err
}
