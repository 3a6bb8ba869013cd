package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of so many bytes, or skips.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk to fill")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("cannot mount a small disk to fill: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// A disk that really fills up: capture pauses with a sentence that says why,
// goes on when there is room, and nothing is torn or there twice.
func TestRealFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "4m")
	s, err := Open(Config{Dir: filepath.Join(dir, "store"), Prefix: capturePrefix, WorkingName: "grabber.dat", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // unmounted anyhow
	finished := make(chan string, 100)
	w, err := s.NewWriter(WriterConfig{CutBytes: 256 << 10, SyncInterval: time.Millisecond, Finished: func(name string, _ int64) { finished <- name }})
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(`{"text":"` + strings.Repeat("x", 9000) + "\"}\n")
	batch := bytes.Repeat(line, 7)
	var written int
	fill := func() {
		for {
			n, err := w.Append(batch)
			written += n
			var full *FullError
			if errors.As(err, &full) {
				if !errors.Is(err, unix.ENOSPC) && !strings.Contains(err.Error(), "are free") {
					t.Errorf("full disk: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Room(); err != nil { // as every second: it makes the reserve
		t.Fatal(err)
	}
	fill()
	if written < 3<<20 {
		t.Fatalf("the disk was full after %d bytes", written)
	}
	err = w.Room()
	if !isFull(err) || !strings.Contains(err.Error(), "capture goes on at 2.0 MiB") {
		t.Errorf("Room on a full disk: %v", err)
	}
	if n, err := w.Append(batch); n != 0 || !isFull(err) {
		t.Errorf("Append on a full disk: %d, %v", n, err)
	}
	shipped := 0
	for range 9 { // 2.25 MiB
		var name string
		select {
		case name = <-finished:
		case <-time.After(30 * time.Second):
			t.Fatal("the full files are not finished")
		}
		text, err := os.ReadFile(filepath.Join(s.Dir(), name))
		if err != nil {
			t.Fatal(err)
		}
		shipped += len(text)
		if err := os.Remove(filepath.Join(s.Dir(), name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Room(); err != nil {
		t.Errorf("Room when there is some: %v", err)
	}
	fill()
	if err := w.Close(t.Context()); err != nil {
		var unfinished *UnfinishedError
		if !errors.As(err, &unfinished) {
			t.Errorf("Close: %v", err)
		}
	}
	kept := 0
	names, err := filepath.Glob(filepath.Join(s.Dir(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // a directory
		}
		kept += len(text)
		if bytes.Count(text, line)*len(line) != len(text) {
			t.Errorf("%s holds something else than whole lines", name)
		}
	}
	if shipped+kept != written {
		t.Errorf("%d bytes were taken, %d are there", written, shipped+kept)
	}
}
