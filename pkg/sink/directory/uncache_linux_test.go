package directory

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// cached reports whether a file's first page is in memory, or skips where that
// cannot be told.
func cached(t *testing.T, f *os.File) bool {
	t.Helper()
	_, err := unix.Preadv2(int(f.Fd()), [][]byte{make([]byte, 1)}, 0, unix.RWF_NOWAIT)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case err != nil:
		t.Skipf("this file system does not tell what is cached: %v", err)
	}
	return true
}

// What was just written, synced or not, is read back from the disk.
func TestReadsFromTheDisk(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil || st.Type == unix.TMPFS_MAGIC {
		t.Skipf("no disk behind %s (%v)", path, err)
	}
	want := bytes.Repeat([]byte("content"), 1<<18)
	if err := os.WriteFile(filepath.Join(path, "object-1"), want, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Open(filepath.Join(path, "object-1"))
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if !cached(t, before) {
		t.Skip("what was just written is not cached here")
	}
	dir, err := openFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for range 10 { // it is advice: others may hold a page for a moment
		f, err := dir.Open("object-1")
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close() // only read
		if !cached(t, before) {
			return
		}
	}
	t.Error("the page cache still holds what is to be read from the disk")
}
