// Package catalog tells what was captured and where it is: both books, those of
// several machines together, and what still waits in a store, as one list in the
// order of capture.
//
// It guarantees that
//   - every file is in it once, with all its places: one for each receipt;
//   - two files that have one name and not one content (two machines' ledgers)
//     are two;
//   - a file that was captured and of which nobody knows where it is, is in it;
//   - a file is in a range of time if any of its messages may be: by the captured
//     book, or by the time in its name where the book has no line of it;
//   - memory is 16 bytes for each line of the books in the range, and the names
//     of what waits.
//
// What was pushed (uploader push) was not captured; it is listed where it is
// asked for, under the time of its first receipt.
//
// It must not know how a place is read, nor what becomes of the list.
package catalog

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

// Source is one machine's capture.
type Source struct {
	Books *store.Books
	Store Spool // where files wait; nil where there are the books alone
}

// Spool is what is looked at of a store. *store.Store is one.
type Spool interface {
	Scan(limit int, skip func(name string) bool) (store.Backlog, error)
	Rejected() ([]store.Reason, error)
	Holds(name string) (store.Holding, bool)
}

// Range says what a Catalog is about.
type Range struct {
	From, To time.Time // of capture, zero is no bound; what begins at To is out
	Pushed   bool      // what was pushed as well
}

// File is one file of the capture.
type File struct {
	Name    string // as it was finished, or pushed
	Source  int    // the number of the first source that knows it
	At      time.Time
	Foreign bool // the name is outside the grammar: At is that of a receipt, or none
	Pushed  bool
	// Captured is the captured book's line; nil where it has none.
	Captured *coverage.File
	// Places are its receipts, one for each object. They hold keys.
	Places []store.Receipt
	// Waits says that it is still in its source's store, perhaps not finished yet,
	// Rejected that it was set aside there.
	Waits, Rejected bool
}

// Nowhere reports whether nobody knows where the file is.
func (f *File) Nowhere() bool { return len(f.Places) == 0 && !f.Waits && !f.Rejected }

// Content is what is known of bytes: SHA256 is lower-case hex, "" if unknown.
type Content struct {
	Size   int64
	SHA256 string
}

// Put is the file as it was put or waits. ok is false where no book tells.
func (f *File) Put() (c Content, ok bool) {
	switch {
	case len(f.Places) > 0:
		return Content{f.Places[0].Size, f.Places[0].SHA256}, true
	case f.Captured == nil:
		return c, false
	case f.Captured.PackedSHA256 != "":
		return Content{f.Captured.PackedBytes, f.Captured.PackedSHA256}, true
	}
	return Content{f.Captured.Bytes, f.Captured.SHA256}, true
}

// Inflated is what is in the file, if it is packed: by the captured book if that
// is about these bytes, else by its receipts, which may have been made again from
// what storages say.
func (f *File) Inflated() (c Content, ok bool) {
	booked := f.Captured != nil && f.Captured.PackedSHA256 != ""
	if !(booked && !f.Altered()) && len(f.Places) > 0 && f.Places[0].InflatedSHA256 != "" {
		return Content{f.Places[0].InflatedSize, f.Places[0].InflatedSHA256}, true
	}
	if booked {
		return Content{f.Captured.Bytes, f.Captured.SHA256}, true
	}
	return c, false
}

// Altered reports whether what was shipped is not what was captured, as far as
// the books tell.
func (f *File) Altered() bool {
	if f.Captured == nil || len(f.Places) == 0 {
		return false
	}
	return !tells(*f.Captured, f.Places[0])
}

// Catalog is the list. It is for one goroutine.
type Catalog struct {
	sources []Source
	names   [][]string // of each source: what an entry's offset is for a file that waits
	entries index
	void    map[claim]string // lines of the captured book that do not hold, and the content that they spoke of
	damaged int
}

// claim is that of a name by the captured book of a source.
type claim struct {
	source int
	name   string
}

// Open reads the books and looks what waits. Memory is bounded as the package
// says. The caller closes the sources, after the Catalog's last use.
func Open(sources []Source, in Range) (*Catalog, error) {
	if len(sources) > maxSources {
		return nil, fmt.Errorf("at most %d ledgers at once", maxSources)
	}
	c := &Catalog{sources: sources, names: make([][]string, len(sources)), void: map[claim]string{}}
	for i := range sources {
		b := &builder{Catalog: c, source: i, in: in}
		if err := b.read(); err != nil {
			return nil, err
		}
	}
	sort.Sort(&c.entries)
	return c, nil
}

// Damaged is how many lines of the books could not be read: whatever they tell
// of may be missing in the list.
func (c *Catalog) Damaged() int { return c.damaged }

// Most is how many files there are, or a little more.
func (c *Catalog) Most() int {
	n := 0
	for i := range c.entries.Len() {
		if i == 0 || !c.entries.at(i).together(*c.entries.at(i - 1)) {
			n++
		}
	}
	return n
}

// Each calls each with every file in the order of capture, until it fails.
func (c *Catalog) Each(each func(File) error) error {
	var one []entry
	for i := 0; i < c.entries.Len(); {
		one = one[:0]
		for ; i < c.entries.Len() && (len(one) == 0 || c.entries.at(i).together(one[0])); i++ {
			one = append(one, *c.entries.at(i))
		}
		files, err := c.files(one)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := each(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// errMoved says that a line is not what it was.
var errMoved = errors.New("the books were rewritten while they were read: try again")

// Plain is a file's name without the ending that says how it is packed.
func Plain(name string) (plain string, packed bool) {
	for _, ending := range []string{".gz", ".zst"} {
		if plain, packed = strings.CutSuffix(name, ending); packed {
			return plain, true
		}
	}
	return name, false
}
