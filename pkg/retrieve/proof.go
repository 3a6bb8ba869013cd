package retrieve

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/pack"
	"github.com/storj/twitter-stream/pkg/sink"
)

// copy proves the object and what is in it.
func (g *getter) copy(t *temp, from io.Reader, f catalog.File) (measure, error) {
	want, known := f.Put()
	if known {
		from = io.LimitReader(from, want.Size+1) // a server may send without end
	}
	object := newMeter(io.Discard)
	from = io.TeeReader(from, object)
	inside, insideKnown := f.Inflated()
	if !insideKnown {
		inside.Size = mostInside(want, known)
	}
	method := methodOf(f)
	body, opened := pack.Open(method, from)
	out := newMeter(t)
	var copied error
	if opened == nil {
		most := int64(math.MaxInt64)
		if method != pack.None {
			most = inside.Size + 1
		}
		buffer := g.temps.buffer()
		_, copied = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{io.LimitReader(body, most)}, buffer)
		g.temps.put(buffer)
		_ = body.Close() // what it read is hashed
	}
	var disk *targetError
	if errors.As(copied, &disk) {
		return measure{}, copied
	}
	_, rest := io.Copy(io.Discard, from) // what the inflater has left, or not come to
	var broken *sink.Error
	if errors.As(rest, &broken) || errors.As(copied, &broken) {
		return measure{}, broken
	}
	if err := judge("", object.measure(), want, known); err != nil {
		return measure{}, err
	}
	if method == pack.None {
		rest = errors.Join(copied, rest)
	}
	if rest != nil {
		return measure{}, fmt.Errorf("read: %w", rest)
	}
	if err := errors.Join(opened, copied); err != nil {
		return measure{}, fmt.Errorf("it cannot be inflated: %w", err)
	}
	switch {
	case method == pack.None:
	case !insideKnown && out.size > inside.Size:
		return measure{}, &contentError{text: fmt.Sprintf("it inflates to more than %d bytes, and no book says what is in it", inside.Size)}
	default:
		if err := judge("inflated ", out.measure(), inside, insideKnown); err != nil {
			return measure{}, err
		}
	}
	return out.measure(), nil
}

func methodOf(f catalog.File) pack.Method {
	if packed(f) {
		return pack.Of(f.Name)
	}
	return pack.None
}

// What is in a packed file of which no book tells it may be so large: a storage
// that rebuild had to believe could fill the disk with a few bytes otherwise.
const (
	leastBound = 64 << 20 // bytes, far more than a file of the capture has
	mostRatio  = 1000     // times the packed file: deflate reaches hardly more
)

func mostInside(packed catalog.Content, known bool) int64 {
	if !known || packed.Size > math.MaxInt64/(2*mostRatio) {
		return math.MaxInt64 - 1
	}
	return max(leastBound, mostRatio*packed.Size)
}

// judge compares what came with what was to come.
func judge(what string, have measure, want catalog.Content, known bool) error {
	switch {
	case !known:
		return nil
	case have.size > want.Size:
		return &contentError{text: fmt.Sprintf("it is longer than %s%d bytes", what, want.Size)}
	case have.size < want.Size:
		return &contentError{text: fmt.Sprintf("it has %s%d bytes of %d", what, have.size, want.Size), short: true}
	case want.SHA256 != "" && have.sum != want.SHA256:
		return &contentError{text: fmt.Sprintf("its %ssha256 is %s, and was %s", what, have.sum, want.SHA256)}
	}
	return nil
}

// measure is what bytes are known by.
type measure struct {
	size  int64
	sum   string // SHA-256, lower-case hex
	lines uint64
}

// meter measures what is written through it.
type meter struct {
	to   io.Writer
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	size  int64
	lines uint64
}

func newMeter(to io.Writer) *meter { return &meter{to: to, hash: sha256.New()} }

func (m *meter) measure() measure {
	return measure{m.size, hex.EncodeToString(m.hash.Sum(nil)), m.lines}
}

func (m *meter) Write(p []byte) (int, error) {
	_, _ = m.hash.Write(p) // never fails
	m.size += int64(len(p))
	m.lines += uint64(bytes.Count(p, []byte{'\n'}))
	return m.to.Write(p)
}
