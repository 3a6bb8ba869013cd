package store

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// store_min_free: capture pauses with the figures, and goes on by itself.
func TestMinFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		c.cfg.MinFree = 10 << 20
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Room(); err != nil {
			t.Errorf("Room: %v", err)
		}
		c.m.capacity = c.m.root.size() + 9<<20
		err = w.Room()
		if want := "the disk of store /mem is full: 9.0 MiB are free, capture goes on at 10.0 MiB"; !isFull(err) || err.Error() != want {
			t.Errorf("Room = %v, want %q", err, want)
		}
		c.m.capacity = c.m.root.size() + 11<<20
		if err := w.Room(); err != nil {
			t.Errorf("Room: %v", err)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// store_max: what is appended counts at once, what is removed with the next
// look, and a pause ends by itself.
func TestMaxStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		c.m.put("rejected/x", strings.Repeat("x", 3000))
		c.m.put("p-foreign", strings.Repeat("x", 5000))
		c.cfg.MaxStore = 8100 // and the version
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		room := func() error {
			_ = w.Room() // the first look only sends somebody to look
			synctest.Wait()
			return w.Room()
		}
		if err := room(); err != nil {
			t.Errorf("Room: %v", err)
		}
		if err := c.add(w, 4); err != nil {
			t.Fatal(err)
		}
		err = w.Room()
		if !isFull(err) || !strings.Contains(err.Error(), "more than store_max") {
			t.Errorf("Room of a store that is too large: %v", err)
		}
		if err := c.m.Remove("p-foreign"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * usageEvery)
		if err := room(); err != nil {
			t.Errorf("Room after a removal: %v", err)
		}
		if got, want := w.usage.bytes(), int64(3000+4*len(message(1000)+"\n")); got != want {
			t.Errorf("usage is %d bytes, want %d", got, want)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Asked to stop, what is in memory goes into whatever room there is: neither
// store_min_free nor the 2 MiB after a full disk are kept free any more.
func TestHurryTakesTheLastRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(oldStore())
		c.cfg.CutBytes, c.cfg.MinFree = 1<<20, 64<<20
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.add(w, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // no recovery
		line := []byte(message(c.next) + "\n")
		c.m.capacity = c.m.root.size() + int64(len(line)) - 1
		if n, err := w.Append(line); n != 0 || !isFull(err) {
			t.Errorf("Append on a full disk: %d, %v", n, err)
		}
		c.m.capacity += 3 * int64(len(line))
		if n, err := w.Append(line); n != 0 || !isFull(err) {
			t.Errorf("Append on a disk that was full: %d, %v", n, err)
		}
		w.Hurry()
		if err := w.Room(); err != nil {
			t.Errorf("hurried: Room: %v", err)
		}
		for range 3 {
			if n, err := w.Append(line); n != len(line) || err != nil {
				t.Errorf("hurried: %d, %v", n, err)
			}
		}
		if n, err := w.Append(line); n != 0 || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("hurried, on a full disk: %d, %v", n, err)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got, want := c.content[c.finished[len(c.finished)-1]], message(1000)+"\n"+strings.Repeat(string(line), 3); got != want {
			t.Errorf("finished %q, want %q", got, want)
		}
	})
}

func TestSize(t *testing.T) {
	t.Parallel()
	for in, want := range map[int64]string{0: "0 KiB", 1 << 10: "1 KiB", 3 << 19: "1.5 MiB", 5 << 30: "5.0 GiB"} {
		if got := size(in); got != want {
			t.Errorf("size(%d) = %q, want %q", in, got, want)
		}
	}
}
