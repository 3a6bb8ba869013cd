package logging

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"gopkg.in/natefinch/lumberjack.v2"
)

// maxLine is the longest line written to a file, in bytes. The rotating writer
// refuses a line larger than a whole file.
const maxLine = 64 << 10

// file is one component's log file, written by the process that holds the lock
// beside it. The lock's file is never removed.
type file struct {
	component string
	path      string
	lock      *flock.Flock
	writer    *lumberjack.Logger
	torn      bool // the last line was written in part: a full disk
}

func newFile(cfg Config) *file {
	path := Path(cfg.Dir, cfg.Component)
	const mib = 1 << 20
	return &file{
		component: cfg.Component,
		path:      path,
		lock:      flock.New(path + ".lock"),
		writer: &lumberjack.Logger{
			Filename:   path,
			MaxSize:    max(1, int((cfg.MaxBytes+mib-1)/mib)),
			MaxBackups: max(1, cfg.MaxFiles), // 0 would keep all
		},
	}
}

// write appends one line, taking the lock first where it is not held yet. A
// nil line only makes sure that it could.
func (f *file) write(line []byte) error {
	if err := f.acquire(); err != nil {
		return err
	}
	if f.torn && len(line) > 0 {
		line = append([]byte{'\n'}, line...) // what was torn stays a line of its own
	}
	n, err := f.writer.Write(line)
	if len(line) > 0 {
		f.torn = err != nil && (f.torn || n > 0)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

func (f *file) acquire() error {
	if f.lock.Locked() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	locked, err := f.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.lock.Path(), err)
	}
	if !locked {
		return fmt.Errorf("%s: %w", f.path, errLocked)
	}
	return nil
}

func (f *file) close() error {
	err := f.writer.Close()
	if lockErr := f.lock.Close(); err == nil {
		err = lockErr
	}
	return err
}
