package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
)

func countLines(lines []byte) uint64 { return uint64(bytes.Count(lines, []byte{'\n'})) }

// newCapturedBook is the book for those who only read it, and for CapturedBook.
func (s *Store) newCapturedBook() *book {
	return &book{store: s, dir: ledgerDir, prefix: capturedPrefix, extension: capturedExtension}
}

// CapturedSince calls each with the lines of the captured book that were
// written in from's month (UTC) or later, oldest first, until a month is over
// after each returned false; zero is from the beginning. older says that there
// are months before. It takes no lock, and passes over lines that are too
// long and a last one that is still being written. A line is valid during the
// call.
func (s *Store) CapturedSince(from time.Time, each func(line []byte) (more bool)) (older bool, err error) {
	b := s.newCapturedBook()
	paths, err := b.files()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	first := b.dir + "/" + b.name(from)
	var wanted []string
	for _, path := range paths {
		if from.IsZero() || path >= first {
			wanted = append(wanted, path)
		}
	}
	more := true
	for _, path := range wanted {
		b.allOf([]string{path}, func(line bookLine) {
			if line.text != nil && line.err == nil && !line.torn && !each(line.text) {
				more = false
			}
		})
		if !more {
			break
		}
	}
	return len(wanted) < len(paths), nil
}

// CapturedLatest calls each with the lines of the captured book from the newest
// back, until it returns false. It takes no lock and passes over what is too
// long (nil) or still being written. A line is valid during the call.
func (s *Store) CapturedLatest(each func(line []byte) (more bool)) error {
	err := s.newCapturedBook().latest(each)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// CheckCaptured reads every month's file of the captured book and reports the
// lines of files counted and what is damaged, as CheckLedger does.
func (s *Store) CheckCaptured() (files int, damage []Damage, err error) {
	return s.newCapturedBook().check(func(text []byte) (counts bool, err error) {
		if text == nil {
			return false, fmt.Errorf("longer than %d bytes", maxLine)
		}
		line, err := coverage.Decode(text)
		return line.File != nil, err
	})
}
