package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// The roles that a process can hold a store in, one process a role.
const (
	RoleDaemon   = "daemon"
	RoleGrabber  = "grabber"
	RoleUploader = "uploader"
)

// A process that dies may hold its lock a little longer: its successor waits.
const (
	lockWait  = 5 * time.Second
	lockRetry = 50 * time.Millisecond
)

// Holder is what a lock file's text says of the process that wrote it. It is
// for people, and for a daemon that must free a store from a stopped orphan:
// which checks it against the living process first.
type Holder struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // process.Identity's
	Exe     string `json:"exe"`
	Parent  int    `json:"parent"` // the daemon's pid, 0 without one
}

// Lock is one role held on the store, by flock on .state/<role>.lock. The file
// is never deleted; the kernel frees the lock when the process ends.
type Lock struct {
	s    *Store
	name string
	held heldLock
	info fs.FileInfo

	once sync.Once
	err  error // of Close
}

// Lock waits up to five seconds for a role and writes self into the lock's
// file. It fails with *LockedError when another process keeps it, with ctx's
// error when that ends first.
func (s *Store) Lock(ctx context.Context, role string, self Holder) (*Lock, error) {
	name := lockName(role)
	deadline := time.Now().Add(lockWait)
	for {
		l, err := s.tryLock(name)
		switch {
		case err == nil:
			if err := s.writeHolder(name, self); err != nil {
				return nil, errors.Join(s.trouble("write", name, err), l.Close())
			}
			return l, nil
		case !errors.Is(err, errHeld):
			return nil, s.trouble("lock", name, err)
		case time.Now().After(deadline):
			return nil, &LockedError{Dir: s.cfg.Dir, Role: role, Holder: s.readHolder(name)}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// Holder reports who holds a role now; ok is false when nobody does. It takes
// the lock for no longer than a look, and not so that another look would see
// it. The text may be empty (a full disk) or a moment old.
func (s *Store) Holder(role string) (h Holder, ok bool, err error) {
	name := lockName(role)
	l, err := s.fs.TryLock(name, true)
	switch {
	case err == nil:
		return Holder{}, false, s.trouble("unlock", name, l.Close())
	case errors.Is(err, errHeld):
		return s.readHolder(name), true, nil
	case errors.Is(err, fs.ErrNotExist):
		return Holder{}, false, nil
	}
	return Holder{}, false, s.trouble("look at", name, err)
}

// Check fails with *Error (exit 5) when the lock's name no longer means the
// file that we hold: the store was removed or replaced under our feet.
func (l *Lock) Check() error {
	err := l.s.fs.Here()
	if err == nil {
		err = l.s.means(l.name, l.info)
	}
	if err == nil {
		return nil
	}
	return &Error{Op: "use store", Path: l.s.cfg.Dir, Err: fmt.Errorf("it is gone: %w", cause(err)), Hint: goneHint}
}

const goneHint = "the store was removed, replaced or unmounted while it was in use: bring it back"

// Close gives the role up. It is idempotent.
func (l *Lock) Close() error {
	l.once.Do(func() { l.err = l.s.trouble("unlock", l.name, l.held.Close()) })
	return l.err
}

func lockName(role string) string { return stateDir + "/" + role + ".lock" }

// tryLock takes a lock if nobody else has it (errHeld), and makes sure that
// its name means the file that is locked: somebody may have removed that file
// between its opening and its locking.
func (s *Store) tryLock(name string) (*Lock, error) {
	held, err := s.fs.TryLock(name, false)
	if err != nil {
		return nil, err
	}
	info, err := held.Stat()
	if err == nil {
		err = s.means(name, info)
	}
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return &Lock{s: s, name: name, held: held, info: info}, nil
}

// means fails unless name still means the file that info is of.
func (s *Store) means(name string, info fs.FileInfo) error {
	now, err := s.fs.Lstat(name)
	if err != nil {
		return err
	}
	if !s.fs.SameFile(now, info) {
		return fmt.Errorf("%s is another file now", s.path(name))
	}
	return nil
}

// writeHolder puts one JSON line at the beginning of the lock's file, then
// takes away what is left of a longer one: whoever reads in between finds the
// line. A full disk costs the text, not the lock.
func (s *Store) writeHolder(name string, self Holder) error {
	line, err := json.Marshal(self)
	if err != nil {
		return err
	}
	f, err := s.fs.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	_, err = f.WriteAt(line, 0)
	if err == nil {
		err = f.Truncate(int64(len(line)))
	}
	if isNoRoom(err) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// readHolder returns what a lock's text says; nothing when it cannot be read,
// for it is only text.
func (s *Store) readHolder(name string) (h Holder) {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return Holder{}
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return Holder{}
	}
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	if json.Unmarshal(line, &h) != nil {
		return Holder{}
	}
	return h
}

// LockedError says who holds a role.
type LockedError struct {
	Dir    string
	Role   string
	Holder Holder
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("store %s: another %s holds it", e.Dir, e.Role)
	}
	return fmt.Sprintf("store %s: another %s holds it (pid %d)", e.Dir, e.Role, e.Holder.PID)
}

// ExitCode implements the exitcode table.
func (e *LockedError) ExitCode() int { return exitcode.Store }
