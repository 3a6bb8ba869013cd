package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxWhole is the longest message that recovery takes for one, in bytes. It
// bounds memory: a longer line is set aside. It is more than grabber_max_message
// may be (64 MiB), so that no message that was captured is taken for damage.
const maxWhole = 65 << 20

// pieceKind says what recovery makes of a piece of a file.
type pieceKind int

const (
	pieceMessage pieceKind = iota // a complete JSON object
	pieceBlank                    // white space only: nothing to keep
	pieceDamaged                  // anything else
)

// piece is a part of a file that a dead grabber left.
type piece struct {
	kind pieceKind
	line bool // it has a line of its own, ended by a line end
	off  int64
	len  int64
	data []byte // its bytes, valid until the next piece; nil when it is too long for a message
	from *window
}

// writeTo writes the piece's bytes.
func (p piece) writeTo(out io.Writer) error {
	if p.data != nil {
		_, err := out.Write(p.data)
		return err
	}
	for off, end := p.off, p.off+p.len; off < end; {
		chunk, err := p.from.at(off)
		if err != nil {
			return err
		}
		n, err := out.Write(chunk[:min(int64(len(chunk)), end-off)])
		if err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

// splitPieces calls visit for each piece of a file of that size, in order:
// whole lines, but where a line is no message, the objects that it may consist
// of (the original wrote them with nothing in between) and then the rest. It
// holds one message in memory.
//
// What follows damage in a line is damaged too: a fragment of a torn message
// may look like a whole one.
func splitPieces(f io.ReaderAt, size int64, visit func(piece) error) error {
	w := &window{f: f, size: size, buf: make([]byte, windowFor(size))}
	for off := int64(0); off < size; {
		end, err := w.indexByte(off, '\n')
		if err != nil {
			return err
		}
		if err := splitLine(w, off, end, visit); err != nil {
			return err
		}
		off = end + 1
	}
	return nil
}

// splitLine visits the pieces of the line from off to end, where its line end
// or that of the file is.
func splitLine(w *window, off, end int64, visit func(piece) error) error {
	p := piece{off: off, len: end - off, line: end < w.size, from: w}
	if err := w.load(&p); err != nil {
		return err
	}
	switch {
	case p.data != nil && len(bytes.Trim(p.data, jsonSpace)) == 0:
		p.kind = pieceBlank
		return visit(p)
	case isMessage(p.data), p.data != nil && isWholeValue(p.data, p.line):
		return visit(p)
	}
	return splitGlued(w, off, end, visit)
}

// splitGlued visits the objects that a line consists of, then what is left.
func splitGlued(w *window, off, end int64, visit func(piece) error) error {
	for off < end {
		stop, err := objectEnd(w, off, end)
		if err != nil {
			return err
		}
		p := piece{off: off, len: stop - off, from: w}
		if err := w.load(&p); err != nil {
			return err
		}
		if stop == off || !isMessage(p.data) {
			p = piece{kind: pieceDamaged, off: off, len: end - off, from: w}
			if err := w.load(&p); err != nil {
				return err
			}
			if p.data != nil && len(bytes.Trim(p.data, jsonSpace)) == 0 {
				p.kind = pieceBlank
			}
			return visit(p)
		}
		if err := visit(p); err != nil {
			return err
		}
		off = stop
	}
	return nil
}

// objectEnd returns where the JSON object ends that begins at off, white space
// before it allowed; off itself when none begins there or it does not end
// before limit. It looks at brackets and strings only.
func objectEnd(w *window, off, limit int64) (int64, error) {
	var depth int
	var inString, escaped bool
	for at := off; at < limit; {
		chunk, err := w.at(at)
		if err != nil {
			return off, err
		}
		chunk = chunk[:min(int64(len(chunk)), limit-at)]
		for i, c := range chunk {
			switch {
			case escaped:
				escaped = false
			case inString:
				escaped, inString = c == '\\', c != '"'
			case c == '"':
				inString = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				depth--
			}
			if depth == 0 && (c == '}' || c == ']') && !inString {
				return at + int64(i) + 1, nil
			}
			if depth <= 0 && !isSpace(c) {
				return off, nil
			}
		}
		at += int64(len(chunk))
	}
	return off, nil
}

// jsonSpace is what JSON calls white space (RFC 8259, section 2).
const jsonSpace = " \t\r\n"

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isMessage reports whether line is a complete JSON object.
func isMessage(line []byte) bool {
	line = bytes.TrimLeft(line, jsonSpace)
	return len(line) > 0 && line[0] == '{' && json.Valid(line)
}

// isWholeValue reports whether a line is another JSON value than an object,
// which some streams send. Without its end a number may be a torn one.
func isWholeValue(line []byte, ended bool) bool {
	line = bytes.Trim(line, jsonSpace)
	return len(line) > 0 && (ended || line[0] == '"' || line[0] == '[') && json.Valid(line)
}

// window reads a file through a buffer of fixed size.
type window struct {
	f     io.ReaderAt
	size  int64
	buf   []byte
	off   int64  // in the file, of buf[0]
	n     int    // bytes in buf
	whole []byte // for a piece that buf does not hold
}

const windowSize = 256 << 10

// windowFor returns how large a buffer a file of that size is worth.
func windowFor(size int64) int { return int(min(windowSize, size)) + 1 }

// errUnreadable is a file whose content the system does not hand out.
var errUnreadable = errors.New("cannot be read")

func unreadable(off int64, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // somebody made the file shorter
	}
	return fmt.Errorf("%w at byte %d: %w", errUnreadable, off, cause(err))
}

// at returns the bytes from off on that are in the buffer, at least one.
func (w *window) at(off int64) ([]byte, error) {
	if off < w.off || off >= w.off+int64(w.n) {
		want := min(int64(len(w.buf)), w.size-off)
		n, err := w.f.ReadAt(w.buf[:want], off)
		if int64(n) < want {
			w.n = 0
			return nil, unreadable(off+int64(n), err)
		}
		w.off, w.n = off, n
	}
	return w.buf[off-w.off : w.n], nil
}

// indexByte returns where c is next, the file's size when it is not there.
func (w *window) indexByte(off int64, c byte) (int64, error) {
	for off < w.size {
		chunk, err := w.at(off)
		if err != nil {
			return 0, err
		}
		if i := bytes.IndexByte(chunk, c); i >= 0 {
			return off + int64(i), nil
		}
		off += int64(len(chunk))
	}
	return w.size, nil
}

// load fills in a piece's bytes, if it is not too long to be a message.
func (w *window) load(p *piece) error {
	switch {
	case p.len > maxWhole:
		return nil
	case p.len == 0:
		p.data = w.buf[:0]
		return nil
	case p.off >= w.off && p.off+p.len <= w.off+int64(w.n):
		p.data = w.buf[p.off-w.off:][:p.len]
		return nil
	}
	if int64(cap(w.whole)) < p.len {
		w.whole = make([]byte, p.len)
	}
	n, err := w.f.ReadAt(w.whole[:p.len], p.off)
	if int64(n) < p.len {
		return unreadable(p.off+int64(n), err)
	}
	p.data = w.whole[:p.len]
	return nil
}
