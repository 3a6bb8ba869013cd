package store

import (
	"errors"
	"io/fs"
	"sync"
	"time"
)

// recentReceipts is how many receipts of the watch loop are looked at for the
// greatest name that was ever given: the store may be empty because all of its
// files were shipped.
const recentReceipts = 1024

// namer gives out names, each above all that there are or were.
type namer struct {
	prefix string

	mu   sync.Mutex // guards last
	last fileName
}

// next returns the name of a file whose first message came at at. A clock that
// steps back, or stood still, yields one microsecond more than the last name.
func (n *namer) next(at time.Time) fileName {
	n.mu.Lock()
	defer n.mu.Unlock()
	at = at.UTC().Truncate(time.Microsecond)
	if !at.After(n.last.at) {
		at = n.last.at.Add(time.Microsecond)
	}
	if at.After(maxNameTime) {
		at = maxNameTime // a name from there was dropped in: only the counter is left
	}
	n.last = fileName{prefix: n.prefix, at: at, n: (n.last.n + 1) % nameCounter}
	return n.last
}

// raise makes every later name greater than f.
func (n *namer) raise(f fileName) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.prefix == n.prefix && f.compare(n.last) > 0 {
		n.last = f
	}
}

// newNamer returns a namer above the names in the store, those being finished,
// those in rejected/ and those in the last receipts.
func (s *Store) newNamer() (*namer, error) {
	n := &namer{prefix: s.cfg.Prefix}
	n.last.n = nameCounter - 1 // so that a new store's first is 000000
	for _, dir := range []string{".", rejectedDir} {
		err := s.eachName(dir, func(entry fs.DirEntry) error {
			if f, ok := s.ownInside(entry.Name()); ok {
				n.raise(f)
			}
			return nil
		})
		if err != nil && !(dir == rejectedDir && errors.Is(err, fs.ErrNotExist)) {
			return nil, s.trouble("list", dir, err)
		}
	}
	receipts, err := s.Recent(recentReceipts, ByWatch)
	if err != nil {
		return nil, err
	}
	for _, r := range receipts {
		if f, ok := s.ownInside(r.Name); ok {
			n.raise(f)
		}
	}
	return n, nil
}

// ownInside finds the name of ours that another is made of: with a leading
// dot, or with something behind it (.damaged, .reason.json, a number).
func (s *Store) ownInside(name string) (fileName, bool) {
	if name != "" && name[0] == '.' {
		name = name[1:]
	}
	length := len(s.cfg.Prefix) + nameTail
	return parseOwn(s.cfg.Prefix, name[:min(length, len(name))])
}
