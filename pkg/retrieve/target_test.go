//go:build unix

package retrieve

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// With --dedupe nobody looks at a name before it is taken.
func TestPipeHasTheName(t *testing.T) {
	w := newWorld(t)
	d, path := w.directory()
	if err := syscall.Mkfifo(path+"/"+named(1), 0o600); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(path+"/"+named(1), os.O_RDWR, 0) // who has it open and writes nothing
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close() //nolint:errcheck // nothing was written
	got, err := d.temps().make()
	if err != nil {
		t.Fatal(err)
	}
	defer got.remove()
	done := make(chan error, 1)
	go func() {
		_, err := d.take(got, named(1), measure{sum: sum([]byte("x"))})
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a pipe was taken for the file")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for somebody to write into the pipe")
	}
}
