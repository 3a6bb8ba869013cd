package retrieve

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

// tempPrefix and tempSuffix are around the names of files that are not whole:
// dot names, which no tool takes for the capture's.
const (
	tempPrefix = ".fetch-"
	tempSuffix = ".tmp"
)

// targetError is trouble with the place where files go, which ends it all.
type targetError struct{ err error }

func (e *targetError) Error() string { return e.err.Error() }
func (e *targetError) Unwrap() error { return e.err }

// temps makes temporary files in a directory.
type temps struct {
	dir      *dirfs.Dir
	nameless bool // they need no name, and are gone with the process
	made     atomic.Uint64
	buffers  sync.Pool
}

const bufferSize = 256 << 10

func newTemps(dir *dirfs.Dir, nameless bool) *temps {
	return &temps{dir: dir, nameless: nameless}
}

// buffer returns one to copy by; it goes to the next who asks after put.
func (t *temps) buffer() []byte {
	if b, ok := t.buffers.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, bufferSize)
}

func (t *temps) put(b []byte) { t.buffers.Put(&b) }

// make makes an empty file.
func (t *temps) make() (*temp, error) {
	name := fmt.Sprintf("%s%d-%d%s", tempPrefix, os.Getpid(), t.made.Add(1), tempSuffix)
	f, err := t.dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, &targetError{err}
	}
	if t.nameless && t.dir.Remove(name) == nil {
		name = ""
	}
	return &temp{temps: t, file: f, name: name}, nil
}

// clean removes what a fetch has left that was killed.
func (t *temps) clean() error {
	list, err := t.dir.OpenDir(".")
	if err != nil {
		return err
	}
	defer list.Close() //nolint:errcheck // only read
	var left []string
	for {
		entries, err := list.ReadDir(256)
		for _, entry := range entries {
			if name := entry.Name(); strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix) {
				left = append(left, name)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	for _, name := range left {
		err = errors.Join(err, t.dir.Remove(name))
	}
	return err
}

// temp is a file that has no name of its own yet.
type temp struct {
	temps *temps
	file  *os.File
	name  string // "" when it has none any more
}

// Write implements io.Writer.
func (t *temp) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	if err != nil {
		return n, &targetError{err}
	}
	return n, nil
}

// flush ends the writing, on the disk if asked.
func (t *temp) flush(durably bool) error {
	if durably {
		if err := t.file.Sync(); err != nil {
			return &targetError{err}
		}
	}
	return nil
}

// again reads from the beginning.
func (t *temp) again() (io.Reader, error) {
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return nil, &targetError{err}
	}
	return t.file, nil
}

// remove closes it, and removes it if it still has its name.
func (t *temp) remove() {
	_ = t.file.Close() // what counts was synced
	if t.name != "" {
		_ = t.temps.dir.Remove(t.name) // what stays, the next fetch removes
		t.name = ""
	}
}
