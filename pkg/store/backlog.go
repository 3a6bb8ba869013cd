package store

import (
	"errors"
	"hash/maphash"
	"io/fs"
	"strings"
	"time"
)

// Backlog is one look at the finished files that wait in the store.
type Backlog struct {
	Names   []string // the first of them in name order, at most as many as asked for
	Count   int      // all of them, but for those in Foreign
	Bytes   int64    // of all; estimated from a sample when there are more than 10,000
	Foreign []string // names outside the grammar that are not yet unchanged for 2 s: look again then; at most 4,096
}

// maxDistinct bounds the memory for names that a directory lists twice.
// Beyond it Count may count one twice; Names never holds one twice.
const maxDistinct = 100_000

// Scan reads the store directory once: the limit smallest names for which
// skip is false (Count and Bytes include the skipped). Only regular files that
// begin with the prefix are there; a name outside our grammar must have been
// the same at two looks 2 s apart, by the monotonic clock. Memory depends on
// limit, not on how many files wait. A file may be gone, and a smaller name
// have come, by the time that Scan returns. skip may be nil.
func (s *Store) Scan(limit int, skip func(name string) bool) (Backlog, error) {
	looks := &s.ship.looks
	looks.mu.Lock()
	defer looks.mu.Unlock()
	sc := &scan{
		store: s, skip: skip, limit: max(limit, 0),
		seen: map[uint64]struct{}{}, seed: maphash.MakeSeed(),
		foreign: smallest{limit: maxLooks},
		sizes:   sample{stride: 1},
	}
	sc.ready.limit = sc.limit
	err := s.eachName(".", sc.visit)
	if err == nil {
		err = sc.judge(looks)
	}
	if err == nil {
		err = sc.measure()
	}
	if err != nil {
		return Backlog{}, s.trouble("list", ".", err)
	}
	return sc.found, nil
}

// CapturedAt returns the time in a name of our grammar, ok false for others.
func (s *Store) CapturedAt(name string) (at time.Time, ok bool) {
	f, ok := parseName(name)
	return f.at, ok
}

// Captured reports whether a name is one that the grabber gives in this store:
// its file is finished when it is there, which of a foreign one Scan alone
// can tell.
func (s *Store) Captured(name string) bool {
	_, own := parseOwn(s.cfg.Prefix, name)
	return own
}

// ships reports whether the watch loop may take a regular file of that name.
func (s *Store) ships(name string) bool {
	return isElement(name) && strings.HasPrefix(name, s.cfg.Prefix) && name != s.cfg.WorkingName
}

// scan is one Scan under way.
type scan struct {
	store *Store
	skip  func(name string) bool
	limit int

	seed    maphash.Seed
	seen    map[uint64]struct{}
	ready   smallest // of the grammar, or foreign and quiet
	foreign smallest // to be looked at
	sizes   sample
	found   Backlog
	passed  []string // foreign names that were skipped, of which there are looks
}

// visit sorts a name by what can be told without a stat.
func (sc *scan) visit(entry fs.DirEntry) error {
	name := entry.Name()
	if !sc.store.ships(name) || !entry.Type().IsRegular() || sc.again(name) {
		return nil
	}
	if sc.store.Captured(name) {
		sc.waits(name)
		return nil
	}
	if sc.skipped(name) {
		sc.count(name)
		if _, seen := sc.store.ship.looks.files[name]; seen { // so there are not more than looks
			sc.passed = append(sc.passed, name)
		}
	} else if left, full := sc.foreign.offer(name); full {
		sc.count(left)
	}
	return nil
}

// again reports whether the directory has listed a name before.
func (sc *scan) again(name string) bool {
	sum := maphash.String(sc.seed, name)
	_, again := sc.seen[sum]
	if !again && len(sc.seen) < maxDistinct {
		sc.seen[sum] = struct{}{}
	}
	return again
}

func (sc *scan) skipped(name string) bool { return sc.skip != nil && sc.skip(name) }

// waits counts a finished file and keeps its name if it is among the first.
func (sc *scan) waits(name string) {
	sc.count(name)
	if sc.ready.wants(name) && !sc.skipped(name) {
		sc.ready.offer(name)
	}
}

func (sc *scan) count(name string) {
	sc.found.Count++
	sc.sizes.offer(name)
}

// judge looks at the foreign names: which of them have been quiet.
func (sc *scan) judge(looks *looks) error {
	names := sc.foreign.sorted()
	// Of several who ship the same store each passes over other names: what one
	// has seen of a file is not forgotten because another has no use for it.
	looks.only(names, sc.passed)
	for _, name := range names {
		quiet, err := looks.quiet(sc.store.fs, name)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrNotRegular):
		case err != nil:
			return err
		case quiet:
			sc.waits(name)
		default:
			sc.found.Foreign = append(sc.found.Foreign, name)
		}
	}
	return nil
}

// measure adds up what waits.
func (sc *scan) measure() error {
	var sum int64
	gone := map[string]struct{}{}
	for _, name := range sc.sizes.names {
		info, err := sc.store.fs.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			gone[name] = struct{}{}
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			gone[name] = struct{}{}
		default:
			sum += info.Size()
		}
	}
	if sc.sizes.stride > 1 {
		sc.found.Bytes = int64(float64(sum) / float64(len(sc.sizes.names)) * float64(sc.sizes.offered))
		return sc.confirm()
	}
	sc.found.Bytes = sum
	sc.found.Count -= len(gone)
	for _, name := range sc.ready.sorted() {
		if _, ok := gone[name]; !ok {
			sc.found.Names = append(sc.found.Names, name)
		}
	}
	return nil
}

// confirm keeps the names that still are regular files, where not all have
// been looked at.
func (sc *scan) confirm() error {
	for _, name := range sc.ready.sorted() {
		info, err := sc.store.fs.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case info.Mode().IsRegular():
			sc.found.Names = append(sc.found.Names, name)
		}
	}
	return nil
}
