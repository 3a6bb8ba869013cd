package ledgercopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// books are in memory.
type books struct {
	mu    sync.Mutex
	files map[string]string
	hang  chan struct{} // not nil: Open waits for it
}

func (b *books) Files() (all []File, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, text := range b.files {
		all = append(all, File{name, int64(strings.LastIndexByte(text, '\n') + 1)})
	}
	return all, nil
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

func (b *books) Open(name string) (interface {
	io.ReaderAt
	io.Closer
}, error) {
	b.mu.Lock()
	hang, text := b.hang, b.files[name]
	b.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return reader{bytes.NewReader([]byte(text))}, nil
}

func (b *books) add(name, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[name] += text
}

func (b *books) stall(c chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hang = c
}

const book = "2026-11.jsonl"

// said is a log.
type said struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// begin runs a copy of books into root until the test ends.
func begin(t *testing.T, root string, b *books) (c *Copy, path string, log *said) {
	t.Helper()
	log = &said{}
	logger := logrus.New()
	logger.SetOutput(log)
	c = New(Config{Root: root, Name: "host-1", Source: b, Wait: 5 * time.Second, Every: 10 * time.Millisecond, Log: logrus.NewEntry(logger)})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return c, filepath.Join(root, "host-1", "ledger", book), log
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s still not: %s", what)
		}
	}
}

// When Appended has returned the copy has it, whole lines only, for its owner
// alone.
func TestCopies(t *testing.T) {
	t.Parallel()
	b := &books{files: map[string]string{book: "old\n", "captured-2026-11.ndjson": "x\n"}}
	c, path, _ := begin(t, t.TempDir(), b)
	want := "old\n"
	for i := range 100 {
		line := fmt.Sprintf("line %d\n", i)
		b.add(book, line)
		want += line
		c.Appended()
		if got := text(t, path); got != want {
			t.Fatalf("after append %d the copy ends with %.20q", i, got[max(0, len(got)-20):])
		}
	}
	b.add(book, "torn")
	c.Appended()
	if got := text(t, path); got != want {
		t.Errorf("the copy ends with %q", got[max(0, len(got)-20):])
	}
	if got := text(t, filepath.Join(filepath.Dir(path), "captured-2026-11.ndjson")); got != "x\n" {
		t.Errorf("the other book's copy is %q", got)
	}
	for path, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^want != 0 {
			t.Errorf("%s: %v (%v)", path, info.Mode(), err)
		}
	}
	if s := c.State(); s.Error != "" || s.Behind != 0 || s.LastGood.IsZero() {
		t.Errorf("state %+v", s)
	}
}

// A copy that is away holds nobody up, is said once, and made up for.
func TestAway(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "disk")
	b := &books{files: map[string]string{book: "a\n"}}
	c, path, log := begin(t, root, b)
	eventually(t, "it is noticed", func() bool { return c.State().Error != "" })
	began := time.Now()
	for range 50 {
		b.add(book, "line\n")
		c.Appended()
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("50 appends took %v while the copy was away", took)
	}
	if s := c.State(); !strings.Contains(s.Error, "there is no directory "+root) || s.Since.IsZero() {
		t.Errorf("state %+v", s)
	}
	eventually(t, "it is said how much it lacks", func() bool { return c.State().Behind == int64(2+50*5) })
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is made up for", func() bool { return text(t, path) == "a\n"+strings.Repeat("line\n", 50) })
	eventually(t, "it is well", func() bool { return c.State().Error == "" })
	if n := strings.Count(log.String(), "could not be copied"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log)
	}
}

// A file server that hangs holds up one append, for a bounded time.
func TestHangs(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	b := &books{files: map[string]string{book: "a\n"}}
	c := New(Config{Root: t.TempDir(), Name: "host-1", Source: b, Wait: 200 * time.Millisecond, Every: time.Millisecond, Log: logrus.NewEntry(logrus.New())})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	c.Appended()
	b.stall(hang)
	began := time.Now()
	for range 100 {
		b.add(book, "line\n")
		c.Appended()
	}
	if took := time.Since(began); took < 100*time.Millisecond || took > 10*time.Second {
		t.Errorf("100 appends took %v, want one wait", took)
	}
	eventually(t, "it is shown", func() bool { return c.State().Error != "" })
	stop()
	<-ended // though the pass still hangs
	b.stall(nil)
	close(hang)
}

// What is not the book's beginning is kept, not overwritten: it may be all that
// is left of another store.
func TestKeepsWhatIsAnother(t *testing.T) {
	t.Parallel()
	for what, there := range map[string]string{
		"another of the same length":    "b\nb\n",
		"a longer one":                  "a\na\na\na\n",
		"one torn in another way":       "a\n\x00",
		"shorter, with another content": "x\n",
	} {
		root := t.TempDir()
		path := filepath.Join(root, "host-1", "ledger", book)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(there), 0o600), os.WriteFile(path+".kept-1", []byte("older"), 0o600)); err != nil {
			t.Fatal(err)
		}
		c, _, _ := begin(t, root, &books{files: map[string]string{book: "a\na\n"}})
		c.Appended()
		if got := text(t, path); got != "a\na\n" {
			t.Errorf("%s: the copy is %q", what, got)
		}
		if got := text(t, path+".kept-2") + text(t, path+".kept-1"); got != there+"older" {
			t.Errorf("%s: kept is %q, want %q", what, got, there)
		}
	}
}

// A line that the book had to take back is not taken for the book's.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	b := &books{files: map[string]string{book: "a\nunsynced\n"}}
	c, path, _ := begin(t, t.TempDir(), b)
	c.Appended()
	b.mu.Lock()
	b.files[book] = "a\n"
	b.mu.Unlock()
	b.add(book, "b\nc\nd\ne\nf\ng\n")
	c.Appended()
	if got := text(t, path); got != "a\nb\nc\nd\ne\nf\ng\n" {
		t.Errorf("the copy is %q", got)
	}
}

// A copy that was cut off anywhere, by a kill or a power cut, is gone on with.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("0123456789abcde\n", 200_000) // three chunks
	for _, cut := range []int{0, 1, chunk - 1, chunk, chunk + 1, len(whole) - 1, len(whole)} {
		root := t.TempDir()
		path := filepath.Join(root, "host-1", "ledger", book)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(whole[:cut]), 0o600)); err != nil {
			t.Fatal(err)
		}
		b := &books{files: map[string]string{book: whole}}
		if lacks, err := Lacks(root, "host-1", b); err != nil || lacks != int64(len(whole)-cut) {
			t.Errorf("cut at %d: it lacks %d (%v)", cut, lacks, err)
		}
		c, _, _ := begin(t, root, b)
		c.Appended()
		if got := text(t, path); got != whole {
			t.Errorf("cut at %d: the copy has %d bytes, want %d", cut, len(got), len(whole))
		}
		if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
			t.Errorf("cut at %d: %v (%v)", cut, names, err)
		}
	}
}

// Several processes copy the same books at once.
func TestTwoCopies(t *testing.T) {
	t.Parallel()
	root, b := t.TempDir(), &books{files: map[string]string{}}
	x, path, _ := begin(t, root, b)
	y, _, _ := begin(t, root, b)
	var both sync.WaitGroup
	for i, c := range []*Copy{x, y} {
		both.Go(func() {
			for k := range 200 {
				b.add(book, fmt.Sprintf("%d %d\n", i, k))
				c.Appended()
			}
		})
	}
	both.Wait()
	if got, want := text(t, path), b.files[book]; got != want {
		t.Errorf("the copy has %d bytes, want %d", len(got), len(want))
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("%v (%v)", names, err)
	}
}

// Two stores of one name copy to one place: nothing is lost of what either has
// put there, both are told, and they do not put each other aside for ever.
func TestTwoStoresOfOneName(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	x, path, _ := begin(t, root, &books{files: map[string]string{book: "x\nx\n"}})
	y, _, _ := begin(t, root, &books{files: map[string]string{book: "y\ny\ny\n"}})
	said := func(c *Copy) bool { return strings.Contains(c.State().Error, "another store") }
	eventually(t, "one of them says so", func() bool { return said(x) || said(y) })
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) > 1+2*patience {
		t.Errorf("%d files are kept (%v)", len(entries), err)
	}
	all := ""
	for _, entry := range entries {
		all += text(t, filepath.Join(filepath.Dir(path), entry.Name()))
	}
	if !strings.Contains(all, "x\nx\n") || !strings.Contains(all, "y\ny\ny\n") {
		t.Errorf("kept is %q", all)
	}
}
