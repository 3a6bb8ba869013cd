package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/process"
)

// Config says which store and how it is used.
type Config struct {
	Dir         string // absolute path of the store directory
	Prefix      string // tweet_file_prefix: what finished files' names begin with
	WorkingName string // grabber_temp_file: a bare name
	// Create makes the store where there is none. A supervised child never
	// does: an empty mount point is not a store.
	Create bool
	// Name is what a store that is made now is called from then on (Store.Name): a
	// bare name, "" for none.
	Name string
	// ReadOnly opens an existing store to look at it: nothing is created,
	// cleaned or tried out. Who only reads needs no right to write.
	ReadOnly bool
	// Now is the wall clock, which is data here (names, receipts); nil means
	// time.Now.
	Now func() time.Time
	// Notice is told, in one sentence with the file it is about, what a person
	// would want to know and nothing depends on: a torn line cut off the
	// ledger, a file set aside. It is called from any goroutine. nil drops it.
	Notice func(file, sentence string)
	// Appended is told after each append to a book, before Append returns; so it
	// must not take long. nil tells nobody.
	Appended func()

	fs    fileSystem         // tests; nil means the operating system below Dir
	alive func(pid int) bool // tests; nil asks the operating system
}

// Store is one store directory. Its methods may be called from any goroutine
// unless they say otherwise.
type Store struct {
	cfg Config
	fs  fileSystem

	stateMu sync.Mutex // one state file is replaced at a time
	ship    shipping

	captured CapturedBook
}

// ErrNoStore says that a directory is there but was never made a store: an
// empty mount point, or the original's, which a Create takes over.
var ErrNoStore = errors.New("the directory is there but is no store")

// Dir returns the absolute path of the store directory.
func (s *Store) Dir() string { return s.cfg.Dir }

// Free returns the bytes that may still be written to the store's disk.
func (s *Store) Free() (int64, error) {
	free, err := s.fs.Free()
	if err != nil {
		return 0, &Error{Op: "look for free space in", Path: s.cfg.Dir, Err: cause(err)}
	}
	return free, nil
}

// Close frees the directory. Nothing of the store may be used afterwards; a
// process that keeps one until its end need not call it.
func (s *Store) Close() error { return s.fs.Close() }

// path returns the whole path of a name below the store, for people.
func (s *Store) path(name string) string {
	if name == "." {
		return s.cfg.Dir
	}
	return s.cfg.Dir + string(os.PathSeparator) + name
}

// defaults fills what was left out of cfg.
func (cfg Config) defaults() Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Notice == nil {
		cfg.Notice = func(string, string) {}
	}
	if cfg.Appended == nil {
		cfg.Appended = func() {}
	}
	if cfg.alive == nil {
		cfg.alive = alive
	}
	return cfg
}

// check refuses a Config that would mix up files.
func (cfg Config) check() error {
	refuse := func(text string) error { return fmt.Errorf("open store %s: %s", cfg.Dir, text) }
	switch {
	case !ValidPrefix(cfg.Prefix):
		return refuse(fmt.Sprintf("prefix %q is not of the form [A-Za-z0-9._-]{1,64}, or begins with a dot", cfg.Prefix))
	case !isBare(cfg.WorkingName):
		return refuse(fmt.Sprintf("working file %q is not a bare name, or begins with a dot", cfg.WorkingName))
	case strings.HasPrefix(cfg.WorkingName, cfg.Prefix):
		return refuse(fmt.Sprintf("working file %q begins with the prefix of finished ones", cfg.WorkingName))
	case cfg.WorkingName == ledgerDir, cfg.WorkingName == rejectedDir:
		return refuse(fmt.Sprintf("working file %q is a directory of the store", cfg.WorkingName))
	}
	return nil
}

// isBare reports whether name is one element of a path, and no dot name.
func isBare(name string) bool {
	return name != "" && name[0] != '.' && fs.ValidPath(name) && !strings.ContainsAny(name, `/\`)
}

// alive reports whether there is a process of that pid. Where the system does
// not tell, every process is taken to live.
func alive(pid int) bool {
	if _, ok := process.Find(os.Getpid()); !ok {
		return true
	}
	_, ok := process.Find(pid)
	return ok
}

// An Error is trouble with the store itself that ends a process: read-only,
// failing, gone, of a newer layout. It exits 5.
type Error struct {
	Op   string // "open", "append to", "fsync", "rename", ...
	Path string
	Err  error
	Hint string // what to do; may be empty
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Path, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table.
func (e *Error) ExitCode() int { return exitcode.Store }

// A FullError says that the disk, a quota or store_max leaves no room. It is
// never final: capture pauses and tries again.
type FullError struct {
	Reason string // a sentence with the figures: what is full, what is needed
	Err    error  // ENOSPC or EDQUOT, nil for a limit of ours
}

func (e *FullError) Error() string { return e.Reason }

func (e *FullError) Unwrap() error { return e.Err }
