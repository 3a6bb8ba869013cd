package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
)

// Books are the two books of one directory, to be read: a store's ledger/, or a
// copy of it. Whoever appends meanwhile disturbs nothing. A Books is for one
// goroutine.
type Books struct {
	store *Store // the directory; of a copy, nothing else of it is there
	dir   string // below it
	close func() error

	files   []string  // those that a Place is of
	windows []stretch // of the same
}

// Place is where a line stands; Books that are read again have other ones.
type Place struct {
	File   uint16
	Offset int64 // bytes
}

// stretch is a part of an open file.
type stretch struct {
	file file
	at   int64
	text []byte // its capacity is kept
}

// OpenBooks opens a directory of books that is no store's; one without any is
// none. The caller closes it.
func OpenBooks(dir string) (*Books, error) {
	const hint = "name a directory that holds a ledger, such as store/ledger or a copy of it"
	opened, err := openOS(dir)
	if err != nil {
		return nil, &Error{Op: "open the books in", Path: dir, Err: cause(err), Hint: hint}
	}
	b := &Books{store: &Store{cfg: Config{Dir: dir}.defaults(), fs: opened}, dir: ".", close: opened.Close}
	receipts, err := b.receipts().files()
	captured, cerr := b.captured().files()
	if err = errors.Join(err, cerr); err == nil && len(receipts)+len(captured) == 0 {
		err = &Error{Op: "open the books in", Path: dir, Err: errors.New("there are none, such as 2026-11.jsonl"), Hint: hint}
	}
	if err != nil {
		_ = opened.Close() // only read
		return nil, err
	}
	return b, nil
}

func (b *Books) receipts() *book {
	return &book{store: b.store, dir: b.dir, extension: ".jsonl"}
}

func (b *Books) captured() *book {
	return &book{store: b.store, dir: b.dir, prefix: capturedPrefix, extension: capturedExtension}
}

// OwnBooks returns the store's.
func (s *Store) OwnBooks() *Books {
	return &Books{store: s, dir: ledgerDir, close: func() error { return nil }}
}

// Close closes what was opened to be read.
func (b *Books) Close() error {
	var errs []error
	for _, w := range b.windows {
		if w.file != nil {
			errs = append(errs, w.file.Close())
		}
	}
	b.windows, b.files = nil, nil
	return errors.Join(append(errs, b.close())...)
}

// Dir returns the directory's path, for people.
func (b *Books) Dir() string { return b.store.path(b.dir) }

// Receipts calls each with every receipt that was written in from's month (UTC)
// or later, oldest first, and where it stands, until each fails; zero is from
// the beginning. It counts what it cannot read.
func (b *Books) Receipts(from time.Time, each func(Receipt, Place) error) (damaged int, err error) {
	return b.read(b.receipts(), from, func(text []byte, at Place) (bool, error) {
		r, err := decodeReceipt(text)
		if err != nil {
			return false, nil
		}
		return true, each(r, at)
	})
}

// Captured does the same for the files in the captured book. Of several lines of
// one name the last is right.
func (b *Books) Captured(from time.Time, each func(coverage.File, Place) error) (damaged int, err error) {
	return b.read(b.captured(), from, func(text []byte, at Place) (bool, error) {
		f, ok := coverage.DecodeFile(text)
		if !ok {
			_, err := coverage.Decode(text) // a span, or what a newer program wrote
			return err == nil, nil
		}
		return true, each(f, at)
	})
}

// CapturedLines calls each with the captured book's lines of from's month (UTC)
// or later, as CapturedSince does. older says that there are months before. A
// line is valid during the call.
func (b *Books) CapturedLines(from time.Time, each func(line []byte)) (older bool, err error) {
	book := b.captured()
	_, err = b.read(book, from, func(text []byte, _ Place) (bool, error) {
		if text != nil {
			each(text)
		}
		return true, nil
	})
	if err != nil || from.IsZero() {
		return false, err
	}
	paths, err := book.files()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return len(paths) > 0 && paths[0] < book.dir+"/"+book.name(from), err
}

func (b *Books) read(from *book, since time.Time, each func(text []byte, at Place) (good bool, err error)) (damaged int, err error) {
	paths, err := from.files()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // no book yet
	}
	if err != nil {
		return 0, err
	}
	if first := from.dir + "/" + from.name(since); !since.IsZero() {
		paths = slices.DeleteFunc(paths, func(path string) bool { return path < first })
	}
	for i, path := range paths {
		id, err := b.id(path)
		if err != nil {
			return damaged, err
		}
		var failed error
		from.allOf(paths[i:i+1], func(line bookLine) {
			switch {
			case failed != nil:
			case line.err != nil:
				failed = line.err
			case line.torn && i == len(paths)-1: // it is being written
			default:
				var good bool
				if good, failed = each(line.text, Place{id, line.offset}); !good {
					damaged++
				}
			}
		})
		if failed != nil {
			return damaged, failed
		}
	}
	return damaged, nil
}

// id numbers a file.
func (b *Books) id(path string) (uint16, error) {
	if i := slices.Index(b.files, path); i >= 0 {
		return uint16(i), nil
	}
	if len(b.files) == 1<<16 {
		return 0, fmt.Errorf("%s holds more than %d books", b.Dir(), 1<<16)
	}
	b.files, b.windows = append(b.files, path), append(b.windows, stretch{})
	return uint16(len(b.files) - 1), nil
}

// Receipt returns the one that stands at a place.
func (b *Books) Receipt(at Place) (Receipt, error) {
	line, err := b.line(at)
	if err != nil {
		return Receipt{}, err
	}
	return decodeReceipt(line)
}

// CapturedFile returns the file whose line stands at a place.
func (b *Books) CapturedFile(at Place) (coverage.File, error) {
	line, err := b.line(at)
	if err != nil {
		return coverage.File{}, err
	}
	f, ok := coverage.DecodeFile(line)
	if !ok {
		err = errors.New("the captured book changed while it was read")
	}
	return f, err
}

// leastWindow is how much is read at once: lines that are asked for one after
// the other are near each other.
const leastWindow = 16 << 10

// line returns the line at a place, valid until the next call.
func (b *Books) line(at Place) ([]byte, error) {
	if int(at.File) >= len(b.files) {
		return nil, errors.New("a place in another book")
	}
	w := &b.windows[at.File]
	for size := leastWindow; ; size *= 4 {
		if text, ok := w.find(at.Offset); ok {
			return text, nil
		}
		if size > maxLine {
			return nil, fmt.Errorf("%s changed while it was read", b.store.path(b.files[at.File]))
		}
		if err := b.fill(w, b.files[at.File], at.Offset, size); err != nil {
			return nil, err
		}
	}
}

// find returns the whole line at an offset, if the window holds it.
func (w *stretch) find(offset int64) ([]byte, bool) {
	if offset < w.at || offset >= w.at+int64(len(w.text)) {
		return nil, false
	}
	text, _, ok := bytes.Cut(w.text[offset-w.at:], []byte{'\n'})
	return text, ok
}

func (b *Books) fill(w *stretch, path string, offset int64, size int) (err error) {
	if w.file == nil {
		books := &book{store: b.store, dir: b.dir}
		if w.file, err = books.open(path, os.O_RDONLY); err != nil {
			return err
		}
	}
	w.text = slices.Grow(w.text[:0], size)[:size]
	n, err := w.file.ReadAt(w.text, offset)
	w.at, w.text = offset, w.text[:n]
	if err != nil && !errors.Is(err, io.EOF) {
		return b.store.trouble("read", path, err)
	}
	return nil
}
