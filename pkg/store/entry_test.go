package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func mustOpenEntry(t testing.TB, s *Store, name string) *Entry {
	t.Helper()
	e, err := s.OpenEntry(name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestOpenEntry(t *testing.T) {
	t.Parallel()
	s := shipStore(t, nil)
	in := func(name string) string { return filepath.Join(s.Dir(), name) }
	for _, err := range []error{
		os.WriteFile(in("tw-a"), []byte("content"), 0o600),
		os.WriteFile(in("grabber.dat"), []byte("working"), 0o600),
		os.WriteFile(in("other"), []byte("mine"), 0o600),
		os.WriteFile(in(".tw-a"), []byte("being finished"), 0o600),
		os.WriteFile(filepath.Join(filepath.Dir(s.Dir()), "outside"), nil, 0o600),
		os.Mkdir(in("tw-dir"), 0o700),
		os.Symlink("tw-a", in("tw-link")),
		os.Symlink("../outside", in("tw-out")),
		os.Symlink("tw-none", in("tw-dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	makeFIFO(t, in("tw-fifo"))
	e := mustOpenEntry(t, s, "tw-a")
	text, err := io.ReadAll(io.NewSectionReader(e, 0, e.Size))
	if string(text) != "content" || err != nil || e.Name != "tw-a" || time.Since(e.ModTime) > time.Hour {
		t.Errorf("got %q, %v, %+v", text, err, e)
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Errorf("close twice: %v", err)
	}
	for name, want := range map[string]error{
		"tw-dir": ErrNotRegular, "tw-link": ErrNotRegular, "tw-out": ErrNotRegular, "tw-dangling": ErrNotRegular,
		"tw-fifo": ErrNotRegular, "tw-none": fs.ErrNotExist,
		"": nil, ".": nil, "..": nil, "../outside": nil, "tw-dir/../tw-a": nil, "/etc/passwd": nil, "tw-a\x00": nil, ".state": nil,
		"grabber.dat": nil, "other": nil, ".tw-a": nil,
	} {
		if _, err := os.Lstat(in("tw-fifo")); err != nil && name == "tw-fifo" {
			continue // a system without
		}
		e, err := s.OpenEntry(name)
		if err == nil || want != nil && !errors.Is(err, want) || errors.As(err, new(*Error)) {
			t.Errorf("open %q: got %v, %v; want %v about the file", name, e, err, want)
		}
	}
	if os.Geteuid() > 0 {
		if err := os.Chmod(in("tw-a"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenEntry("tw-a"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("unreadable: got %v", err)
		}
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(path string) error
		want   error
		gone   bool
	}{
		{"unchanged", func(string) error { return nil }, nil, true},
		{"gone already", os.Remove, nil, true},
		{"longer", func(p string) error { return os.WriteFile(p, []byte("content and more"), 0o600) }, ErrChanged, false},
		{"another modification time", func(p string) error { return os.Chtimes(p, time.Time{}, time.Unix(1, 0)) }, ErrChanged, false},
		{"another file, alike", func(p string) error {
			info, err := os.Stat(p)
			return errors.Join(err, os.WriteFile(p+"2", []byte("content"), 0o600), os.Chtimes(p+"2", time.Time{}, info.ModTime()), os.Rename(p+"2", p))
		}, ErrChanged, false},
		{"a link to it", func(p string) error { return errors.Join(os.Rename(p, p+"2"), os.Symlink("tw-a2", p)) }, ErrChanged, false},
		{"a directory", func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }, ErrChanged, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := shipStore(t, nil)
			path := filepath.Join(s.Dir(), "tw-a")
			if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
				t.Fatal(err)
			}
			e := mustOpenEntry(t, s, "tw-a")
			if err := test.change(path); err != nil {
				t.Fatal(err)
			}
			if err := s.Remove(e); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) != test.gone {
				t.Errorf("gone: want %v, lstat says %v", test.gone, err)
			}
		})
	}
}

// A file that may not be touched is one file's trouble, unless no name in the
// store may be.
func TestFileThatMayNotBeRemoved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		probe error // of making a file beside it
		fatal bool
	}{{"immutable", nil, false}, {"immutable, disk full", syscall.ENOSPC, false}, {"read-only store", syscall.EROFS, true}, {"store of another user", syscall.EACCES, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMemFS()
			s := shipStore(t, m)
			m.put(ownName(1), "x")
			m.put(ownName(2), "x")
			m.fail = func(op memOp) error {
				switch {
				case op.op == "remove" && op.name == ownName(1), op.op == "rename" && strings.HasPrefix(op.name, ownName(1)+" "):
					return syscall.EPERM
				case strings.HasPrefix(op.name, besideName):
					return tt.probe
				}
				return nil
			}
			_, aside := s.SetAside(ownName(1), Reason{})
			for what, err := range map[string]error{"remove": s.Remove(mustOpenEntry(t, s, ownName(1))), "set aside": aside} {
				if !errors.Is(err, fs.ErrPermission) || errors.As(err, new(*Error)) != tt.fatal {
					t.Errorf("%s: got %v, want a permission error, about the store: %v", what, err, tt.fatal)
				}
			}
			if err := s.Remove(mustOpenEntry(t, s, ownName(2))); err != nil {
				t.Errorf("the next file: %v", err)
			}
			if got := fmt.Sprint(m.names("."), m.names(rejectedDir)); got != "[.state ledger rejected "+ownName(1)+"] []" {
				t.Errorf("the store holds %s", got)
			}
		})
	}
}

func TestRemovalsAreSynced(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	syncs := func() (n int) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, op := range m.log {
			if op.op == "syncdir" && op.name == "." {
				n++
			}
		}
		return n
	}
	before := syncs()
	for i := range 2*maxPendingRemovals + 1 {
		m.put(ownName(i), "x")
		if err := s.Remove(mustOpenEntry(t, s, ownName(i))); err != nil {
			t.Fatal(err)
		}
	}
	if got := syncs() - before; got != 2 {
		t.Errorf("%d removals: the directory was synced %d times, want 2", 2*maxPendingRemovals+1, got)
	}
	m.failAt(1, syscall.EIO)
	if err := s.SyncRemovals(); !errors.As(err, new(*Error)) {
		t.Errorf("a failed fsync: got %v", err)
	}
	for range 2 {
		if err := s.SyncRemovals(); err != nil {
			t.Error(err)
		}
	}
	if got := syncs() - before; got != 4 { // the failed one, and one more
		t.Errorf("synced %d times in the end, want 4: nothing is pending after it worked", got)
	}
	if got := m.powerCut(namesLost, contentLost).names("."); len(got) != 3 {
		t.Errorf("after a power cut the store holds %q", got)
	}
}

// A reserve that was given up comes back when a removal has made room.
func TestRemoveRefillsReserve(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	l := shipLedger(t, s, LedgerConfig{Reserve: true})
	m.put(ownName(1), strings.Repeat("x", 1<<20))
	m.capacity = m.root.size()
	mustAppend(t, l, receipt(ownName(1), ByWatch))
	if got := fmt.Sprint(m.names(stateDir)); strings.Contains(got, "reserve") {
		t.Fatalf(".state holds %s: the reserve was not needed?", got)
	}
	if err := s.Remove(mustOpenEntry(t, s, ownName(1))); err != nil {
		t.Fatal(err)
	}
	if got := len(m.read(t, reserveName)); got != reserveBytes {
		t.Errorf("the reserve has %d bytes, want %d", got, reserveBytes)
	}
}
