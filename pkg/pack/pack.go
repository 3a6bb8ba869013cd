// Package pack compresses finished files and inflates them again: gzip
// (RFC 1952) and Zstandard (RFC 8878), each told by the ending of a name.
//
// What it writes carries a checksum of the content, and Open fails where that
// does not hold or the end is missing: so a reader that reaches io.EOF has what
// was packed. Memory is bounded whatever a file's size, by 16 MiB or so to pack
// (the highest levels of zstd need twice that) and 10 MiB to inflate; a stream
// that asks for more is refused.
//
// It must not know where files lie or why they are compressed.
package pack

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Method is a way to compress.
type Method string

// The methods. None is the zero value.
const (
	None Method = ""
	Gzip Method = "gzip"
	Zstd Method = "zstd"
)

// Methods are those that compress.
func Methods() []Method { return []Method{Gzip, Zstd} }

// Suffix is what the name of a file ends in that is packed so, "" for None.
func (m Method) Suffix() string {
	switch m {
	case Gzip:
		return ".gz"
	case Zstd:
		return ".zst"
	}
	return ""
}

// Of tells from a name how its file is packed.
func Of(name string) Method {
	for _, m := range Methods() {
		if strings.HasSuffix(name, m.Suffix()) {
			return m
		}
	}
	return None
}

// window is how far back in the content zstd looks, in bytes: more gains nothing
// in files of about a megabyte, and costs memory in the grabber.
const window = 1 << 20

// maxWindow is the largest that Open takes, in bytes: 8 MiB is what RFC 8878
// (3.1.1.1.2) recommends readers to support.
const maxWindow = 8 << 20

// Packer compresses, one file after the other. It is meant for one goroutine.
type Packer struct {
	method Method
	into   interface {
		io.WriteCloser
		Reset(io.Writer)
	}
	back interface { // nil until Inflate
		io.Reader
		Reset(io.Reader) error
	}
}

// New returns a packer. level is gzip's 1 to 9 or zstd's 1 to 22; 0 is the usual
// one (gzip 6, zstd 3). zstd has four steps here: 1 to 2, 3 to 5, 6 to 9, and
// all above.
func New(method Method, level int) (*Packer, error) {
	p := &Packer{method: method}
	var err error
	switch method {
	case Gzip:
		if level == 0 {
			level = 6
		}
		p.into, err = gzip.NewWriterLevel(io.Discard, level)
	case Zstd:
		if level == 0 {
			level = 3
		}
		// One goroutine, the caller's: the capture has the others.
		p.into, err = zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	default:
		err = errors.New("there is no such method")
	}
	if err != nil {
		return nil, fmt.Errorf("compress by %.20q, level %d: %w", method, level, err)
	}
	return p, nil
}

// Method returns how it packs.
func (p *Packer) Method() Method { return p.method }

// Pack compresses all that from has.
func (p *Packer) Pack(to io.Writer, from io.Reader) error {
	p.into.Reset(to)
	// Not by the encoder's ReadFrom, which would read on after an error of to.
	_, err := io.Copy(struct{ io.Writer }{p.into}, from)
	if cerr := p.into.Close(); err == nil {
		err = cerr
	}
	p.into.Reset(io.Discard) // to is not kept
	return err
}

// Inflate returns what the packer has packed, as Open does, but with the memory
// of the call before it: the reader is valid until the next.
func (p *Packer) Inflate(from io.Reader) (io.Reader, error) {
	if p.back != nil {
		return p.back, p.back.Reset(from)
	}
	r, err := Open(p.method, from)
	if err != nil {
		return nil, err
	}
	p.back = r.(interface {
		io.Reader
		Reset(io.Reader) error
	})
	return p.back, nil
}

// Open returns what was packed by a method. Close frees what the reader holds
// and does not close from. Read fails with an error that wraps
// io.ErrUnexpectedEOF where the end is missing.
func Open(method Method, from io.Reader) (io.ReadCloser, error) {
	switch method {
	case None:
		return io.NopCloser(from), nil
	case Gzip:
		r, err := gzip.NewReader(from)
		if errors.Is(err, io.EOF) { // nothing at all is no gzip file
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fmt.Errorf("inflate gzip: %w", err)
		}
		return r, nil
	case Zstd:
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(1<<62))
		if err != nil {
			return nil, fmt.Errorf("inflate zstd: %w", err)
		}
		return &zstdReader{from: r}, nil
	}
	return nil, fmt.Errorf("inflate %.20q: there is no such method", method)
}

// zstdReader lets no empty file pass for one that holds nothing: to the library
// a stream may have no frame at all. (It hides the library's WriteTo, which
// would.)
type zstdReader struct {
	from *zstd.Decoder
	some bool
}

func (r *zstdReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.some = r.some || n > 0
	if errors.Is(err, io.EOF) && !r.some && len(p) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (r *zstdReader) Reset(from io.Reader) error {
	r.some = false
	return r.from.Reset(from)
}

func (r *zstdReader) Close() error {
	r.from.Close()
	return nil
}
