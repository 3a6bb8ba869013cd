package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/storj/twitter-stream/pkg/pack"
)

// inflated is what is in a compressed file, for its receipt.
type inflated struct {
	size int64  // bytes
	sum  string // sha256 in hex; "" where the file is none, or does not inflate
}

// isPacked reports whether a name is a compressed file's.
func isPacked(name string) bool { return pack.Of(name) != pack.None }

// inflate reads a compressed file through buf, whatever it inflates to. alive is
// called now and then.
func inflate(ctx context.Context, file io.ReaderAt, size int64, name string, buf []byte, alive func()) (in inflated, err error) {
	r, err := pack.Open(pack.Of(name), io.NewSectionReader(file, 0, size))
	if err != nil {
		return in, fmt.Errorf("inflate: %w", err)
	}
	defer r.Close() //nolint:errcheck // only read
	h := sha256.New()
	for {
		n, err := r.Read(buf)
		h.Write(buf[:n])
		in.size += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			in.sum = hex.EncodeToString(h.Sum(nil))
			return in, nil
		case err != nil:
			return inflated{}, fmt.Errorf("inflate: after %d bytes: %w", in.size, err)
		case ctx.Err() != nil:
			return inflated{}, ctx.Err()
		}
		alive()
	}
}
