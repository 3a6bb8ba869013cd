package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/pack"
)

const (
	// capturedPrefix tells the captured book's files in ledger/ from those of
	// the receipts, and so does the extension: whoever takes ledger/*.jsonl for
	// receipts goes on finding these alone.
	capturedPrefix    = "captured-"
	capturedExtension = ".ndjson"
	// openName is what a capture keeps of the span that it records.
	openName = stateDir + "/coverage.json"
)

// CapturedBook is the second book in ledger/: what was captured, by pkg/coverage's
// grammar. The process that holds RoleGrabber appends to it, and nobody else:
// so it needs no lock of its own between processes.
type CapturedBook struct {
	mu      sync.Mutex // guards book
	book    *book
	reserve reserve
	stopped func() bool // by a full disk is the capture; nil without a Writer
}

// CapturedBook returns the store's one.
func (s *Store) CapturedBook() *CapturedBook { return &s.captured }

// Append adds whole lines, and returns when they are on the disk. *FullError:
// none was written, offer them again. *Error: the book cannot be written. On a
// full disk the process that has a Writer gives up the book's reserve for them:
// else files that only wait for their line could not leave the disk. Not before
// the capture has stopped, which would take the room that this frees.
func (b *CapturedBook) Append(lines []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.book.append(lines)
	if isNoRoom(err) && b.stopped != nil && b.stopped() && b.reserve.giveUp() {
		err = b.book.append(lines)
	}
	if err == nil {
		b.reserve.refill(false)
		b.book.store.cfg.Appended()
	}
	return err
}

// own begins to look after the book's reserve for a writer.
func (b *CapturedBook) own(w *Writer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = w.stopped
	b.reserve.own(w.s)
}

// Keep replaces .state/coverage.json, durably: the state of a span that is not
// in the book yet.
func (b *CapturedBook) Keep(state []byte) error {
	return b.book.store.replaceFile(openName, true, state)
}

// Kept returns what was kept last, nil if there is nothing. Any process may
// call it.
func (s *Store) Kept() ([]byte, error) {
	data, err := s.readFile(openName, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, s.trouble("read", openName, err)
}

// LastWrite returns when a message was last written to a file that is not
// finished, as far as can be told; zero when there is none. Call it before
// NewWriter, which recovers those files.
func (s *Store) LastWrite() (last time.Time) {
	names := []string{s.cfg.WorkingName}
	_ = s.eachName(".", func(entry fs.DirEntry) error { // what cannot be listed, Open has said
		if f, ok := parseDot(entry.Name()); ok && f.packed == pack.None {
			names = append(names, entry.Name())
		}
		return nil
	})
	for _, name := range names {
		info, err := s.fs.Lstat(name)
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// enter writes the lines of files that are about to get their final names.
func (w *Writer) enter(files []finished) error {
	var lines []byte
	for _, f := range files {
		f.line.Name = f.name
		lines = append(lines, f.line.Line()...)
	}
	if err := w.s.captured.Append(lines); err != nil {
		return err
	}
	for i := range files {
		files[i].entered = files[i].name
	}
	w.enteredAt = time.Now()
	return nil
}

// enterAgain writes the line of a file that gets another name than the one that
// was entered.
func (w *Writer) enterAgain(f *finished) error {
	if f.entered == f.name {
		return nil
	}
	line := f.line
	line.Name, line.Instead = f.name, f.entered
	if err := w.s.captured.Append(line.Line()); err != nil {
		return err
	}
	f.entered = f.name
	return nil
}

// note keeps up what the book will say of the working file. To hash here, what
// the processor has just copied, costs less than to read it again later.
func (f *working) note(lines []byte, now time.Time) {
	f.sum.Write(lines)
	f.messages += countLines(lines)
	f.last = now
}

// line is what the book says of a file that was cut.
func (f *working) line() coverage.File {
	return coverage.File{
		Messages: f.messages, Bytes: f.size, SHA256: hex.EncodeToString(f.sum.Sum(nil)),
		First: f.first, Last: f.last, Position: f.position,
	}
}

// sumUp reads a file that recovery has put in order, for its line.
func (w *Writer) sumUp(name string, found verdict) (coverage.File, error) {
	line := coverage.File{Recovered: true, Damaged: found.damaged, First: found.written, Last: found.written}
	if f, ok := parseName(name); ok {
		line.First = f.at
	}
	if line.Last.Before(line.First) {
		line.Last = line.First
	}
	dot := dotName(name)
	f, err := w.s.fs.OpenFile(dot, os.O_RDONLY, 0)
	if err != nil {
		return line, w.s.trouble("open", dot, err)
	}
	defer f.Close() //nolint:errcheck // only read
	sum, read := sha256.New(), &tally{from: f}
	method := pack.Of(name)
	if method != pack.None {
		read.sum = sha256.New()
	}
	line.Messages, line.Bytes, err = w.sumPacked(read, method, found.bytes, sum)
	line.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if method != pack.None {
		line.PackedBytes, line.PackedSHA256 = read.bytes, hex.EncodeToString(read.sum.Sum(nil))
	}
	if errors.Is(err, errEnds) {
		return line, err
	}
	return line, w.s.trouble("read", dot, err)
}

// errNoEnd says that a file's last line has no end.
var errNoEnd = errors.New("its last line has no end")

// sumFile reads to the end, counts lines and bytes, and hashes into sum, nil
// for none. fileSize is about what there is to read.
func (w *Writer) sumFile(from io.Reader, fileSize int64, sum hash.Hash) (messages uint64, size int64, err error) {
	block := make([]byte, windowFor(fileSize))
	var said int64
	last := byte('\n')
	for {
		n, err := from.Read(block)
		if sum != nil {
			sum.Write(block[:n])
		}
		if n > 0 {
			last = block[n-1]
		}
		messages += countLines(block[:n])
		size += int64(n)
		switch {
		case errors.Is(err, io.EOF) && last != '\n':
			return messages, size, errNoEnd
		case errors.Is(err, io.EOF):
			return messages, size, nil
		case err != nil:
			return messages, size, err
		case !w.goesOn():
			return messages, size, errEnds
		case size-said > sayEvery:
			said = size
			w.stillRecovering()
		}
	}
}
