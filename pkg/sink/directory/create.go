package directory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

var errEmptyParent = errors.New("the directory above it is empty, as one is whose disk is not mounted")

// create makes a directory with a marker in it appear at once: prepared under
// a dot name, synced, renamed. The directory above must exist, and hold
// something unless asked: a person has asked for it.
func create(path string, asked bool) error {
	parent, err := dirfs.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close() //nolint:errcheck // all that matters has been synced
	if empty, err := isEmpty(parent); err != nil || empty && !asked {
		return errors.Join(err, errEmptyParent)
	}
	name := filepath.Base(path)
	temp := "." + name + ".new"
	removeLeft(parent, temp)
	if err := parent.Mkdir(temp, 0o700); err != nil {
		return err
	}
	if err := mark(parent.Path(temp)); err != nil {
		return err
	}
	if err := parent.RenameNoReplace(temp, name); err != nil {
		return err
	}
	return osFolder{parent}.Sync()
}

// removeLeft removes what a process has left that was killed in create. What
// cannot be removed, mkdir says.
func removeLeft(parent *dirfs.Dir, temp string) {
	list, err := parent.OpenDir(temp)
	if err != nil {
		return
	}
	defer list.Close()             //nolint:errcheck // only read
	entries, _ := list.ReadDir(64) // it holds one file, or two
	for _, entry := range entries {
		if name := entry.Name(); name == Marker || isTemp(name) {
			_ = parent.Remove(temp + "/" + name)
		}
	}
	_ = parent.Remove(temp)
}

// MayCreate reports whether an archive that was never seen would be made at
// path by itself: nothing is there, and the directory above is not empty.
func MayCreate(path string) bool {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	parent, err := dirfs.Open(filepath.Dir(path))
	if err != nil {
		return false
	}
	defer parent.Close() //nolint:errcheck // only read
	empty, err := isEmpty(parent)
	return err == nil && !empty
}

func mark(path string) error {
	dir, err := dirfs.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // all that matters has been synced
	_, err = writeMarker(dir)
	return err
}

func isEmpty(dir *dirfs.Dir) (bool, error) {
	list, err := dir.OpenDir(".")
	if err != nil {
		return false, err
	}
	defer list.Close() //nolint:errcheck // only read
	if _, err = list.ReadDir(1); errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// ErrForeign says that a directory holds what is not ours.
var ErrForeign = errors.New("it is not empty and holds no marker")

// Made is what Init did.
type Made struct {
	ID        string
	Already   bool // it was an archive before
	Directory bool // the directory was made too
	Foreign   bool // it holds other files
}

// Init makes path an archive: a directory that does not exist, though the one
// above does; or an empty one; or with force any other, whose files stay as
// they are (without: ErrForeign). It is for a person who knows what is mounted
// there.
func Init(path string, force bool) (Made, error) {
	made, err := initialise(path, force)
	if err != nil {
		return Made{}, fmt.Errorf("make %s an archive: %w", path, plain(err))
	}
	return made, nil
}

func initialise(path string, force bool) (made Made, err error) {
	dir, err := dirfs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path, true); err != nil {
			return made, err
		}
		made.Directory = true
		dir, err = dirfs.Open(path)
	}
	if err != nil {
		return made, err
	}
	defer dir.Close() //nolint:errcheck // all that matters has been synced
	made.ID, err = readMarker(osFolder{dir})
	if !errors.Is(err, fs.ErrNotExist) {
		made.Already = !made.Directory
		return made, err
	}
	if made.Foreign, err = holdsOthers(dir); err != nil {
		return made, err
	}
	if made.Foreign && !force {
		return made, ErrForeign
	}
	made.ID, err = writeMarker(dir)
	return made, err
}

// holdsOthers reports whether there is more in a directory than a new file
// system brings, or than a try of ours has left.
func holdsOthers(dir *dirfs.Dir) (bool, error) {
	list, err := dir.OpenDir(".")
	if err != nil {
		return false, err
	}
	defer list.Close() //nolint:errcheck // only read
	for {
		entries, err := list.ReadDir(64)
		for _, entry := range entries {
			if entry.Name() != "lost+found" && !isTemp(entry.Name()) {
				return true, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}
