package catalog

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

// entry stands for a line of a book, or for a file in a store: 16 bytes.
type entry struct {
	at int64 // when the file was begun, Unix microseconds
	// rest is, from the highest bit on: the last 8 bits of the moment's n, so that
	// few files stand together that are begun at once; the kind; the source; the
	// file of the book; the offset in that, or in names.
	rest uint64
}

// How many bits of rest they have.
const (
	nBits, kindBits, sourceBits, fileBits, offsetBits = 8, 2, 6, 12, 36
	maxSources                                        = 1 << sourceBits
)

func newEntry(m moment, what kind, source int, at store.Place) (entry, error) {
	if at.File >= 1<<fileBits || at.Offset >= 1<<offsetBits {
		return entry{}, fmt.Errorf("the books are too large: more than %d files, or one of more than %d GiB", 1<<fileBits, 1<<(offsetBits-30))
	}
	rest := uint64(m.n) & (1<<nBits - 1)
	rest = rest<<kindBits | uint64(what)
	rest = rest<<sourceBits | uint64(source)
	rest = rest<<fileBits | uint64(at.File)
	return entry{m.at, rest<<offsetBits | uint64(at.Offset)}, nil
}

func (e entry) what() kind {
	return kind(e.rest >> (sourceBits + fileBits + offsetBits) & (1<<kindBits - 1))
}

func (e entry) source() int {
	return int(e.rest >> (fileBits + offsetBits) & (1<<sourceBits - 1))
}

func (e entry) place() store.Place {
	return store.Place{File: uint16(e.rest >> offsetBits & (1<<fileBits - 1)), Offset: int64(e.rest & (1<<offsetBits - 1))}
}

type kind uint8

const (
	captured kind = iota
	waits
	rejected
	receipt
)

// together reports whether two entries may be of one file.
func (e entry) together(other entry) bool {
	return e.at == other.at && e.rest>>(64-nBits) == other.rest>>(64-nBits)
}

func (e entry) compare(other entry) int {
	return cmp.Or(cmp.Compare(e.at, other.at), cmp.Compare(e.rest, other.rest))
}

// index is the entries, in pieces: one slice that grows would need twice the
// memory. It implements sort.Interface.
type index struct{ pieces [][]entry }

const piece = 8192

func (x *index) add(e entry) {
	last := len(x.pieces) - 1
	if last < 0 || len(x.pieces[last]) == piece {
		x.pieces = append(x.pieces, make([]entry, 0, piece))
		last++
	}
	x.pieces[last] = append(x.pieces[last], e)
}

func (x *index) at(i int) *entry { return &x.pieces[i/piece][i%piece] }

// Len implements sort.Interface.
func (x *index) Len() int {
	if len(x.pieces) == 0 {
		return 0
	}
	return (len(x.pieces)-1)*piece + len(x.pieces[len(x.pieces)-1])
}

// Less implements sort.Interface.
func (x *index) Less(i, j int) bool { return x.at(i).compare(*x.at(j)) < 0 }

// Swap implements sort.Interface.
func (x *index) Swap(i, j int) { *x.at(i), *x.at(j) = *x.at(j), *x.at(i) }

// moment is where a file stands in the order of capture.
type moment struct {
	at int64
	n  uint32
}

// builder reads one source into a catalog.
type builder struct {
	*Catalog
	source int
	in     Range

	early   map[moment]struct{} // files that were begun before the range and reach into it
	foreign map[string]moment   // files outside the grammar, by name and content
}

// late is how much earlier than its capture a line may seem to be written: the
// clock may have been set back, and a month's last file has its line a moment
// after the month began.
const late = 24 * time.Hour

// read takes in the captured book first, for it tells how far files reach; then
// what waits; then the receipts, so that what is shipped meanwhile is in one of
// both.
func (b *builder) read() error {
	since := b.in.From
	if !since.IsZero() {
		since = since.Add(-late)
	}
	books := b.sources[b.source].Books
	b.early, b.foreign = map[moment]struct{}{}, map[string]moment{}
	damaged, err := books.Captured(since, b.captured)
	b.damaged += damaged
	if err != nil {
		return err
	}
	if err := b.look(); err != nil {
		return err
	}
	damaged, err = books.Receipts(since, b.receipt)
	b.damaged += damaged
	return err
}

func (b *builder) captured(f coverage.File, at store.Place) error {
	m, ok := own(f.Name)
	if !ok {
		m = b.named(f.Name, "", f.First)
	}
	if f.Instead != "" {
		b.void[claim{b.source, f.Instead}] = f.SHA256
	}
	switch {
	case !b.in.To.IsZero() && m.at >= b.in.To.UnixMicro():
		return nil
	case b.in.From.IsZero() || m.at >= b.in.From.UnixMicro():
	case f.Last.Before(b.in.From):
		return nil
	default:
		b.early[m] = struct{}{}
	}
	return b.add(m, captured, at)
}

// look takes in what is in the store.
func (b *builder) look() error {
	spool := b.sources[b.source].Store
	if spool == nil {
		return nil
	}
	backlog, err := spool.Scan(math.MaxInt32, nil)
	if err != nil {
		return err
	}
	for _, name := range backlog.Names {
		if err := b.inStore(name, time.Time{}, waits); err != nil {
			return err
		}
	}
	aside, err := spool.Rejected()
	if err != nil {
		return err
	}
	for _, reason := range aside {
		if strings.HasSuffix(reason.Name, ".damaged") {
			continue // lines that are no messages
		}
		if err := b.inStore(reason.Original, reason.Time, rejected); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) inStore(name string, at time.Time, what kind) error {
	m, ok := own(name)
	if !ok {
		m = b.named(name, "", at)
	}
	if !b.wants(m) {
		return nil
	}
	b.names[b.source] = append(b.names[b.source], name)
	return b.add(m, what, store.Place{Offset: int64(len(b.names[b.source]) - 1)})
}

func (b *builder) receipt(r store.Receipt, at store.Place) error {
	if r.By == store.ByPush && !b.in.Pushed {
		return nil
	}
	m, ok := own(r.Name)
	switch {
	case r.By == store.ByPush:
		m = b.named(r.Name, r.SHA256, r.Time)
	case !ok:
		m = b.named(r.Name, "", r.Time)
	}
	if b.wants(m) {
		return b.add(m, receipt, at)
	}
	return nil
}

func (b *builder) wants(m moment) bool {
	if !b.in.To.IsZero() && m.at >= b.in.To.UnixMicro() {
		return false
	}
	if b.in.From.IsZero() || m.at >= b.in.From.UnixMicro() {
		return true
	}
	_, reaches := b.early[m]
	return reaches
}

func (b *builder) add(m moment, what kind, at store.Place) error {
	e, err := newEntry(m, what, b.source, at)
	if err == nil {
		b.entries.add(e)
	}
	return err
}

// own is the moment in a name of the grammar.
func own(name string) (moment, bool) {
	at, n, ok := inName(name)
	return moment{at.UnixMicro(), uint32(n)}, ok
}

// inName takes names of packed files as well.
func inName(name string) (at time.Time, n int, ok bool) {
	if at, n, ok = store.Captured(name); !ok {
		plain, packed := Plain(name)
		if packed {
			return store.Captured(plain)
		}
	}
	return at, n, ok
}

// seconds is the time in a name of the original's.
var seconds = regexp.MustCompile(`([0-9]{9,10}(?:\.[0-9]{1,9})?)-[0-9]+\.txt$`)

// named is the moment of a name outside the grammar: the time in it where the
// original made it, else that of whatever told of it first. Their counters are
// above all of the grammar's.
func (b *builder) named(name, content string, at time.Time) moment {
	key := name + "/" + content
	if m, ok := b.foreign[key]; ok {
		return m
	}
	if found := seconds.FindStringSubmatch(name); found != nil {
		if s, err := strconv.ParseFloat(found[1], 64); err == nil {
			at = time.UnixMicro(int64(s * 1e6))
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	m := moment{max(0, at.UnixMicro()), h.Sum32() | 1<<31}
	b.foreign[key] = m
	return m
}
