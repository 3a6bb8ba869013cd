// Package balance compares the books by double entry: what the grabber finished
// against what the uploader has receipts for, and against what the store holds.
// It asks no network and changes nothing.
//
// It guarantees that
//   - a file is missing only when it has neither a receipt nor a place in the
//     store at the same time: what moves while the books are read is looked at
//     again before anything is said of it;
//   - every file that is missing, in two places, or other than the book says is
//     named, by the thousands; beyond those they are counted;
//   - what has no line in the captured book (pushed, taken over, shipped by an
//     older version) is counted apart and never wrong;
//   - memory is 32 bytes a captured file, and names of offenders alone.
//
// # When files move
//
// A file gets its line in the captured book, then its final name, then a receipt
// from each place, then it leaves the store. So the ledger is read as far as it
// went before the captured book was: each of its receipts that is the grabber's has
// a line. The store is listed last. What seems wrong then is looked at again: first
// where in the store it is, then the ledger as far as it goes by now.
//
// A file with all its receipts that is still in the store was just shipped, or
// the uploader was ended between the two and removes it at its next start; both
// are right, and so is one that some places of several do not have yet.
//
// The package must not know how places are asked (pkg/audit does that).
package balance

import (
	"context"
	"hash/maphash"
	"math/bits"
	"slices"
	"sort"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

// Config says what is compared.
type Config struct {
	Store *store.Store
	// URLs are those that a file must have been shipped to before it leaves the
	// store, as receipts name them.
	URLs []string
	Now  func() time.Time // nil means time.Now
}

// maxNames bounds the names in each list of a Report.
const maxNames = 100_000

// Verify compares. The error is that a book or the store cannot be read at all.
func Verify(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	v := &verifier{ctx: ctx, cfg: cfg, seed: maphash.MakeSeed(), report: newReport()}
	upTo, err := cfg.Store.LedgerExtent()
	if err != nil {
		return v.report, err
	}
	for _, step := range []func() error{
		v.readCaptured,
		func() error { return cfg.Store.LedgerLines(upTo, v.takeReceipt) },
		func() error { return cfg.Store.Holdings(v.takeHolding) },
		v.lookAgain,
	} {
		if err := step(); err != nil {
			return v.report, err
		}
		if ctx.Err() != nil {
			return v.report, ctx.Err()
		}
	}
	v.sumUp()
	return v.report, nil
}

// verifier is one Verify under way.
type verifier struct {
	ctx    context.Context
	cfg    Config
	seed   maphash.Seed
	report Report

	files   []entry // of the captured book, by name hash once it has been read
	spans   time.Time
	oldest  time.Time // of the files
	offends map[uint64]*offender
	latest  map[string]bool // names in the last receipts, nil before they were read
}

// leastLine is less than any file's line in the captured book takes, in bytes.
const leastLine = 160

// readCaptured makes the table.
func (v *verifier) readCaptured() error {
	// Made at once: to let it grow would take the memory of two of them. What is
	// never written to costs nothing.
	v.files = make([]entry, 0, v.cfg.Store.CapturedBytes()/leastLine+1)
	if err := v.cfg.Store.CapturedLines(v.takeCaptured); err != nil {
		return err
	}
	slices.SortFunc(v.files, func(a, b entry) int {
		switch {
		case a.name != b.name:
			return order(a.name < b.name)
		case a.state != b.state:
			return order(a.state < b.state)
		}
		return 0
	})
	kept := v.files[:0]
	for i, e := range v.files {
		if i+1 < len(v.files) && v.files[i+1].name == e.name || e.content == 0 {
			continue // a later line of the name holds, or none at all
		}
		e.state = 0
		kept = append(kept, e)
	}
	v.files = kept
	return nil
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// takeCaptured takes a line of the captured book.
func (v *verifier) takeCaptured(line store.BookLine) {
	if v.ctx.Err() != nil {
		return
	}
	if line.Err != nil {
		v.report.damaged(line)
		return
	}
	f, span, err := captured(line.Text)
	switch {
	case err != nil:
		line.Err = err
		v.report.damaged(line)
	case span != nil:
		v.spans = earliest(v.spans, span.From)
	case f.name != nil:
		v.oldest = earliest(v.oldest, f.begun)
		v.enter(f)
	}
}

// captured reads a line of the captured book; a newer program's is nothing.
func captured(line []byte) (f file, span *coverage.Span, err error) {
	if f, ok := readFile(line); ok {
		return f, nil, nil
	}
	l, err := coverage.Decode(line)
	if err == nil && l.File != nil {
		f = fileOf(l.File)
	}
	return f, l.Span, err
}

// enter adds what a line says: of the name, and of another one that does not
// hold.
func (v *verifier) enter(f file) {
	if len(f.instead) > 0 {
		v.files = append(v.files, entry{name: v.hash(f.instead), state: uint32(len(v.files))})
	}
	e := entry{name: v.hash(f.name), content: v.contentOf(f.size, f.sha256), size: f.size, state: uint32(len(v.files))}
	if f.inflatedSHA256 != nil {
		e.inflated = v.inflatedOf(f.inflatedSize, f.inflatedSHA256)
	}
	v.files = append(v.files, e)
}

func (v *verifier) inflatedOf(size int64, sha256 []byte) uint32 {
	return uint32(v.contentOf(size, sha256) >> 32)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// find returns the entry of a name, nil if the book has none. Hashes are spread
// evenly, so that where one stands can be guessed.
func (v *verifier) find(name uint64) *entry {
	guess, _ := bits.Mul64(name, uint64(len(v.files)))
	low, high := int(guess), int(guess)
	for step := 64; low > 0 && v.files[low-1].name >= name; step *= 2 {
		low = max(0, low-step)
	}
	for step := 64; high < len(v.files) && v.files[high].name < name; step *= 2 {
		high = min(len(v.files), high+step)
	}
	at := low + sort.Search(high-low, func(i int) bool { return v.files[low+i].name >= name })
	if at == len(v.files) || v.files[at].name != name {
		return nil
	}
	return &v.files[at]
}
