package rebuild

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/store"
)

// unsound is a packed copy whose end, or checksum, is not as it should be:
// nothing in it is proven.
type unsound struct{ err error }

func (u *unsound) Error() string { return u.err.Error() }

// whole reads a packed copy to its end, which alone has the checksum, before a
// line of it is believed. A copy that is not packed has none.
func whole(ctx context.Context, c Copy) error {
	plain, packed, end, err := c.plain(ctx)
	if err != nil {
		return err
	}
	defer end()
	if !packed {
		return nil
	}
	var size int64
	last := byte('\n')
	buf := make([]byte, 64<<10)
	for {
		n, err := plain.Read(buf)
		if size += int64(n); n > 0 {
			last = buf[n-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return &unsound{err}
		}
	}
	if book, ok := objectkey.ParseBook(c.Name); ok && (size != book.Size || last != '\n') {
		return &unsound{fmt.Errorf("it inflates to %d bytes, and its name says %d bytes of whole lines", size, book.Size)}
	}
	return nil
}

// salvage takes from copies that are not sound what nothing else tells of: of a
// web node there may be no other word. Whatever is wrong in it, its files'
// hashes will show.
func (r *rebuilder) salvage() error {
	b, err := r.newCapturedBook()
	if err != nil {
		return err
	}
	defer b.abandon()
	before := r.report.Made + r.report.Captured
	for _, c := range r.unsound {
		err := r.take(c, b, func(text []byte, b *capturedBook) (good bool, err error) {
			if r.told(text) {
				return true, nil
			}
			_, err = r.line(text, b)
			return true, err // it was said that it is damaged
		})
		var cannot *unreadable
		if err != nil && !errors.As(err, &cannot) {
			return err
		}
	}
	r.report.Unproven = r.report.Made + r.report.Captured - before
	return b.end()
}

// told reports whether the books know already of the file that a line is about.
func (r *rebuilder) told(text []byte) bool {
	if receipt, err := store.DecodeReceipt(text); err == nil {
		_, known := r.names[r.hash(receipt.Name)]
		return known
	}
	f, ok := coverage.DecodeFile(text)
	if !ok {
		return false
	}
	_, known := r.files[r.hash(f.Name)]
	return known
}

// plain opens a copy and returns what is in it, by how it begins.
func (c Copy) plain(ctx context.Context) (plain io.Reader, packed bool, end func(), err error) {
	body, err := c.Open(ctx)
	if err != nil {
		return nil, false, nil, err
	}
	done := func() { _ = body.Close() } // only read
	buf := bufio.NewReader(body)
	head, _ := buf.Peek(4) // reading says what is wrong
	switch {
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878, 3.1.1
		d, err := zstd.NewReader(buf, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			done()
			return nil, true, nil, err
		}
		return d, true, func() { d.Close(); done() }, nil
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}): // RFC 1952, 2.3.1
		d, err := gzip.NewReader(buf)
		if err != nil {
			done()
			return nil, true, nil, err
		}
		return d, true, func() { _ = d.Close(); done() }, nil
	}
	return buf, false, done, nil
}
