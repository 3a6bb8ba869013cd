package stream

// bufferSize is how much is read at a time, and thereby how much of whole
// messages can wait here: they are what a kill would take.
const bufferSize = 64 << 10

// growth is the factor by which the buffer grows for a message that does not
// fit. What growing leaves behind is in memory beside it for a while, so the
// steps are few.
const growth = 16

// buffer holds what has come and was not used yet: buf[start:end], of which
// all before scanned holds no line end that has not been looked at.
type buffer struct {
	buf, base           []byte
	start, scanned, end int
	size, limit         int
}

// newBuffer returns a buffer that reads size bytes at a time. It grows to
// limit at most: no more than that may be pending when room is asked for.
func newBuffer(size, limit int) buffer {
	base := make([]byte, size)
	return buffer{buf: base, base: base, size: size, limit: max(size, limit)}
}

func (b *buffer) clear() {
	b.buf = b.base
	b.start, b.scanned, b.end = 0, 0, 0
}

// pending returns what has come and was not used yet.
func (b *buffer) pending() []byte { return b.buf[b.start:b.end] }

// room returns where the next bytes shall be read to, never empty. What next
// has returned is overwritten. A large message gets a larger buffer for the
// time that it takes, but never more than size is read at a time, so
// that no crowd of messages gathers behind it.
func (b *buffer) room() []byte {
	pending := b.pending()
	switch {
	case len(pending) <= b.size/2:
		b.move(b.base, pending)
	case b.start > 0:
		b.move(b.buf, pending)
	}
	if b.end == len(b.buf) {
		b.move(make([]byte, min(len(b.buf)*growth, b.limit)), b.buf[:b.end])
	}
	return b.buf[b.end:min(len(b.buf), b.end+b.size)]
}

// move puts the pending bytes at the beginning of to, which may be the same.
func (b *buffer) move(to, pending []byte) {
	b.scanned -= b.start
	b.start, b.end = 0, copy(to, pending)
	b.buf = to
}

// add says that n bytes have been read into room.
func (b *buffer) add(n int) { b.end += n }
