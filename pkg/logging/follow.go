package logging

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/redact"
)

// pollEvery is how often followed files are looked at.
const pollEvery = 250 * time.Millisecond

// Follow writes what is appended to log files from now on to w as text, until
// ctx ends. Files that are rotated or come into being later are followed too.
// It blocks.
func Follow(ctx context.Context, paths []string, w io.Writer) {
	out := &console{w: w, style: styleOf(w), level: logrus.TraceLevel}
	var tails []*tail
	for _, path := range paths {
		tails = append(tails, openTail(path))
	}
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		for _, t := range tails {
			t.copy(out)
		}
		select {
		case <-ctx.Done():
			for _, t := range tails {
				t.copy(out) // what was written last
				t.close()
			}
			return
		case <-ticker.C:
		}
	}
}

// tail is one followed file.
type tail struct {
	path string
	file *os.File
	rest []byte // a line that is still being written
}

// openTail starts at the end of a file that exists.
func openTail(path string) *tail {
	t := &tail{path: path}
	file, err := os.Open(path)
	if err != nil {
		return t // from its beginning once it is there
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		_ = file.Close() // nothing was written
		return t
	}
	t.file = file
	return t
}

// copy writes what is new. A rotated file is read to its end before the one
// that took its name.
func (t *tail) copy(out *console) {
	for {
		if t.file == nil {
			file, err := os.Open(t.path)
			if err != nil {
				return
			}
			t.file = file
		}
		rotated := t.rotated() // asked first: what was written before the rotation is read below
		t.read(out)
		if !rotated {
			return
		}
		t.close()
	}
}

// rotated reports whether the name means another file by now, or ours was cut.
func (t *tail) rotated() bool {
	ours, err := t.file.Stat()
	if err != nil {
		return true
	}
	named, err := os.Stat(t.path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // between rename and creation: ours may still grow
	}
	at, err := t.file.Seek(0, io.SeekCurrent)
	return err != nil || !os.SameFile(ours, named) || ours.Size() < at
}

func (t *tail) read(out *console) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.file.Read(buffer)
		t.rest = append(t.rest, buffer[:n]...)
		t.lines(out)
		if n == 0 || err != nil {
			return
		}
	}
}

// lines writes the whole lines of rest. A line longer than any that is logged
// is dropped.
func (t *tail) lines(out *console) {
	for {
		line, rest, whole := bytes.Cut(t.rest, []byte{'\n'})
		if !whole {
			break
		}
		t.rest = rest
		out.line(line)
	}
	if len(t.rest) > 2*maxLine {
		t.rest = nil
	}
}

// line writes a line of a log file, and what is none as it stands.
func (c *console) line(line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	r, err := parseRecord(line)
	if err == nil {
		c.write(r)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.w, redact.Text(strings.TrimSpace(string(line)))+"\n") // as in write
}

func (t *tail) close() {
	if t.file != nil {
		_ = t.file.Close() // it was only read
		t.file = nil
	}
}
