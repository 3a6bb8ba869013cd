package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// BookLine is a whole line of a book, or what is wrong there.
type BookLine struct {
	File   string // below the store directory
	Number int    // from 1; 0 for the whole file
	Text   []byte // without its end; valid during the call
	Err    error  // why there is no text
}

// Extent is how far each file of a book went at some moment, in bytes.
type Extent map[string]int64

// LedgerExtent tells how far the ledger goes now.
func (s *Store) LedgerExtent() (Extent, error) {
	extent := Extent{}
	paths, err := s.ledgerBook().files()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, path := range paths {
		info, err := s.fs.Lstat(path)
		if err != nil {
			return nil, s.trouble("look at", path, err)
		}
		extent[path] = info.Size()
	}
	return extent, nil
}

// LedgerLines calls each with every line of the ledger as far as it went, nil as
// far as it goes. It takes no lock and passes over a last line that is still
// being written.
func (s *Store) LedgerLines(upTo Extent, each func(BookLine)) error {
	return s.ledgerBook().lines(upTo, each)
}

// CapturedLines does the same for the captured book.
func (s *Store) CapturedLines(each func(BookLine)) error {
	return s.newCapturedBook().lines(nil, each)
}

// CapturedBytes is how long the captured book is.
func (s *Store) CapturedBytes() (total int64) {
	_ = s.eachName(ledgerDir, func(entry fs.DirEntry) error { // whoever reads it is told
		if info, err := entry.Info(); err == nil && s.newCapturedBook().owns(entry.Name()) {
			total += info.Size()
		}
		return nil
	})
	return total
}

func (b *book) lines(upTo Extent, each func(BookLine)) error {
	paths, err := b.files()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no book yet
	}
	if err != nil {
		return err
	}
	if upTo != nil {
		var within []string
		for _, path := range paths {
			if _, ok := upTo[path]; ok {
				within = append(within, path)
			}
		}
		paths = within
	}
	b.allUpTo(paths, upTo, func(line bookLine) {
		at := BookLine{File: line.file, Number: line.number, Text: line.text, Err: line.err}
		switch {
		case at.Err != nil:
			at.Text = nil
		case line.torn && line.newest:
			return // it is being written
		case line.torn:
			at.Text, at.Err = nil, errTorn
		case line.text == nil:
			at.Err = fmt.Errorf("longer than %d bytes", maxLine)
		}
		each(at)
	})
	return nil
}

// within reads no further than a book went.
func within(f io.Reader, path string, upTo Extent) io.Reader {
	if upTo == nil {
		return f
	}
	return io.LimitReader(f, upTo[path])
}

// DecodeReceipt reads a line of the ledger, without its end. It accepts fields
// that it does not know. The error quotes nothing: a receipt holds a key.
func DecodeReceipt(line []byte) (Receipt, error) { return decodeReceipt(line) }
