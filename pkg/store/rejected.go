package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Errors about single files; the file stays where it is.
var (
	ErrChanged    = errors.New("the file has changed")
	ErrNotRegular = errors.New("not a regular file")
)

// Reason is the text of rejected/<name>.reason.json.
type Reason struct {
	Time     time.Time `json:"time"`
	Name     string    `json:"name"` // the file's name in rejected/
	Original string    `json:"original"`
	Sink     string    `json:"sink,omitempty"`
	URL      string    `json:"url,omitempty"` // without userinfo and query
	Status   int       `json:"status,omitempty"`
	Reason   string    `json:"reason"` // a sentence
	Attempts int       `json:"attempts,omitempty"`
	Lines    int       `json:"lines,omitempty"` // .damaged files: how many
}

const (
	reasonSuffix = ".reason.json"
	// What ends so is the grabber's alone.
	damagedSuffix = ".damaged"
	// maxAside is the longest name in rejected/: a longer one is cut, so that
	// there is room for a number, and for its reason's name and temporary name
	// in the 255 bytes that a name may have.
	maxAside = 200
	// maxOccupied is how many names are tried for one file.
	maxOccupied = 10_000
)

// SetAside moves a finished file to rejected/, its reason first. An occupied
// name gets a suffix; the name used is returned. Time, Name and Original of the
// reason are filled in. fs.ErrNotExist, fs.ErrPermission and ErrNotRegular are about the
// file, *FullError and *Error about the store.
//
// The order: the reason by temporary file, fsync, rename, fsync of rejected/;
// then the file by a rename that never replaces, fsync of both directories. So
// a rejected file always has its reason; a reason without its file is what
// CleanRejected is for.
func (s *Store) SetAside(name string, reason Reason) (string, error) {
	s.ship.aside.Lock()
	defer s.ship.aside.Unlock()
	if err := s.regular(".", name); err != nil {
		return "", fmt.Errorf("set aside %.80q: %w", name, err)
	}
	reason.Original = name
	reason.Time = s.cfg.Now().UTC()
	for n := range maxOccupied {
		reason.Name = asideName(name, n)
		free, err := s.asideFree(reason.Name)
		if err == nil && free {
			err = s.moveAside(reason)
		}
		switch {
		case errors.Is(err, fs.ErrExist), err == nil && !free:
			continue
		case err != nil:
			return "", err
		}
		return reason.Name, nil
	}
	return "", fmt.Errorf("set aside %.80q: %w", name, fs.ErrExist)
}

// moveAside does it under reason.Name; fs.ErrExist if somebody was quicker.
func (s *Store) moveAside(reason Reason) error {
	text, err := json.MarshalIndent(reason, "", "  ")
	if err != nil {
		return fmt.Errorf("set aside %.80q: %w", reason.Original, err)
	}
	path := rejectedDir + "/" + reason.Name
	if err := s.replaceFile(path+reasonSuffix, true, append(text, '\n')); err != nil {
		return err
	}
	err = s.fs.RenameNoReplace(reason.Original, path)
	if err != nil {
		_ = s.fs.Remove(path + reasonSuffix) // CleanRejected would
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set aside %.80q: %w", reason.Original, cause(err))
		}
		return s.fileTrouble("set aside", reason.Original, err)
	}
	return s.syncMove(rejectedDir, ".")
}

// syncMove makes a rename between directories durable, the new name first.
func (s *Store) syncMove(to, from string) error {
	for _, dir := range []string{to, from} {
		if err := s.fs.SyncDir(dir); err != nil {
			return s.trouble("fsync", dir, err)
		}
	}
	return nil
}

// regular checks that a name in a directory is that of a regular file.
func (s *Store) regular(dir, name string) error {
	if !isElement(name) {
		return errors.New("not the name of a file")
	}
	path := name
	if dir != "." {
		path = dir + "/" + name
	}
	info, err := s.fs.Lstat(path)
	if err != nil {
		return cause(err)
	}
	if !info.Mode().IsRegular() {
		return ErrNotRegular
	}
	return nil
}

// asideName is the n-th name to try in rejected/, from 0. It is never one that
// would pass for the grabber's, or for a reason.
func asideName(name string, n int) string {
	if n == 0 && len(name) <= maxAside && !strings.HasSuffix(name, reasonSuffix) && !strings.HasSuffix(name, damagedSuffix) {
		return name
	}
	return numbered(name, n+1)
}

// numbered returns name, cut where it is too long, with a number.
func numbered(name string, n int) string {
	if len(name) > maxAside {
		cut := maxAside
		for cut > maxAside-utf8.UTFMax && !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut]
	}
	return name + "." + strconv.Itoa(n)
}

// asideFree reports whether neither a file nor a reason has the name. A reason
// that has lost its file keeps it until CleanRejected has looked.
func (s *Store) asideFree(name string) (bool, error) {
	for _, path := range []string{rejectedDir + "/" + name, rejectedDir + "/" + name + reasonSuffix} {
		_, err := s.fs.Lstat(path)
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, s.trouble("look at", path, err)
		}
	}
	return true, nil
}

// Rejected lists what was set aside, with reasons, in name order; the grabber's
// .damaged files too. A file whose reason is missing or cannot be read is
// there with a sentence that says so.
func (s *Store) Rejected() ([]Reason, error) {
	var found []Reason
	err := s.eachName(rejectedDir, func(entry fs.DirEntry) error {
		name := entry.Name()
		if entry.Type().IsRegular() && isElement(name) && !strings.HasSuffix(name, reasonSuffix) {
			found = append(found, s.reason(name))
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, s.trouble("list", rejectedDir, err)
	}
	slices.SortFunc(found, func(a, b Reason) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(found, func(a, b Reason) bool { return a.Name == b.Name }), nil
}

// reason returns what is recorded of a file in rejected/. The directory knows
// its name best: JSON cannot hold every name.
func (s *Store) reason(name string) Reason {
	reason, ok := s.readReason(name)
	if !ok {
		reason = Reason{Reason: "no reason is recorded"}
	}
	reason.Name = name
	return reason
}

func (s *Store) readReason(name string) (reason Reason, ok bool) {
	text, err := s.readFile(rejectedDir+"/"+name+reasonSuffix, maxState)
	return reason, err == nil && json.Unmarshal(text, &reason) == nil
}

// CleanRejected removes reasons without their file, which a kill in the middle
// of SetAside or Retry leaves; the uploader's start, before it sets anything
// aside. The grabber's are left alone, and so is what is no reason of ours.
func (s *Store) CleanRejected() error {
	s.ship.aside.Lock()
	defer s.ship.aside.Unlock()
	var lonely []string
	err := s.eachName(rejectedDir, func(entry fs.DirEntry) error {
		name, ok := strings.CutSuffix(entry.Name(), reasonSuffix)
		if !ok || !isElement(name) || strings.HasSuffix(name, damagedSuffix) || !entry.Type().IsRegular() {
			return nil
		}
		_, err := s.fs.Lstat(rejectedDir + "/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			lonely, err = append(lonely, name), nil
		}
		return err
	})
	for _, name := range lonely {
		reason, ok := s.readReason(name)
		if err != nil || !ok || reason.Name != strings.ToValidUTF8(name, "\uFFFD") {
			continue
		}
		err = s.fs.Remove(rejectedDir + "/" + name + reasonSuffix)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // somebody's Retry did
		}
	}
	return s.trouble("clean", rejectedDir, err)
}
