package stream

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// inflaterBuffer is how much of what came waits to be inflated, in bytes.
const inflaterBuffer = 4 << 10

// inflater reads a gzip stream and hands out each flushed message at once. It
// reads nothing before it is asked to, since the server may send even the
// header only with its first message.
//
// Members that follow each other are read on as one stream, here and not in
// gzip.Reader, which would hold back the end of one until the next begins.
type inflater struct {
	wire *bufio.Reader
	gzip *gzip.Reader
	open bool // inside a member
}

func newInflater(wire io.Reader) *inflater {
	return &inflater{wire: bufio.NewReaderSize(wire, inflaterBuffer)}
}

// Read implements io.Reader. A stream that is cut off returns all that could
// be inflated, then io.ErrUnexpectedEOF.
func (f *inflater) Read(p []byte) (int, error) {
	for {
		if !f.open {
			if err := f.begin(); err != nil {
				return 0, err
			}
		}
		n, err := f.gzip.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		f.open = false
		if n > 0 {
			return n, nil
		}
	}
}

// begin reads a member's header; io.EOF where there is none any more.
func (f *inflater) begin() error {
	var err error
	if f.gzip == nil {
		f.gzip = new(gzip.Reader)
	}
	if err = f.gzip.Reset(f.wire); err != nil {
		return err
	}
	f.gzip.Multistream(false)
	f.open = true
	return nil
}
