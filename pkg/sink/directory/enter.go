package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/storj/twitter-stream/pkg/sink"
)

// enter opens the directory if it is the archive. Its first success starts the
// sweep.
func (a *Archive) enter() (folder, error) {
	known, err := a.recall(false)
	if err != nil {
		return nil, err
	}
	dir, err := a.open(a.path)
	if errors.Is(err, fs.ErrNotExist) && known == "" {
		if err = a.found(); err == nil {
			dir, err = a.open(a.path)
		}
	}
	if err != nil {
		return nil, a.absent(known, err)
	}
	if err := a.admit(dir, known); err != nil {
		_ = dir.Close() // nothing was written through it
		return nil, err
	}
	a.sweeper.start(a.path)
	return dir, nil
}

// admit compares the marker with what is known, or believes the first one.
func (a *Archive) admit(dir folder, known string) error {
	id, err := readMarker(dir)
	if err != nil {
		return a.absent(known, err)
	}
	if id != known && known != "" {
		// A person may have said meanwhile that it is another one from now on.
		if known, err = a.recall(true); err != nil {
			return err
		}
	}
	switch known {
	case id:
		return nil
	case "":
		return a.remember(id)
	}
	return a.another(id, known)
}

func (a *Archive) another(id, known string) error {
	return &sink.Error{Kind: sink.Pause,
		Err:  fmt.Errorf("%s is another archive (%.8s) than the one that was shipped to (%.8s)", a.path, id, known),
		Hint: "mount the right one; or, to ship to this one from now on, run: " + a.cfg.Command}
}

// recall returns the id that is known; again asks the memory once more.
func (a *Archive) recall(again bool) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cfg.Memory == nil || a.known != "" && !again {
		return a.known, nil
	}
	id, err := a.cfg.Memory.Recall()
	if err != nil {
		return "", fmt.Errorf("read the archive's id: %w", err)
	}
	a.known = id
	return id, nil
}

func (a *Archive) remember(id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cfg.Memory != nil && a.known != id {
		if err := a.cfg.Memory.Remember(id); err != nil {
			return fmt.Errorf("keep the archive's id: %w", err)
		}
	}
	a.known = id
	return nil
}

// found makes the archive that was never seen, where that is safe.
func (a *Archive) found() error {
	err := create(a.path, false)
	if err == nil {
		a.cfg.Notice(a.path, "there was no such directory: it was made, and is an archive now")
	}
	return err
}

// absent says that the path does not lead to the archive: for a person to mend
// if there never was one, else it may come back.
func (a *Archive) absent(known string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return err // another process makes it just now
	}
	gone := errors.Is(err, fs.ErrNotExist)
	if known == "" && (gone || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errEmptyParent)) {
		return &sink.Error{Kind: sink.Misdirected, Err: fmt.Errorf("%s is not an archive: %w", a.path, plain(err)),
			Hint: "mount its disk first if it has one; to make it an archive run: " + a.cfg.Command}
	}
	if gone {
		return &sink.Error{Kind: sink.Pause, Err: fmt.Errorf("the archive %.8s is not at %s: %w", known, a.path, plain(err)), Hint: comeBack}
	}
	return err
}

// plain words the error of a path that is not there.
func plain(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return missing(path.Path)
}

// missing is the path of something that is not there.
type missing string

func (m missing) Error() string { return "there is no " + string(m) }

func (missing) Unwrap() error { return fs.ErrNotExist }
