package supervisor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/redact"
)

const (
	outLarge    = 1 << 20  // a file of this size is emptied before a new life
	outFlood    = 16 << 20 // and of this size while the child lives
	quoteBytes  = 64 << 10 // of the end are looked at
	quotedLines = 8
)

// outFile takes what a child's runtime writes to standard output and error. It
// is a file, never a pipe: a pipe would end the child by SIGPIPE once the
// daemon is gone.
type outFile struct {
	file  *os.File
	begin int64 // where this life's output begins
}

// openOut opens a child's output file for appending. With an error it returns
// one that discards everything: a log directory that cannot be written to must
// not keep the child from its work.
func openOut(path string) (*outFile, error) {
	out, err := appendTo(path)
	if err == nil {
		return out, nil
	}
	null, nullErr := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if nullErr != nil {
		null = nil // os/exec opens it itself then
	}
	return &outFile{file: null}, err
}

func appendTo(path string) (*outFile, error) {
	if path == "" {
		path = os.DevNull
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	out := &outFile{file: f}
	if err := out.rewind(outLarge); err != nil {
		f.Close()
		return nil, fmt.Errorf("empty %s: %w", path, err)
	}
	return out, nil
}

// rewind empties a file that is larger than limit, and notes its end.
func (o *outFile) rewind(limit int64) error {
	info, err := o.file.Stat()
	if err != nil {
		return err
	}
	if o.begin = info.Size(); !info.Mode().IsRegular() || o.begin <= limit {
		return nil
	}
	o.begin = 0
	return o.file.Truncate(0)
}

// trim empties the file of a child that floods it, which appends from its
// beginning then; true when it did.
func (o *outFile) trim() bool {
	if o.file == nil {
		return false
	}
	info, err := o.file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() <= outFlood {
		return false
	}
	o.begin = 0
	return o.file.Truncate(0) == nil
}

// quote returns the lines that tell most of this life's output: from the first
// that a dying Go runtime writes, or else the last ones.
func (o *outFile) quote() []string {
	var lines []string
	for line := range bytes.Lines(o.tail()) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, redact.Text(string(line)))
		}
	}
	if i := slices.IndexFunc(lines, lastWords); i >= 0 {
		return lines[i:min(len(lines), i+quotedLines)]
	}
	return lines[max(0, len(lines)-quotedLines):]
}

// lastWords tells the line by which the Go runtime begins its report.
func lastWords(line string) bool {
	return slices.ContainsFunc([]string{"panic: ", "fatal error: ", "SIGQUIT: ", "unexpected fault address"}, func(words string) bool {
		return strings.HasPrefix(line, words)
	})
}

func (o *outFile) tail() []byte {
	if o.file == nil {
		return nil
	}
	info, err := o.file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	from := max(o.begin, info.Size()-quoteBytes)
	if from >= info.Size() {
		return nil
	}
	b, _ := io.ReadAll(io.NewSectionReader(o.file, from, info.Size()-from)) // what can be read of it serves
	return b
}

// close closes the daemon's own descriptor; the child has one of its own. It
// was never written through, so an error would mean nothing.
func (o *outFile) close() {
	if o.file != nil {
		_ = o.file.Close()
	}
}
