package webnode

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// phase says how far a body is.
type phase int

const (
	heading phase = iota // the form before the content
	content
	trailing // the form after it: sent only for the content that was promised
	whole
	futile // the connection is broken: what is still asked for reaches nobody
	closed
)

// body is a form as it goes onto one connection. It hashes the content and its
// ciphertext as they pass, so that the answer can be checked without reading
// the file again.
type body struct {
	up *upload

	mu      sync.Mutex // the transport reads in a goroutine of its own
	at      phase
	off     int64 // in the current phase
	sent    int64 // in all
	told    int   // progress told so far
	plain   hash.Hash
	seal    *sealer
	scratch *[chunk]byte
	result  string // hash of the ciphertext, when the content has passed
	fault   error  // the content is not what it was said to be
}

var errClosed = errors.New("the body is closed")

func newBody(up *upload) (*body, error) {
	b := &body{up: up, plain: sha256.New(), scratch: up.node.buffer()}
	var err error
	b.seal, err = newSealer(keyFor(up.node.cfg.Passphrase, up.obj.SHA256), b.scratch[:])
	return b, err
}

// Read implements io.Reader. It fails, before the last bytes of the form, when
// the content is shorter or other than the object says.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.fault != nil:
		return 0, b.fault
	case len(p) == 0:
		return 0, nil
	case b.at == closed:
		return 0, errClosed
	}
	for b.at < whole {
		n, err := b.piece(p)
		if n > 0 || err != nil {
			b.sent += int64(n)
			return n, err
		}
	}
	if left := b.up.length() - b.sent; b.at == futile && left > 0 {
		n := min(int64(len(p)), left) // whatever p holds: the length was promised
		b.sent += n
		return int(n), nil
	}
	return 0, io.EOF
}

// piece returns the next bytes of the current phase; none means that the next
// phase has begun.
func (b *body) piece(p []byte) (int, error) {
	switch b.at {
	case heading:
		return b.form(p, b.up.head), nil
	case trailing:
		return b.form(p, b.up.tail), nil
	}
	if b.off == b.up.obj.Size {
		b.fault = b.check()
		b.next()
		return 0, b.fault
	}
	p = p[:min(int64(len(p)), b.up.obj.Size-b.off, chunk)]
	n, err := b.up.obj.Content.ReadAt(p, b.off)
	if n == 0 && err != nil {
		b.fault = fmt.Errorf("read at byte %d of %d: %w", b.off, b.up.obj.Size, err)
		return 0, b.fault
	}
	b.plain.Write(p[:n])
	b.seal.Write(p[:n])
	b.off += int64(n)
	b.told += n
	b.up.progress(n)
	return n, nil
}

func (b *body) form(p, from []byte) int {
	n := copy(p, from[b.off:])
	b.off += int64(n)
	if b.off == int64(len(from)) {
		b.next()
	}
	return n
}

func (b *body) next() { b.at, b.off = b.at+1, 0 }

// check ends the hashes and compares the content with its promise.
func (b *body) check() error {
	b.result = b.seal.sum()
	if [sha256.Size]byte(b.plain.Sum(nil)) != b.up.obj.SHA256 {
		return errors.New("the file is not what it was when it was hashed")
	}
	return nil
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.release()
	return nil
}

// release ends reading; it waits for a read that goes on. A body that was read
// whole stays so.
func (b *body) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at != whole && b.at != closed {
		b.at = closed
	}
	if b.scratch != nil {
		b.up.node.scratch.Put(b.scratch)
		b.scratch, b.seal.scratch = nil, nil
	}
}

// rewind releases the body and takes back what progress it told.
func (b *body) rewind() {
	b.release()
	if b.told > 0 {
		b.up.progress(-b.told)
	}
}

func (b *body) giveUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at < whole {
		b.at = futile
	}
}

func (b *body) state() phase {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

// sealed returns the hash of the ciphertext; it is there when the body is whole.
func (b *body) sealed() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.result
}
