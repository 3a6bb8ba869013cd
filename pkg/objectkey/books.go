package objectkey

import (
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// Book is a copy of one of the books' files in a storage, so that a machine with
// nothing but the bucket gets its books back. Its key is
//
//	_books/<store>/<YYYY-MM-DD>/<file>.<size>.zst
//
// and its content the file's first size bytes, whole lines, as one zstd frame
// with a checksum. The files are named as in ledger/: 2026-11.jsonl holds
// receipts, captured-2026-11.ndjson the captured book. Books only grow, so
//
//   - of the copies of one file of one store that which is the longest is the
//     newest, whatever the dates say, and holds all that the others do; those
//     that begin otherwise are of another store, or of a ledger lost before;
//   - a copy is complete when it inflates to exactly size bytes that end in a
//     line end; of those that do, the longest is to be taken;
//   - the copies of a file that does not change any more end with its last one:
//     each file is copied once a day while it grows, and once when its month is
//     over.
//
// Copies are never replaced: whoever tidies up may remove all but the longest.
type Book struct {
	Store string    // the store's name, as app.StoreName makes it
	Day   time.Time // when it was copied, UTC
	File  string    // in ledger/
	Size  int64     // bytes of the file that are in it
}

const (
	bookDay    = "2006-01-02"
	bookSuffix = ".zst"
)

// Name is the last element of its key.
func (b Book) Name() string { return b.File + "." + strconv.FormatInt(b.Size, 10) + bookSuffix }

// Key is where the copy lies.
func (b Book) Key() string {
	return Books + "/" + b.Store + "/" + b.Day.UTC().Format(bookDay) + "/" + b.Name()
}

// ParseBook takes a key of a copy apart. ok is false for any other: the parts of
// one that is true are safe as names.
func ParseBook(key string) (b Book, ok bool) {
	parts := strings.Split(key, "/")
	if !sink.ValidKey(key) || len(parts) != 4 || parts[0] != Books {
		return b, false
	}
	name, packed := strings.CutSuffix(parts[3], bookSuffix)
	dot := strings.LastIndexByte(name, '.')
	day, err := time.Parse(bookDay, parts[2])
	if !packed || dot < 0 || err != nil {
		return b, false
	}
	size, err := strconv.ParseInt(name[dot+1:], 10, 64)
	b = Book{Store: parts[1], Day: day, File: name[:dot], Size: size}
	return b, err == nil && b.Key() == key
}
