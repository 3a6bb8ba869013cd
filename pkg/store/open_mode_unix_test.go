//go:build unix

package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What becomes a store is closed to others; what is one stays as a person has
// made it since.
func TestOpenClosesToOthers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		mode    fs.FileMode // of the directory that is there
		want    fs.FileMode
		notices int
	}{
		{"the original's", 0o755, 0o700, 0},
		{"anybody's", 0o777, 0o700, 0},
		{"closed", 0o700, 0o700, 0},
		{"shared on purpose", fs.ModeSticky | 0o777, fs.ModeSticky | 0o777, 1},
	} {
		dir := filepath.Join(t.TempDir(), "store")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, tt.mode)); err != nil {
			t.Fatal(err)
		}
		var notices []string
		cfg := Config{Dir: dir, Prefix: capturePrefix, WorkingName: "grabber.dat", Create: true,
			Notice: func(file, sentence string) { notices = append(notices, file+": "+sentence) }}
		modeAfterOpen := func() fs.FileMode {
			s, err := Open(cfg)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			_ = s.Close() // only opened
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			return info.Mode() &^ fs.ModeDir
		}
		if got := modeAfterOpen(); got != tt.want || len(notices) != tt.notices {
			t.Errorf("%s: mode %v became %v, want %v; notices %q, want %d", tt.name, tt.mode, got, tt.want, notices, tt.notices)
		}
		if err := os.Chmod(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if got := modeAfterOpen(); got != 0o750 {
			t.Errorf("%s: a store of mode 0750 became %v", tt.name, got)
		}
	}
}

// A directory of somebody else's is used, but it is said that others may look.
func TestOpenSaysThatOthersMayLook(t *testing.T) {
	t.Parallel()
	c := newCapture(newMemFS())
	c.m.root.mode = fs.ModeDir | 0o755
	c.m.fail = func(op memOp) error {
		if op.op == "chmod" {
			return syscall.EPERM
		}
		return nil
	}
	if _, err := c.open(); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(c.notices, "\n"); len(c.notices) != 1 || !strings.Contains(said, "/mem: ") || !strings.Contains(said, "operation not permitted") {
		t.Errorf("notices %q", c.notices)
	}
	if _, err := c.open(); err != nil || len(c.notices) != 1 {
		t.Errorf("again: %v, notices %q", err, c.notices)
	}
}
