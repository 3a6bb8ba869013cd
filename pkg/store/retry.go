package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"
)

// Retry puts a rejected file back among the finished ones, under its original
// name where that is free, else under the next one that sorts beside it, and
// returns the name. Any process may call it, also while the store is shipped.
// A .damaged file is refused: it holds what is no message.
//
// The order: the file by a rename that never replaces, fsync of both
// directories, then its reason is removed.
func (s *Store) Retry(name string) (string, error) {
	s.ship.aside.Lock()
	defer s.ship.aside.Unlock()
	refuse := func(err error) (string, error) { return "", fmt.Errorf("put back %.80q: %w", name, err) }
	switch {
	case strings.HasSuffix(name, damagedSuffix):
		return refuse(errors.New("it holds what is no message, and stays for a person to look at"))
	case strings.HasSuffix(name, reasonSuffix):
		return refuse(errors.New("it is the reason of a rejected file; name the file"))
	}
	if err := s.regular(rejectedDir, name); err != nil {
		return refuse(err)
	}
	original := s.originalName(name)
	if !s.ships(original) {
		return refuse(fmt.Errorf("its name does not begin with %q, so that nothing would ship it", s.cfg.Prefix))
	}
	back, err := s.moveBack(name, original)
	if err != nil {
		return "", err
	}
	if err := s.syncMove(".", rejectedDir); err != nil {
		return back, err
	}
	err = s.fs.Remove(rejectedDir + "/" + name + reasonSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return back, s.trouble("remove", rejectedDir+"/"+name+reasonSuffix, err)
}

// originalName is the name that a rejected file had in the store. Where its
// reason does not say, it is told from the name that it has.
func (s *Store) originalName(name string) string {
	reason, ok := s.readReason(name)
	if ok && isElement(reason.Original) && !strings.ContainsRune(reason.Original, utf8.RuneError) {
		return reason.Original
	}
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && !isFinished(name) {
		if _, ours := parseName(name[:dot]); ours {
			return name[:dot]
		}
	}
	return name
}

// isFinished reports whether a name is one of our grammar. (That of a packed
// file without its last part is one too.)
func isFinished(name string) bool {
	_, ours := parseName(name)
	return ours
}

// moveBack renames a rejected file to its original name, or the next free one.
// A name of the grammar stays in it and keeps its time, which no other capture
// shares, so that it takes no name that is still to be given.
func (s *Store) moveBack(name, original string) (string, error) {
	back := original
	ours, isOurs := parseName(original)
	for n := range maxOccupied {
		err := s.fs.RenameNoReplace(rejectedDir+"/"+name, back)
		if !errors.Is(err, fs.ErrExist) {
			return back, s.trouble("put back", rejectedDir+"/"+name, err)
		}
		if isOurs {
			ours = ours.after()
			back = ours.String()
		} else {
			back = numbered(original, n+1)
		}
	}
	return "", fmt.Errorf("put back %.80q: %w", name, fs.ErrExist)
}
