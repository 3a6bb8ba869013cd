package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestRotationAndLongLines(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := open(t, config(dir, &buffer{}))
	log.Info(strings.Repeat("x", 3<<20)) // larger than a whole file, which the rotating writer refuses
	long := strings.Repeat("y", maxLine/2)
	for range 5 * (1 << 20) / len(long) {
		log.Info(long)
	}
	names := func() []string {
		found, _ := filepath.Glob(filepath.Join(dir, "grabber*.log"))
		return found
	}
	eventually(t, "old files are removed", func() bool { return len(names()) == 3 })
	for _, name := range names() {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 1<<20 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want at most 1 MiB and mode 0600", name, info, err)
		}
	}
}

func TestOversizeEntryKeepsItsBeginning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := open(t, config(dir, &buffer{}))
	log.WithField("body", strings.Repeat("z", maxLine)).Info("a long one")
	if got := read(t, dir, "grabber.log"); !strings.Contains(got, `"cut":`) || !strings.Contains(got, "a long one") || len(got) > 1000 {
		t.Errorf("the file holds %d bytes: %.200q", len(got), got)
	}
}

func TestTornLineStaysALineOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := open(t, config(dir, &buffer{}))
	log.Info("one")
	path := filepath.Join(dir, "grabber.log")
	if err := os.Truncate(path, int64(len(read(t, dir, "grabber.log"))/2)); err != nil {
		t.Fatal(err)
	}
	log.outputs.file.torn = true // as after the short write of a full disk
	log.Info("two")
	log.Info("three")
	lines := strings.Split(strings.TrimSuffix(read(t, dir, "grabber.log"), "\n"), "\n")
	if len(lines) != 3 || !json.Valid([]byte(lines[1])) || !json.Valid([]byte(lines[2])) {
		t.Errorf("lines %q, want the torn one and two whole ones", lines)
	}
}

func TestErrorLogIsRotatedByTheDaemonAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := bytes.Repeat([]byte("e\n"), 1<<19)
	path := filepath.Join(dir, "error.log")
	rotated := func() []string {
		found, _ := filepath.Glob(filepath.Join(dir, "error-*.log"))
		return found
	}
	for i := range 4 {
		if err := os.WriteFile(path, big, 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, config(dir, &buffer{})).Info("the grabber leaves it alone")
		if got := len(rotated()); got != min(i, 2) {
			t.Fatalf("after the grabber: %d rotated files, want %d", got, min(i, 2))
		}
		cfg := config(dir, &buffer{})
		cfg.Component, cfg.RotateErrors = fmt.Sprintf("daemon%d", i), true
		daemon := open(t, cfg)
		if daemon.outputs.stop == nil {
			t.Error("a daemon with nothing to say does not look at error.log")
		}
		daemon.Error("the daemon rotates it")
		if got := len(rotated()); got != min(i+1, 2) {
			t.Fatalf("after the daemon: %d rotated files, want %d", got, min(i+1, 2))
		}
	}
}

// The others may write errors while the daemon has nothing to say.
func TestErrorLogIsRotatedByASilentDaemon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := config(dir, nil)
		cfg.RotateErrors = true
		o := &outputs{errors: newErrorLog(cfg)} // without a file, whose writer never ends
		o.watchErrors()
		for want := 1; want <= 2; want++ {
			if err := os.WriteFile(filepath.Join(dir, "error.log"), bytes.Repeat([]byte("e\n"), 1<<19), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2*rotateEvery + time.Second)
			if found, _ := filepath.Glob(filepath.Join(dir, "error-*.log")); len(found) != want {
				t.Errorf("%d rotated files after %v of silence, want %d", len(found), 2*rotateEvery, want)
			}
		}
		if err := errors.Join(o.close(), o.close()); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorLogSharedByProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var group sync.WaitGroup
	for _, component := range []string{"daemon", "grabber", "uploader"} {
		cfg := config(dir, &buffer{})
		cfg.Component = component
		log := open(t, cfg)
		group.Go(func() {
			for range 100 {
				log.Error(strings.Repeat(component, 50))
			}
		})
	}
	group.Wait()
	text := read(t, dir, "error.log")
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("torn line %q", line)
		}
	}
	if got := strings.Count(text, "\n"); got != 300 {
		t.Errorf("%d lines, want 300", got)
	}
}
