package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// openTemp opens a new store of the operating system.
func openTemp(t testing.TB) *Store {
	t.Helper()
	s, err := Open(Config{Dir: filepath.Join(t.TempDir(), "store"), Prefix: capturePrefix, WorkingName: "grabber.dat", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

func newWriter(t testing.TB, s *Store, cfg WriterConfig) *Writer {
	t.Helper()
	w, err := s.NewWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil && !t.Failed() {
			var gone *Error
			if !errors.As(err, &gone) {
				t.Errorf("close writer: %v", err)
			}
		}
	})
	return w
}

// appendAll appends lines as often as it takes.
func appendAll(t testing.TB, w *Writer, lines []byte) {
	t.Helper()
	for len(lines) > 0 {
		taken, err := w.Append(lines)
		if err != nil {
			t.Fatal(err)
		}
		if taken == 0 || lines[taken-1] != '\n' {
			t.Fatalf("Append took %d bytes, not whole lines", taken)
		}
		lines = lines[taken:]
	}
}

// Invariants 1 and 7 with real messages on a real disk: what comes out of the
// finished files is what went in, byte for byte; files are whole lines, no
// larger than they may be and, but for the last, no smaller than need be.
func TestInvariant1(t *testing.T) {
	t.Parallel()
	data := testData(t, "tweets-v11.jsonl")
	s := openTemp(t)
	var mu sync.Mutex
	var told []string
	const limit = 256 << 10
	w := newWriter(t, s, WriterConfig{CutBytes: limit, SyncInterval: 50 * time.Millisecond, Finished: func(name string, bytes int64) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, fmt.Sprint(name, " ", bytes))
	}})
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+rand.IntN(300<<10))
		if i := bytes.IndexByte(rest[n-1:], '\n'); i >= 0 {
			n += i
		}
		appendAll(t, w, rest[:n])
		rest = rest[n:]
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(s.Dir(), capturePrefix+"*"))
	if err != nil || len(names) < len(data)/limit {
		t.Fatalf("%d files, %v", len(names), err)
	}
	var all, want []byte
	var listed []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > limit || text[len(text)-1] != '\n' || bytes.Contains(text, []byte("\n\n")) {
			t.Errorf("%s has %d bytes (at most %d), ends in %q", name, len(text), limit, text[len(text)-1])
		}
		all = append(all, text...)
		listed = append(listed, fmt.Sprint(filepath.Base(name), " ", len(text)))
	}
	if want = data; !bytes.Equal(all, want) {
		t.Errorf("%d bytes came out of %d, or in another order", len(all), len(want))
	}
	if !slices.Equal(told, listed) {
		t.Errorf("Finished told %q, the store holds %q", told, listed)
	}
	for _, name := range append(names, s.Dir()) {
		info, err := os.Lstat(name)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, %v: nobody else may read it", name, info.Mode(), err)
		}
	}
}

// Invariant 7: a file is at most CutBytes, unless one message alone is larger.
func TestInvariant7(t *testing.T) {
	t.Parallel()
	line := func(n int) string { return `"` + strings.Repeat("x", n-3) + "\"\n" }
	for _, tt := range []struct {
		name string
		in   []string // an Append each
		want []int    // sizes of files
	}{
		{"fits exactly", []string{line(50) + line(50)}, []int{100}},
		{"one byte too many", []string{line(50) + line(51)}, []int{50, 51}},
		{"second batch too large", []string{line(60), line(41)}, []int{60, 41}},
		{"second batch in part", []string{line(60), line(40) + line(10)}, []int{100, 10}},
		{"one line too large", []string{line(500)}, []int{500}},
		{"too large between", []string{line(10) + line(500) + line(10) + line(20)}, []int{10, 500, 30}},
		{"two too large", []string{line(101) + line(102)}, []int{101, 102}},
		{"many", []string{strings.Repeat(line(30), 10)}, []int{90, 90, 90, 30}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCapture(newMemFS())
			c.cfg.CutBytes = 100
			w, err := c.writer()
			if err != nil {
				t.Fatal(err)
			}
			for _, lines := range tt.in {
				appendAll(t, w, []byte(lines))
			}
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, name := range c.finished {
				got = append(got, len(c.content[name]))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: files of %v bytes, want %v", tt.name, got, tt.want)
			}
		})
	}
}

// A working file that nothing more comes for is cut all the same.
func TestCutInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.add(w, 1); err != nil {
			t.Fatal(err)
		}
		for i := range 120 {
			if err := w.Tick(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got, want := len(c.finished), i/60; got != want && i%60 > 0 {
				t.Fatalf("%d files finished after %d s, want %d", got, i, want)
			}
			time.Sleep(time.Second)
			if i == 60 {
				if len(c.m.names(".")) != 4 { // .state, ledger, rejected, the file: no empty working file
					t.Errorf("store holds %q", c.m.names("."))
				}
			}
		}
		if err := w.Close(t.Context()); err != nil || len(c.finished) != 1 {
			t.Errorf("closed: %v, finished %q", err, c.finished)
		}
	})
}

// An fsync of half a second holds up no Append; one that takes longer than
// SyncInterval does, and says so as a step that may take long.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fsync   time.Duration
		longest time.Duration
	}{
		{0, 0}, {400 * time.Millisecond, 0}, {4 * time.Second, 9 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCapture(newMemFS())
			c.cfg.CutBytes = 1 << 20
			var mu sync.Mutex
			steps := map[string]int{}
			waits := 0
			c.cfg.Busy = func(stage string, limit time.Duration) func() {
				mu.Lock()
				defer mu.Unlock()
				if limit != 5*time.Minute {
					t.Errorf("%s says it may take %v", stage, limit)
				}
				steps[stage]++
				waits++
				begin := time.Now()
				return func() {
					mu.Lock()
					defer mu.Unlock()
					steps[stage]--
					if time.Since(begin) > limit {
						t.Errorf("a step of %s took %v", stage, time.Since(begin))
					}
				}
			}
			w, err := c.writer()
			if err != nil {
				t.Fatal(err)
			}
			c.m.syncDelay = tt.fsync
			var longest time.Duration
			for range 2000 {
				begin := time.Now()
				if err := c.add(w, 1); err != nil {
					t.Fatal(err)
				}
				longest = max(longest, time.Since(begin))
				time.Sleep(10 * time.Millisecond)
			}
			if longest > tt.longest || tt.longest > 0 && longest == 0 {
				t.Errorf("fsync takes %v: an Append took %v, want at most %v", tt.fsync, longest, tt.longest)
			}
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if steps[stageWrite] != 0 || steps[stageFinish] != 0 || waits == 0 {
				t.Errorf("steps that never ended: %v (of %d)", steps, waits)
			}
		})
	}
}

// While the disk hangs, capture is held up before too many files are on their
// way; Hurry lets it go on; Close gives up when its time is over, and what it
// leaves is recovered.
func TestDiskHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		c.cfg.CutBytes, c.cfg.SyncInterval = 10, time.Hour
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // no recovery
		c.m.syncDelay = time.Hour
		added := make(chan error)
		go func() { added <- c.add(w, 50) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		select {
		case err := <-added:
			t.Fatalf("50 files are on their way to a disk that hangs (%v)", err)
		default:
		}
		if n := len(c.m.names(".")); n > maxUnsynced+5 {
			t.Errorf("%d names in the store", n)
		}
		w.Hurry()
		if err := <-added; err != nil {
			t.Errorf("hurried: %v", err)
		}
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		err = w.Close(ctx)
		var unfinished *UnfinishedError
		if !errors.As(err, &unfinished) || len(unfinished.Names) != 50 || !errors.Is(err, context.DeadlineExceeded) || exitcode.Of(err) != exitcode.Done {
			t.Errorf("Close: %v, exit %d", err, exitcode.Of(err))
		}
		if took := time.Since(begin); took != 8*time.Second {
			t.Errorf("Close took %v", took)
		}
		if again := w.Close(t.Context()); again != err {
			t.Errorf("Close again: %v", again)
		}
		if _, err := w.Append([]byte("{}\n")); exitcode.Of(err) != exitcode.Store {
			t.Errorf("Append after Close: %v", err)
		}
		time.Sleep(3 * time.Hour)
		next := c.m.restart()
		next.syncDelay = 0
		recovered(t, next)
		if found := where(t, next); len(found) != 50 {
			t.Errorf("%d messages after recovery, want 50", len(found))
		}
	})
}

// What Append refuses changes nothing.
func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	w := newWriter(t, openTemp(t), WriterConfig{CutBytes: 100, SyncInterval: time.Second})
	if n, err := w.Append([]byte("{}\n{}")); n != 0 || err == nil {
		t.Errorf("a line without an end: %d, %v", n, err)
	}
	if n, err := w.Append(nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	if _, err := openTemp(t).NewWriter(WriterConfig{}); err == nil {
		t.Error("a writer of files of 0 bytes")
	}
}

// The capture path allocates nothing a message.
func TestAppendAllocatesNothing(t *testing.T) {
	s := openTemp(t)
	w := newWriter(t, s, WriterConfig{CutBytes: 1 << 30, SyncInterval: time.Hour, MinFree: 1})
	line := []byte(message(1) + "\n")
	appendAll(t, w, line)
	if got := testing.AllocsPerRun(1000, func() {
		if n, err := w.Append(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}); got != 0 {
		t.Errorf("%v allocations a message", got)
	}
}

// A write that is cut short is undone before anything else is written: its
// whole lines would else be there twice.
func TestShortWriteIsUndone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		c.cfg.CutBytes = 1 << 20
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.add(w, 3); err != nil {
			t.Fatal(err)
		}
		before := c.m.read(t, "grabber.dat")
		c.m.capacity = c.m.root.size() + 70 // two lines and a half
		refuse := true
		c.m.fail = func(op memOp) error { // and a full disk may refuse even to make a file shorter
			if refuse && op.op == "truncate" {
				return syscall.ENOSPC
			}
			return nil
		}
		lines := []byte(strings.Repeat(message(c.next)+"\n", 4))
		for range 3 {
			n, err := w.Append(lines)
			var full *FullError
			if n != 0 || !errors.As(err, &full) || !errors.Is(err, syscall.ENOSPC) && full.Err != nil {
				t.Fatalf("full disk: %d, %v", n, err)
			}
			if err := w.Room(); !errors.As(err, &full) {
				t.Errorf("Room on a full disk: %v", err)
			}
		}
		refuse = false
		c.m.capacity = 0
		if err := w.Room(); err != nil {
			t.Errorf("Room when there is some: %v", err)
		}
		if err := c.add(w, 2); err != nil {
			t.Fatal(err)
		}
		if got, want := c.m.read(t, "grabber.dat"), before+message(1003)+"\n"+message(1004)+"\n"; got != want {
			t.Errorf("working file holds %q, want %q", got, want)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
