package store

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/pack"
)

// takeOver gives the working file of a dead grabber its dot name, as a cut
// would have, and returns the final names of all files that were being
// finished, in the order of their capture. It reads none of them.
func (w *Writer) takeOver() ([]string, error) {
	if err := w.s.fs.Remove(rewriteName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, w.s.trouble("remove", rewriteName, err)
	}
	left, beside, err := w.s.beingFinished()
	if err != nil {
		return nil, err
	}
	// The fsync of the directory that makes this durable is recovery's first
	// step, before any of them gets its final name.
	for _, name := range beside {
		if err := w.s.fs.Remove(dotName(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, w.s.trouble("remove", dotName(name), err)
		}
	}
	working := w.s.cfg.WorkingName
	info, err := w.s.fs.Lstat(working)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return left, nil
	case err != nil:
		return nil, w.s.trouble("look at", working, err)
	case !info.Mode().IsRegular():
		return nil, &Error{Op: "take over", Path: w.s.path(working), Err: ErrNotRegular, Hint: "move it away, or set grabber_temp_file to another name"}
	}
	name, err := w.toDotName(lastWrite(info, w.s.cfg.Now()))
	if err != nil {
		return nil, w.s.trouble("rename", working, err)
	}
	return append(left, name), nil
}

// lastWrite is the nearest that is known of when a dead grabber's working file
// got its first message.
func lastWrite(info fs.FileInfo, now time.Time) time.Time {
	if info.ModTime().Before(now) {
		return info.ModTime()
	}
	return now
}

// beingFinished returns the final names of the files of any prefix that are
// being finished, in the order of their capture; apart from them those of
// packed files beside which the plain one is still there: they may be half.
func (s *Store) beingFinished() (names, beside []string, err error) {
	var found []fileName
	err = s.eachName(".", func(entry fs.DirEntry) error {
		f, ok := parseDot(entry.Name())
		switch {
		case !ok:
		case !entry.Type().IsRegular():
			s.cfg.Notice(s.path(entry.Name()), "it has the name of a file being finished but is no regular file: left alone")
		default:
			found = append(found, f)
		}
		return nil
	})
	if err != nil {
		return nil, nil, s.trouble("list", ".", err)
	}
	slices.SortFunc(found, func(f, g fileName) int {
		return cmp.Or(f.compare(g), cmp.Compare(f.packed, g.packed)) // the plain one first
	})
	found = slices.Compact(found) // a listing may tell a name twice
	var plain fileName
	for _, f := range found {
		switch {
		case f.packed == pack.None:
			plain = f
			names = append(names, f.String())
		case f.plain() == plain:
			beside = append(beside, f.String())
		default:
			names = append(names, f.String())
		}
	}
	return names, beside, nil
}
