//go:build unix

package dirfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func openTemp(t *testing.T) (*Dir, string) {
	t.Helper()
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, dir
}

// A link is never followed and never written through, a FIFO never blocks, and
// no name leads out of the directory.
func TestOpenFileFollowsNothing(t *testing.T) {
	t.Parallel()
	d, dir := openTemp(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := errors.Join(
		os.WriteFile(dir+"/file", []byte("x"), 0o600),
		os.Symlink("file", dir+"/link"),
		os.Symlink("new", dir+"/dangling"),
		os.Symlink(outside, dir+"/out"),
		syscall.Mkfifo(dir+"/fifo", 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		flag int
		ok   bool
	}{
		{"file", os.O_RDONLY, true},
		{"link", os.O_RDONLY, false},
		{"link", os.O_RDWR | os.O_CREATE, false},
		{"dangling", os.O_RDWR | os.O_CREATE, false},
		{"out", os.O_RDWR | os.O_CREATE, false},
		{"fifo", os.O_RDONLY, true}, // the caller looks what it is
		{"fifo", os.O_WRONLY, false},
		{"../x", os.O_RDWR | os.O_CREATE, false},
		{outside, os.O_RDWR | os.O_CREATE, false},
	} {
		f, err := d.OpenFile(tt.name, tt.flag, 0o600)
		if (err == nil) != tt.ok {
			t.Errorf("open %s with %x: %v", tt.name, tt.flag, err)
		}
		if err == nil {
			_ = f.Close() // only opened
		}
	}
	for _, name := range []string{outside, dir + "/new"} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was made: %v", name, err)
		}
	}
	if d, err := d.OpenDir("fifo"); err == nil {
		_, err = d.ReadDir(1)
		if err == nil {
			t.Error("a FIFO was listed")
		}
		_ = d.Close() // only opened
	}
}

// A rename never replaces, by either way.
func TestRenameNoReplace(t *testing.T) {
	t.Parallel()
	d, dir := openTemp(t)
	for name, rename := range map[string]func(a, b string) error{
		"system": d.RenameNoReplace, "look and rename": d.lookAndRename, "without a lock": d.Place, "link and remove": d.linkAndRemove,
	} {
		if err := errors.Join(os.WriteFile(dir+"/a", []byte("a"), 0o600), os.WriteFile(dir+"/b", []byte("b"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := rename("a", "b"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: rename over another: %v", name, err)
		}
		if text, err := os.ReadFile(dir + "/b"); string(text) != "b" {
			t.Errorf("%s: b holds %q, %v", name, text, err)
		}
		if err := errors.Join(os.Remove(dir+"/b"), rename("a", "b")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := rename("a", "c"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: rename of nothing: %v", name, err)
		}
		if text, err := os.ReadFile(dir + "/b"); string(text) != "a" {
			t.Errorf("%s: b holds %q, %v", name, text, err)
		}
	}
	for _, rename := range []func(a, b string) error{d.RenameNoReplace, d.Place} {
		if err := rename("b", "../b"); err == nil {
			t.Error("renamed out of the directory")
		}
	}
}

func TestFreeBytes(t *testing.T) {
	t.Parallel()
	d, _ := openTemp(t)
	if free, err := d.Free(); err != nil || free <= 0 {
		t.Errorf("Free = %d, %v", free, err)
	}
	if err := d.SyncDir("."); err != nil {
		t.Error(err)
	}
}

// Whoever holds a file's lock is seen, and gone with the file.
func TestTryLock(t *testing.T) {
	t.Parallel()
	d, _ := openTemp(t)
	open := func() *os.File {
		f, err := d.OpenFile("file", os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, second := open(), open()
	defer second.Close()
	if ok, err := TryLock(first); !ok || err != nil {
		t.Fatalf("a free lock: %v, %v", ok, err)
	}
	if ok, err := TryLock(second); ok || err != nil {
		t.Errorf("a lock that another holds: %v, %v", ok, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if ok, err := TryLock(second); !ok || err != nil {
		t.Errorf("a lock whose file is closed: %v, %v", ok, err)
	}
}

// The path of an open directory may come to lead elsewhere.
func TestHere(t *testing.T) {
	t.Parallel()
	d, dir := openTemp(t)
	if err := d.Here(); err != nil {
		t.Error(err)
	}
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := d.Here(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is elsewhere: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Here(); err == nil {
		t.Error("another directory of that path was taken for the same")
	}
}

// Of many that want one name at once, one gets it, and keeps it.
func TestOneGetsTheName(t *testing.T) {
	t.Parallel()
	d, dir := openTemp(t)
	for way, place := range map[string]func(a, b string) error{"system": d.Place, "link and remove": d.linkAndRemove} {
		for round := range 50 {
			name := fmt.Sprintf("%c%d", way[0], round)
			var got atomic.Pointer[string]
			var all sync.WaitGroup
			for i := range 4 {
				temp := fmt.Sprintf("%s.temp%d", name, i)
				if err := os.WriteFile(dir+"/"+temp, []byte(temp), 0o600); err != nil {
					t.Fatal(err)
				}
				all.Go(func() {
					err := place(temp, name)
					if err == nil && !got.CompareAndSwap(nil, &temp) {
						t.Errorf("%s: two got the name %s", way, name)
					}
					if err != nil && !errors.Is(err, fs.ErrExist) {
						t.Errorf("%s: %v", way, err)
					}
				})
			}
			all.Wait()
			text, err := os.ReadFile(dir + "/" + name)
			if winner := got.Load(); winner == nil || string(text) != *winner {
				t.Errorf("%s: %s holds %q (%v), which did not get the name", way, name, text, err)
			}
		}
	}
}
