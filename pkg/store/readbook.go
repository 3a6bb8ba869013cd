package store

import (
	"bufio"
	"errors"
	"io"
	"os"
)

// latest calls each with the book's whole lines from the newest back, until it
// returns false: what it costs depends on how far that is. A line longer than
// maxLine is nil; the line is valid during the call. Names that are no regular
// files are passed over.
func (b *book) latest(each func(line []byte) bool) error {
	paths, err := b.files()
	if err != nil {
		return err
	}
	for i := len(paths) - 1; i >= 0; i-- {
		more, err := b.latestOf(paths[i], each)
		if err != nil && !errors.Is(err, ErrNotRegular) {
			return err
		}
		if err == nil && !more {
			return nil
		}
	}
	return nil
}

func (b *book) latestOf(path string, each func(line []byte) bool) (more bool, err error) {
	f, err := b.open(path, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return false, b.store.trouble("stat", path, err)
	}
	back := newBackwards(f, info.Size())
	_, _, err = back.prev() // torn, still being written, or nothing
	for err == nil {
		var line []byte
		if line, _, err = back.prev(); err == nil && !each(line) {
			return false, nil
		}
	}
	if !errors.Is(err, io.EOF) {
		return false, b.store.trouble("read", path, err)
	}
	return true, nil
}

// bookLine is a line on the way from a book's beginning to its end.
type bookLine struct {
	file   string // below the store
	number int    // from 1
	offset int64  // where it begins, in bytes
	end    int64  // where it ends, its line end included
	text   []byte // without its end; nil when longer than maxLine; valid until the next
	torn   bool   // the last of its file, without an end
	newest bool   // in the newest file
	err    error  // what comes after the line of that number cannot be read
}

// all calls each with every line, oldest first, in memory that depends on
// maxLine alone.
func (b *book) all(each func(bookLine)) error {
	paths, err := b.files()
	if err == nil {
		b.allOf(paths, each)
	}
	return err
}

// allOf is all of some of the book's files, the last of which counts as the
// newest.
func (b *book) allOf(paths []string, each func(bookLine)) { b.allUpTo(paths, nil, each) }

// allUpTo is allOf, as far as the files went.
func (b *book) allUpTo(paths []string, upTo Extent, each func(bookLine)) {
	buf := bufio.NewReaderSize(nil, maxLine+1)
	for i, path := range paths {
		at := bookLine{file: path, newest: i == len(paths)-1}
		f, err := b.open(path, os.O_RDONLY)
		if err != nil {
			at.err = err
			each(at)
			continue
		}
		buf.Reset(within(f, path, upTo))
		eachLine(buf, at, each)
		_ = f.Close() // only read
	}
}

func eachLine(buf *bufio.Reader, at bookLine, each func(bookLine)) {
	next := int64(0)
	for !at.torn {
		text, err := buf.ReadSlice('\n')
		at.offset, next = next, next+int64(len(text))
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			text, err = buf.ReadSlice('\n')
			next += int64(len(text))
		}
		switch {
		case err == nil:
			text = text[:len(text)-1]
		case !errors.Is(err, io.EOF):
			at.err = err
			each(at)
			return
		case len(text) == 0 && !long:
			return
		default:
			at.torn = true
		}
		if long {
			text = nil
		}
		at.number, at.text, at.end = at.number+1, text, next
		each(at)
	}
}
