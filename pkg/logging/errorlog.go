package logging

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// rotateEvery is how often the daemon looks at error.log's size.
const rotateEvery = 10 * time.Second

// errorLog is the file that all three processes write their errors to. It is
// opened for each line, appended to by one write and closed, so that the
// daemon can rename it at any time and no line is lost or mixed with another.
type errorLog struct {
	path     string
	rotates  bool
	maxBytes int64
	maxFiles int
	looked   time.Time
}

func newErrorLog(cfg Config) *errorLog {
	return &errorLog{
		path:     Path(cfg.Dir, "error"),
		rotates:  cfg.RotateErrors,
		maxBytes: cfg.MaxBytes,
		maxFiles: max(1, cfg.MaxFiles),
	}
}

func (e *errorLog) write(line []byte) error {
	file, err := os.OpenFile(e.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(line)
	return errors.Join(err, file.Close())
}

// rotateIfDue renames error.log when it is large. Whoever has it open just now
// writes to the renamed one.
func (e *errorLog) rotateIfDue(now time.Time) {
	if !e.rotates || now.Sub(e.looked).Abs() < rotateEvery {
		return
	}
	e.looked = now
	info, err := os.Stat(e.path)
	if err != nil || info.Size() < e.maxBytes {
		return
	}
	rotated := filepath.Join(filepath.Dir(e.path), "error-"+now.UTC().Format("2006-01-02T15-04-05.000")+".log")
	if err := os.Rename(e.path, rotated); err != nil {
		return // it grows on, and is looked at again
	}
	e.prune()
}

// prune removes the oldest rotated ones: their names sort by time, and so does
// a directory's listing.
func (e *errorLog) prune() {
	dir := filepath.Dir(e.path)
	entries, _ := os.ReadDir(dir) // the next rotation tries again
	var old []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "error-") && strings.HasSuffix(entry.Name(), ".log") {
			old = append(old, filepath.Join(dir, entry.Name()))
		}
	}
	for ; len(old) > e.maxFiles; old = old[1:] {
		_ = os.Remove(old[0]) // as above
	}
}
