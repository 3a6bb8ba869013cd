package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// Names in .state for WriteState and ReadState.
const (
	StateGrabber         = "grabber.json"
	StateUploader        = "uploader.json"
	StateDaemon          = "daemon.json"
	StateGrabberBackoff  = "grabber.backoff.json"
	StateUploaderBackoff = "uploader.backoff.json"
	StateBudget          = "budget.json" // posts read, by month
	StateBooks           = "books.json"  // which copies of the books are where
	StateRebuild         = "rebuilding"  // there while the books are only half made again
)

// StateUploaderBackoffOf is StateUploaderBackoff of one of several targets. id is
// of letters and digits.
func StateUploaderBackoffOf(id string) string { return "uploader.backoff-" + id + ".json" }

// maxState is the largest state file that is read, in bytes.
const maxState = 1 << 20

// WriteState replaces .state/<name> atomically. durable fsyncs file and
// directory: for what must survive a power cut (back-off), not for status.
func (s *Store) WriteState(name string, data []byte, durable bool) error {
	if !isBare(name) {
		return fmt.Errorf("write state %q: not a bare name", name)
	}
	return s.replaceFile(stateDir+"/"+name, durable, data)
}

// ReadState reads .state/<name>, at most 1 MiB; fs.ErrNotExist when there is
// none. It may be called by any process.
func (s *Store) ReadState(name string) ([]byte, error) {
	if !isBare(name) {
		return nil, fmt.Errorf("read state %q: not a bare name", name)
	}
	return s.readFile(stateDir+"/"+name, maxState)
}

// RemoveState removes .state/<name>; none there is no error.
func (s *Store) RemoveState(name string) error {
	if !isBare(name) {
		return fmt.Errorf("remove state %q: not a bare name", name)
	}
	err := s.fs.Remove(stateDir + "/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.trouble("remove", stateDir+"/"+name, err)
}

// Rebuilding reports whether a rebuild of the books was begun that has not come
// to its end: they may lack what there is.
func (s *Store) Rebuilding() (bool, error) {
	_, err := s.ReadState(StateRebuild)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// replaceFile gives a name below the store new content, so that whoever opens
// the name at any instant finds the old content whole or the new. The order:
// temporary file in the same directory, fsync of it, rename, fsync of the
// directory; both fsyncs only if durable.
func (s *Store) replaceFile(name string, durable bool, parts ...[]byte) error {
	s.stateMu.Lock()
	defer s.stateMu.Unlock()
	temp := tempName(name)
	err := s.writeFile(temp, durable, parts)
	if err == nil {
		err = s.fs.Rename(temp, name)
	}
	if err != nil {
		_ = s.fs.Remove(temp) // it would be found at the next start
		return s.trouble("write", name, err)
	}
	if !durable {
		return nil
	}
	return s.trouble("fsync", path.Dir(name), s.fs.SyncDir(path.Dir(name)))
}

func (s *Store) writeFile(name string, durable bool, parts [][]byte) error {
	f, err := s.fs.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err == nil {
			_, err = f.Write(part)
		}
	}
	if err == nil && durable {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// readFile reads a whole regular file that is no longer than limit.
func (s *Store) readFile(name string, limit int64) ([]byte, error) {
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: s.path(name), Err: ErrNotRegular}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "read", Path: s.path(name), Err: fmt.Errorf("larger than %d bytes", limit)}
	}
	return data, err
}

const tempSuffix = ".tmp"

// tempName returns the dot name, in name's directory, that its next content is
// written under. It carries the pid, so that a dead process's is known as such.
func tempName(name string) string {
	return path.Join(path.Dir(name), "."+path.Base(name)+"."+strconv.Itoa(os.Getpid())+tempSuffix)
}

// tempOwner returns the pid in a temporary file's name.
func tempOwner(name string) (pid int, ok bool) {
	body, ok := strings.CutSuffix(name, tempSuffix)
	if !ok || !strings.HasPrefix(name, ".") {
		return 0, false
	}
	pid, err := strconv.Atoi(body[strings.LastIndexByte(body, '.')+1:])
	return pid, err == nil && pid > 0
}

// removeStale removes the temporary files that dead processes left in a
// directory. What cannot be removed does no harm, so that nothing is said.
func (s *Store) removeStale(dir string) {
	_ = s.eachName(dir, func(entry fs.DirEntry) error {
		pid, ok := tempOwner(entry.Name())
		if ok && pid != os.Getpid() && entry.Type().IsRegular() && !s.cfg.alive(pid) {
			_ = s.fs.Remove(dir + "/" + entry.Name())
		}
		return nil
	})
}

// eachName calls visit for each entry of a directory, in no order and, while
// others remove files, perhaps twice for one; it ends early with visit's error.
func (s *Store) eachName(name string, visit func(fs.DirEntry) error) error {
	d, err := s.fs.OpenDir(name)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // only read
	for {
		entries, err := d.ReadDir(512)
		for _, entry := range entries {
			if err := visit(entry); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
