//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func openTempOS(t *testing.T) (*osFS, string) {
	t.Helper()
	dir := t.TempDir()
	o, err := openOS(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o, dir
}

// A link is never followed and never written through, a FIFO never blocks, and
// no name leads out of the store.
func TestOpenFileFollowsNothing(t *testing.T) {
	t.Parallel()
	o, dir := openTempOS(t)
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
		f, err := o.OpenFile(tt.name, tt.flag, 0o600)
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
	if d, err := o.OpenDir("fifo"); err == nil {
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
	o, dir := openTempOS(t)
	for name, rename := range map[string]func(a, b string) error{"system": o.RenameNoReplace, "look and rename": o.lookAndRename} {
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
	if err := o.RenameNoReplace("b", "../b"); err == nil {
		t.Error("renamed out of the store")
	}
}

func TestFreeBytes(t *testing.T) {
	t.Parallel()
	o, _ := openTempOS(t)
	if free, err := o.Free(); err != nil || free <= 0 {
		t.Errorf("Free = %d, %v", free, err)
	}
	if err := o.SyncDir("."); err != nil {
		t.Error(err)
	}
}
