package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

// layoutVersion is the layout that this program writes and understands.
const layoutVersion = 1

// The directories of a store and the file that makes one a store.
const (
	stateDir    = ".state"
	ledgerDir   = "ledger"
	rejectedDir = "rejected"
	versionFile = stateDir + "/version"
	nameFile    = stateDir + "/name"
)

// Open checks the store directory, its layout version and that it can be
// written, and creates what is missing of it (the directory itself only if
// cfg.Create). It takes no lock. It fails with *Error, or with *FullError
// where a full disk keeps it from creating something.
//
// A new store is made in this order: its mode, its directories, fsync of the
// store directory, its name and the version by temporary file, fsync, rename, fsync of
// .state. So what has a version has everything.
func Open(cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg.defaults(), fs: cfg.fs}
	if s.fs == nil {
		opened, err := openDir(cfg)
		if err != nil {
			return nil, err
		}
		s.fs = opened
	}
	s.ship.reserve.name, s.ship.reserve.bytes = reserveName, reserveBytes
	s.captured.reserve.name, s.captured.reserve.bytes = capturedReserveName, capturedReserveBytes
	s.captured.book = s.newCapturedBook()
	if err := s.prepare(); err != nil {
		_ = s.fs.Close() // the first error is the one that matters
		return nil, err
	}
	return s, nil
}

// openDir opens the store directory, and makes it first where it may.
func openDir(cfg Config) (osFS, error) {
	opened, err := openOS(cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) && cfg.Create {
		if err = makeDir(cfg.Dir); err == nil {
			opened, err = openOS(cfg.Dir)
		}
	}
	switch {
	case err == nil:
		return opened, nil
	case isNoRoom(err):
		return osFS{}, &FullError{Reason: fmt.Sprintf("no room to create the store %s", cfg.Dir), Err: cause(err)}
	}
	return osFS{}, &Error{Op: "open store", Path: cfg.Dir, Err: cause(err), Hint: openHint(err)}
}

func openHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is its file system mounted? The daemon creates a store that is new"
	case errors.Is(err, fs.ErrPermission):
		return "run as the user who owns the store, or give it to this one"
	}
	return ""
}

// makeDir creates a directory and those above it, and makes their names
// durable.
func makeDir(path string) error {
	err := os.Mkdir(path, 0o700)
	parent := filepath.Dir(path)
	if errors.Is(err, fs.ErrNotExist) && parent != path {
		if err = makeDir(parent); err == nil {
			err = os.Mkdir(path, 0o700)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !dirfs.SyncsDirectories {
		return nil
	}
	above, err := os.Open(parent)
	if err != nil {
		return nil //nolint:nilerr // a parent that may be passed but not read cannot be synced
	}
	defer above.Close() //nolint:errcheck // only read
	return above.Sync()
}

// prepare checks the layout and completes it.
func (s *Store) prepare() error {
	version, err := s.version()
	switch {
	case err != nil:
		return err
	case version > layoutVersion:
		return &Error{Op: "open store", Path: s.cfg.Dir,
			Err:  fmt.Errorf("its layout is version %d, newer than the %d that this program knows", version, layoutVersion),
			Hint: "use the newer twitter-stream that wrote it"}
	case version == 0 && !s.cfg.Create:
		return &Error{Op: "open store", Path: s.cfg.Dir, Err: ErrNoStore,
			Hint: "is its file system mounted? The daemon makes a store of a directory that is new"}
	case s.cfg.ReadOnly:
		return nil
	}
	if version == 0 {
		s.closeToOthers()
	}
	if err := s.makeDirs(version == 0); err != nil {
		return err
	}
	if version == 0 {
		if err := s.christen(); err != nil {
			return err
		}
		return s.replaceFile(versionFile, true, []byte(strconv.Itoa(layoutVersion)+"\n"))
	}
	if err := s.tryWriting(tempName(stateDir + "/probe")); err != nil {
		return err
	}
	s.removeStale(stateDir)
	s.removeStale(rejectedDir)
	return nil
}

// closeToOthers takes from others the right to look into a directory that
// becomes a store: its files may be as the original made them, for anybody to
// read. One that is shared on purpose (sticky, such as /tmp) is left as it is.
func (s *Store) closeToOthers() {
	info, err := s.fs.Lstat(".")
	if err == nil && info.Mode().Perm()&0o077 == 0 {
		return
	}
	if err == nil && info.Mode()&fs.ModeSticky != 0 {
		err = errors.New("it is shared by all")
	}
	if err == nil {
		err = s.fs.Chmod(".", 0o700)
	}
	if err != nil {
		s.cfg.Notice(s.cfg.Dir, fmt.Sprintf("others may read what is captured, its mode was not set to 0700: %v", cause(err)))
	}
}

// version returns the store's layout version, 0 when it has none yet.
func (s *Store) version() (int, error) {
	data, err := s.readFile(versionFile, 64)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, &Error{Op: "open store", Path: s.path(versionFile), Err: cause(err), Hint: openHint(err)}
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || version < 1 {
		return 0, &Error{Op: "open store", Path: s.path(versionFile), Err: errors.New("not a layout version"),
			Hint: fmt.Sprintf("if the store is one of this program, write %d into the file", layoutVersion)}
	}
	return version, nil
}

// makeDirs creates the directories that are missing. A new store's are made
// durable at once; later ones with the next sync of the store directory.
func (s *Store) makeDirs(durable bool) error {
	for _, name := range []string{stateDir, ledgerDir, rejectedDir} {
		err := s.fs.Mkdir(name, 0o700)
		if errors.Is(err, fs.ErrExist) {
			info, lerr := s.fs.Lstat(name)
			if lerr == nil && !info.IsDir() {
				lerr = errors.New("not a directory")
			}
			err = lerr
		} else if err == nil {
			durable = true
		}
		if err != nil {
			return s.trouble("create", name, err)
		}
	}
	if !durable {
		return nil
	}
	return s.trouble("fsync", ".", s.fs.SyncDir("."))
}

// tryWriting finds a read-only store before anything relies on it, by a file
// that it makes and removes. A full one is none: it may have room again.
func (s *Store) tryWriting(probe string) error {
	f, err := s.fs.OpenFile(probe, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), s.fs.Remove(probe))
	}
	if err == nil || isNoRoom(err) {
		return nil
	}
	return &Error{Op: "write to store", Path: s.cfg.Dir, Err: cause(err), Hint: openHint(err)}
}

// trouble makes err, unless it is nil, the error of an operation on a name.
func (s *Store) trouble(op, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case isNoRoom(err):
		return &FullError{Reason: fmt.Sprintf("no room to %s %s", op, s.path(name)), Err: cause(err)}
	}
	return &Error{Op: op, Path: s.path(name), Err: cause(err)}
}

// cause strips the operation and path off an error, which ours repeats.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
