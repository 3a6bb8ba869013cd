package s3

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/storj/twitter-stream/pkg/sink"
)

// chunk is how much is hashed or sent at a time, in bytes.
const chunk = 128 << 10

// telling tells a Progress, one call at a time, and takes back what it told of a
// try that failed.
type telling struct {
	to   func(int)
	good bool

	mu  sync.Mutex
	sum int
}

func (t *telling) progress(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum += n
	if t.to != nil {
		t.to(n)
	}
}

// finish takes back what a failed try told: what comes next starts over.
func (t *telling) finish() {
	if !t.good && t.sum > 0 {
		t.progress(-t.sum)
	}
}

// content is a stretch of an object on its way. The transport may ask for it
// more than once, each time from its first byte.
type content struct {
	from     io.ReaderAt
	off, end int64
	progress func(int)

	mu   sync.Mutex
	last *stream // the newest; older ones are closed
}

func (c *content) open() io.ReadCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil {
		c.last.rewind()
	}
	c.last = &stream{of: c, off: c.off}
	return c.last
}

// close makes sure that nobody reads the object any more.
func (c *content) close() {
	if s := c.newest(); s != nil {
		s.Close()
	}
}

func (c *content) newest() *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// giveUp: the connection takes no more bytes. What is still asked for reaches
// nobody, and the answer may be there to be read.
func (c *content) giveUp() {
	if s := c.newest(); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.futile = true
	}
}

// fault returns why the object could not be read, if it was that.
func (c *content) fault() error {
	s := c.newest()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// stream is a stretch as it goes onto one connection.
type stream struct {
	of *content

	mu             sync.Mutex // the transport reads in a goroutine of its own
	off            int64
	told           int
	futile, closed bool
	fault          error
}

var errClosed = errors.New("the body is closed")

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fault != nil:
		return 0, s.fault
	case s.closed:
		return 0, errClosed
	case s.off == s.of.end:
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.of.end-s.off)]
	if s.futile { // whatever p holds: the length was promised
		s.off += int64(len(p))
		return len(p), nil
	}
	n, err := readAt(s.of.from, p, s.off)
	if err != nil {
		s.fault = err
		return 0, err
	}
	s.off += int64(n)
	s.told += n
	s.of.progress(n)
	return n, nil
}

// Close implements io.Closer. It waits for a read that goes on.
func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *stream) rewind() {
	s.Close()
	if s.told > 0 {
		s.of.progress(-s.told)
	}
}

// readAt reads something; nothing is an error, for the length was promised.
func readAt(from io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := from.ReadAt(p, off)
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return 0, fmt.Errorf("read at byte %d: %w", off, err)
}

// pass reads a stretch of an object through hashes.
func (b *Bucket) pass(ctx context.Context, obj sink.Object, off, end int64, hashes ...hash.Hash) error {
	local, _ := sink.Local(obj.Content)
	buf := b.buffers.Get().(*[chunk]byte)
	defer b.buffers.Put(buf)
	for off < end {
		n, err := readAt(local, buf[:min(chunk, end-off)], off)
		if err != nil {
			return b.fail(obj.Name, sink.Changed, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, h := range hashes {
			h.Write(buf[:n])
		}
		off += int64(n)
		obj.Progress(0)
	}
	return nil
}

// changed reads an object once more, which a bucket said is not what it was
// promised: either it is so, or it got damaged on the way (nil).
func (b *Bucket) changed(ctx context.Context, obj sink.Object) error {
	h := sha256.New()
	if err := b.pass(ctx, obj, 0, obj.Size, h); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) != obj.SHA256 {
		return b.fail(obj.Name, sink.Changed, errors.New("the file is not what it was when it was hashed"))
	}
	return nil
}

func newMD5() hash.Hash { return md5.New() } // what the protocol proves by; nothing rests on it alone
