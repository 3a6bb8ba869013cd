package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// CapturedMonths tells which months' files of the captured book there are, by
// their names' part such as 2026-11.
func (s *Store) CapturedMonths() (map[string]bool, error) {
	months := map[string]bool{}
	b := s.newCapturedBook()
	paths, err := b.files()
	if errors.Is(err, fs.ErrNotExist) {
		return months, nil
	}
	skip := len(b.dir) + 1 + len(b.prefix)
	for _, path := range paths {
		months[path[skip:skip+len(monthLayout)]] = true
	}
	return months, err
}

// RestoredMonth is a month's file of the captured book that is being made
// again from a copy. The process that makes it holds RoleGrabber.
type RestoredMonth struct {
	store *Store
	temp  string
	path  string
	f     file
}

// RestoreMonth begins a month's file that is not there, such as 2026-11's.
func (s *Store) RestoreMonth(month string) (*RestoredMonth, error) {
	b := s.newCapturedBook()
	name := b.prefix + month + b.extension
	if !b.owns(name) {
		return nil, fmt.Errorf("restore the captured book of %.20q: not a month", month)
	}
	m := &RestoredMonth{store: s, path: b.dir + "/" + name, temp: tempName(stateDir + "/" + name)}
	f, err := s.fs.OpenFile(m.temp, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return nil, s.trouble("create", m.temp, err)
	}
	m.f = f
	return m, nil
}

// Add adds whole lines.
func (m *RestoredMonth) Add(lines []byte) error {
	return m.store.trouble("write", m.temp, writeAll(m.f, lines))
}

// Commit gives the file its name, durably: fsync, a rename that replaces
// nothing, fsync of the directory. Killed before the rename, the month is still
// not there and can be restored again.
func (m *RestoredMonth) Commit() error {
	s := m.store
	err := m.f.Sync()
	if closeErr := m.f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = s.fs.RenameNoReplace(m.temp, m.path)
	}
	if err != nil {
		_ = s.fs.Remove(m.temp) // else the next start does
		return s.trouble("restore", m.path, err)
	}
	return s.trouble("fsync", ledgerDir, s.fs.SyncDir(ledgerDir))
}

// Abandon removes what has been written.
func (m *RestoredMonth) Abandon() {
	_ = m.f.Close() // it goes
	_ = m.store.fs.Remove(m.temp)
}
