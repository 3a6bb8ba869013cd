package store

import (
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/storj/twitter-stream/pkg/pack"
)

// judgePacked reads a packed file that a dead grabber left alone: its plain one
// was removed, so that it was proven to be whole and on the disk. What cannot be
// inflated to its end is unreadable, for there is no other.
func (w *Writer) judgePacked(f file, method pack.Method) (verdict, error) {
	var found verdict
	info, err := f.Stat()
	if err != nil {
		return found, fmt.Errorf("%w: %w", errUnreadable, cause(err))
	}
	found.written = info.ModTime()
	w.begin(&w.finisher)
	messages, size, err := w.sumPacked(f, method, info.Size(), nil)
	switch {
	case errors.Is(err, errEnds):
		return found, err
	case err != nil:
		return found, fmt.Errorf("%w: %w", errUnreadable, cause(err))
	case messages == 0:
		return found, fmt.Errorf("%w: no message is in it", errUnreadable)
	}
	found.messages, found.bytes = int(messages), size
	return found, nil
}

// sumPacked is sumFile of what is in a file.
func (w *Writer) sumPacked(from io.Reader, method pack.Method, fileSize int64, sum hash.Hash) (messages uint64, size int64, err error) {
	content, err := pack.Open(method, from)
	if err != nil {
		return 0, 0, err
	}
	defer content.Close() //nolint:errcheck // it frees memory alone
	return w.sumFile(content, fileSize, sum)
}

// tally counts what is read through it and hashes it, where there is a sum.
type tally struct {
	from  io.Reader
	sum   hash.Hash
	bytes int64
}

func (t *tally) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.bytes += int64(n)
	if t.sum != nil {
		t.sum.Write(p[:n])
	}
	return n, err
}
