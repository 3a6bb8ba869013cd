package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// BookFile is a month's file of one of the two books.
type BookFile struct {
	Name string // in ledger/
	Size int64  // bytes: up to the end of the last whole line
}

// BookFiles lists the files of the books, oldest first: those of the receipts, those
// of the captured book, or both. It takes no lock. What is in a file below its
// Size never changes, unless a power cut or a failed fsync takes the last lines
// back.
func (s *Store) BookFiles(receipts, captured bool) (files []BookFile, err error) {
	var books []*book
	if receipts {
		books = append(books, s.ledgerBook())
	}
	if captured {
		books = append(books, s.newCapturedBook())
	}
	for _, b := range books {
		paths, err := b.files()
		if errors.Is(err, fs.ErrNotExist) {
			continue // no books yet
		}
		if err != nil {
			return nil, err
		}
		for _, name := range paths {
			size, err := b.wholeLines(name)
			if errors.Is(err, ErrNotRegular) {
				continue
			}
			if err != nil {
				return nil, err
			}
			files = append(files, BookFile{Name: path.Base(name), Size: size})
		}
	}
	return files, nil
}

// wholeLines returns where the last whole line of one of the book's files ends.
func (b *book) wholeLines(name string) (int64, error) {
	f, err := b.open(name, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return 0, b.store.trouble("stat", name, err)
	}
	_, begin, err := newBackwards(f, info.Size()).prev() // what follows the last line end
	if err != nil {
		return 0, b.store.trouble("read", name, err)
	}
	return begin, nil
}

// OpenBook opens a file that BookFiles has named, for reading.
func (s *Store) OpenBook(name string) (interface {
	io.ReaderAt
	io.Closer
}, error) {
	for _, b := range []*book{s.ledgerBook(), s.newCapturedBook()} {
		if b.owns(name) {
			return b.open(ledgerDir+"/"+name, os.O_RDONLY)
		}
	}
	return nil, fmt.Errorf("open book %.80q: not the name of one", name)
}

// Scratch makes a file in .state for what does not fit into memory, to be
// removed by done; a dead process's is removed by the next start.
func (s *Store) Scratch(name string) (f interface {
	io.Writer
	io.ReaderAt
}, done func(), err error) {
	if !isBare(name) || strings.HasSuffix(name, tempSuffix) {
		return nil, nil, fmt.Errorf("make scratch file %q: not a bare name", name)
	}
	temp := tempName(stateDir + "/" + name)
	made, err := s.fs.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, s.trouble("create", temp, err)
	}
	return made, func() {
		_ = made.Close() // it goes
		_ = s.fs.Remove(temp)
	}, nil
}
