package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// mend makes a book's file end in a whole line and returns its size then, and
// whether it changed. A torn last line, which a kill or a power cut in the
// middle of an append leaves, is cut off. If it is a complete object that lacks
// only its line end it gets that: it may be all that knows a key.
func (b *book) mend(f file, path string) (size int64, mended bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, false, b.store.trouble("stat", path, err)
	}
	size = info.Size()
	if size == 0 {
		return 0, false, nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return 0, false, b.store.trouble("read", path, err)
	}
	if last[0] == '\n' {
		return size, false, nil
	}
	tail, begin, err := newBackwards(f, size).prev()
	if err != nil {
		return 0, false, b.store.trouble("read", path, err)
	}
	if isObject(tail) {
		if err := writeAll(f, []byte{'\n'}); err != nil {
			return 0, false, b.store.trouble("append to", path, err)
		}
		b.store.cfg.Notice(b.store.path(path), "the last line lacked its line end, which was added")
		return size + 1, true, nil
	}
	if err := f.Truncate(begin); err != nil {
		return 0, false, b.store.trouble("truncate", path, err)
	}
	b.store.cfg.Notice(b.store.path(path), fmt.Sprintf("a torn last line of %d bytes was cut off", size-begin))
	return begin, true, nil
}

func isObject(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] == '{' && json.Valid(line)
}

// backwards reads a file's lines from the last to the first in memory that
// depends on maxLine alone.
type backwards struct {
	f    file
	mem  []byte
	rest []byte // of mem: the file's bytes from off on that were not handed out
	off  int64
	long bool // the line that rest ends in is longer than maxLine: its end was dropped
}

const backwardsBlock = 64 << 10

func newBackwards(f file, size int64) *backwards {
	mem := make([]byte, backwardsBlock+maxLine+2)
	// A line end that is not in the file makes what follows the last real one
	// a line like any other.
	rest := mem[len(mem)-1:]
	rest[0] = '\n'
	return &backwards{f: f, mem: mem, rest: rest, off: size}
}

// prev returns the line before the last one returned, without its end, and
// where in the file it begins; io.EOF when there is none. The first is what
// follows the last line end: empty, torn, or still being written. A line longer
// than maxLine is nil. The line is valid until the next call.
func (b *backwards) prev() (line []byte, begin int64, err error) {
	if len(b.rest) == 0 {
		return nil, 0, io.EOF
	}
	for {
		body := b.rest[:len(b.rest)-1]
		i := bytes.LastIndexByte(body, '\n')
		if i < 0 && b.off > 0 {
			if err := b.fill(); err != nil {
				return nil, 0, err
			}
			continue
		}
		line, begin = body[i+1:], b.off+int64(i)+1
		if b.long || len(line) > maxLine {
			line = nil
		}
		b.rest, b.long = b.rest[:i+1], false
		return line, begin, nil
	}
}

// fill puts the block before rest in front of it.
func (b *backwards) fill() error {
	if len(b.rest)-1 > maxLine {
		b.rest, b.long = b.rest[len(b.rest)-1:], true
	}
	n := int(min(b.off, backwardsBlock))
	kept := copy(b.mem[n:], b.rest)
	got, err := b.f.ReadAt(b.mem[:n], b.off-int64(n))
	if got < n && err != nil {
		if err != io.EOF || kept > 1 || b.long {
			return err
		}
		// Shorter than it was a moment ago: a torn tail was cut off while we
		// looked. What is left ends here.
		b.mem[got] = '\n'
	}
	b.rest = b.mem[:got+kept]
	b.off -= int64(n)
	return nil
}
