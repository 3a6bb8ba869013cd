package store

import (
	"errors"
	"io/fs"
	"strings"
)

// Holding is a file that the store holds.
type Holding struct {
	Name string // under which it was finished, or is going to be
	In   Part
	Size int64 // bytes
}

// Part is a part of the store.
type Part int

// The parts.
const (
	Finished  Part = iota // waits to be shipped; a foreign name may still be written to
	Finishing             // is cut, and on its way to its final name
	Aside                 // was refused for good
	Damaged               // holds what is no message; Name is that of the file it came from
)

// Holdings calls each with every file that the store holds, but for the working
// file. It takes no lock: what moves meanwhile may be told twice, or not at all
// (Holds).
func (s *Store) Holdings(each func(Holding)) error {
	err := s.eachName(".", func(entry fs.DirEntry) error {
		h := Holding{Name: entry.Name()}
		if _, ok := parseDot(h.Name); ok {
			h.Name, h.In = h.Name[1:], Finishing
		} else if !s.ships(h.Name) {
			return nil
		}
		return sized(entry, h, each)
	})
	if err != nil {
		return s.trouble("list", ".", err)
	}
	err = s.eachName(rejectedDir, func(entry fs.DirEntry) error {
		name := entry.Name()
		h := Holding{In: Aside}
		switch {
		case strings.HasSuffix(name, reasonSuffix) || !isElement(name):
			return nil
		case strings.HasSuffix(name, damagedSuffix):
			h.Name, h.In = strings.TrimSuffix(name, damagedSuffix), Damaged
		default:
			h.Name = s.originalName(name)
		}
		return sized(entry, h, each)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.trouble("list", rejectedDir, err)
}

func sized(entry fs.DirEntry, h Holding, each func(Holding)) error {
	if !entry.Type().IsRegular() {
		return nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // shipped meanwhile
	}
	if err != nil {
		return err
	}
	h.Size = info.Size()
	each(h)
	return nil
}

// Holds looks where in the store a file is now, in the order in which files
// move. ok is false where it is not there.
func (s *Store) Holds(name string) (h Holding, ok bool) {
	if !isElement(name) {
		return Holding{}, false
	}
	for _, at := range []struct {
		path string
		in   Part
	}{{dotName(name), Finishing}, {name, Finished}, {rejectedDir + "/" + name, Aside}} {
		info, err := s.fs.Lstat(at.path)
		if err == nil && info.Mode().IsRegular() {
			return Holding{Name: name, In: at.in, Size: info.Size()}, true
		}
	}
	return Holding{}, false
}
