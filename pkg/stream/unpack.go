package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdMagic begins each zstd frame (RFC 8878, 3.1.1).
const zstdMagic = "\x28\xb5\x2f\xfd"

// unpacker inflates messages that are one zstd frame each, made with a
// dictionary. A message never takes more memory than the largest allowed.
type unpacker struct {
	decoder    *zstd.Decoder
	maxMessage int
	packed     bytes.Buffer
	plain      []byte
}

// newUnpacker takes a dictionary in zstd's format.
func newUnpacker(dictionary []byte, maxMessage int) (*unpacker, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderDicts(dictionary),
		zstd.WithDecoderMaxMemory(uint64(maxMessage)+1), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, fmt.Errorf("the zstd dictionary cannot be used: %w", err)
	}
	return &unpacker{decoder: decoder, maxMessage: maxMessage}, nil
}

// unfit is a message that cannot be handed out, and why; text is what there is
// to tell of it.
type unfit struct {
	why  drop
	text []byte
}

func (unfit) Error() string { return "not a message" }

// unpack reads a whole message. What is no zstd comes as it is. It is valid
// until the next call. An unfit error is about this message alone.
func (u *unpacker) unpack(message io.Reader) ([]byte, error) {
	u.packed.Reset()
	n, err := u.packed.ReadFrom(io.LimitReader(message, int64(u.maxMessage)+1))
	if err != nil {
		return nil, err
	}
	packed := u.packed.Bytes()
	if n > int64(u.maxMessage) {
		if _, err := io.Copy(io.Discard, message); err != nil {
			return nil, err
		}
		return nil, unfit{oversize, packed}
	}
	if !bytes.HasPrefix(packed, []byte(zstdMagic)) {
		return packed, nil
	}
	u.plain, err = u.decoder.DecodeAll(packed, u.plain[:0])
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, unfit{oversize, packed}
	case errors.Is(err, zstd.ErrUnknownDictionary): // and so will all others be
		return nil, errDictionary
	case err != nil:
		return nil, unfit{garbage, packed}
	}
	return u.plain, nil
}

func (u *unpacker) close() {
	if u != nil {
		u.decoder.Close()
	}
}
