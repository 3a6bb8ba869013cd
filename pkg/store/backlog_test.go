package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func ownName(n int) string {
	return fileName{prefix: shipPrefix, at: time.Date(2026, 11, 23, 12, 0, n, 0, time.UTC), n: n % nameCounter}.String()
}

func mustScan(t testing.TB, s *Store, limit int, skip func(string) bool) Backlog {
	t.Helper()
	b, err := s.Scan(limit, skip)
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return b
}

// Invariant 6: the watch loop takes regular files that begin with the prefix,
// and nothing else; a name outside the grammar only when it has been quiet.
func TestInvariant6(t *testing.T) {
	t.Parallel()
	taken := []string{ownName(1), ownName(2)}
	foreign := []string{
		"tw-1398290400.123456-1.txt", // left by the original
		"tw-\nwith a line end",
		"tw-\xff\xfe no text",
		`tw-back\slash`,
		"tw-" + strings.Repeat("n", 252),
		strings.TrimSuffix(ownName(3), ".jsonl"),
		ownName(3) + ".bz2",
		strings.Replace(ownName(3), "Z-", "Z-x", 1),
		"tw-",
	}
	never := []string{"grabber.dat", "." + ownName(4), ".tw-hidden", "other-" + ownName(5), "TW-big", "x" + ownName(6)}
	s := shipStore(t, nil)
	write := func(name string) {
		if err := os.WriteFile(filepath.Join(s.Dir(), name), []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Concat(taken, foreign, never) {
		write(name)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(s.Dir(), ownName(7)), 0o700))
	must(os.Mkdir(filepath.Join(s.Dir(), "tw-dir"), 0o700))
	must(os.Symlink("grabber.dat", filepath.Join(s.Dir(), ownName(8))))
	must(os.Symlink("/etc/passwd", filepath.Join(s.Dir(), "tw-link")))
	must(os.Symlink("nowhere", filepath.Join(s.Dir(), ownName(9))))
	makeFIFO(t, filepath.Join(s.Dir(), ownName(10)))
	makeFIFO(t, filepath.Join(s.Dir(), "tw-fifo"))

	slices.Sort(foreign)
	b := mustScan(t, s, 100, nil)
	if !slices.Equal(b.Names, taken) || b.Count != 2 || b.Bytes != 10 || !slices.Equal(b.Foreign, foreign) {
		t.Errorf("first look: got %q, %d files, %d bytes, foreign %q\nwant %q, 2, 10, %q", b.Names, b.Count, b.Bytes, b.Foreign, taken, foreign)
	}
	for name, l := range s.ship.looks.files { // as if a while had passed
		l.since = l.since.Add(-quietTime)
		s.ship.looks.files[name] = l
	}
	b = mustScan(t, s, 100, nil)
	want := slices.Sorted(slices.Values(slices.Concat(taken, foreign)))
	if !slices.Equal(b.Names, want) || b.Count != len(want) || b.Bytes != int64(5*len(want)) || b.Foreign != nil {
		t.Errorf("second look: got %q, %d files, %d bytes, foreign %q\nwant %q", b.Names, b.Count, b.Bytes, b.Foreign, want)
	}
	for _, name := range want {
		e, err := s.OpenEntry(name)
		if err != nil {
			t.Errorf("open %q: %v", name, err)
			continue
		}
		_ = e.Close()
		if err := s.Remove(e); err != nil {
			t.Errorf("remove %q: %v", name, err)
		}
	}
	if b = mustScan(t, s, 100, nil); b.Count != 0 || b.Names != nil {
		t.Errorf("when all have left: %+v", b)
	}
}

// A foreign file is taken when two looks 2 s apart show the same, by the
// monotonic clock, and not before.
func TestForeignMustBeQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		s := shipStore(t, m)
		m.put("tw-copy", "1")
		look := func(want string) {
			t.Helper()
			b := mustScan(t, s, 9, nil)
			if got := fmt.Sprintf("%q %q %d", b.Names, b.Foreign, b.Count); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		const waits, taken = `[] ["tw-copy"] 0`, `["tw-copy"] [] 1`
		look(waits)
		time.Sleep(2*time.Second - time.Millisecond)
		look(waits)
		m.root.entries["tw-copy"].data = []byte("12") // grows
		time.Sleep(time.Millisecond)
		look(waits)
		time.Sleep(2 * time.Second)
		look(taken)
		look(taken)
		m.root.entries["tw-copy"].mtime = time.Now() // rewritten
		look(waits)
		time.Sleep(2 * time.Second)
		look(taken)
		m.put("tw-copy", "12") // another file
		m.root.entries["tw-copy"].mtime = time.Now().Add(-2 * time.Second)
		look(waits)
		time.Sleep(time.Hour)
		look(taken)
		delete(m.root.entries, "tw-copy")
		look(`[] [] 0`)
		if len(s.ship.looks.files) != 0 {
			t.Errorf("%d names that are gone are remembered", len(s.ship.looks.files))
		}
	})
}

// With more foreign files than are remembered, those go first that sort first,
// and a skipped one, which the caller knows, takes nobody's place.
func TestForeignAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		s := shipStore(t, m)
		const more = 100
		for i := range maxLooks + more {
			m.put(fmt.Sprintf("tw-%06d.txt", i), "123")
		}
		skip := func(name string) bool { return name < "tw-000050.txt" }
		b := mustScan(t, s, 10, skip)
		if len(b.Foreign) != maxLooks || b.Foreign[0] != "tw-000050.txt" || b.Count != more || b.Names != nil {
			t.Errorf("first look: %d foreign from %q, count %d, names %q", len(b.Foreign), b.Foreign[0], b.Count, b.Names)
		}
		time.Sleep(quietTime)
		b = mustScan(t, s, 10, skip)
		if len(b.Names) != 10 || b.Names[0] != "tw-000050.txt" || b.Count != maxLooks+more || b.Bytes != 3*(maxLooks+more) || b.Foreign != nil {
			t.Errorf("second look: %+v", b)
		}
		if len(s.ship.looks.files) != maxLooks {
			t.Errorf("%d looks are remembered, want %d", len(s.ship.looks.files), maxLooks)
		}
	})
}

// listFS lists what it is told, in pieces, whatever there is; with a slash,
// directories.
type listFS struct {
	*memFS
	names []string
}

func (l *listFS) OpenDir(name string) (dir, error) {
	if name != "." {
		return l.memFS.OpenDir(name)
	}
	return &listDir{left: l.names}, nil
}

type listDir struct{ left []string }

func (d *listDir) ReadDir(n int) (entries []fs.DirEntry, err error) {
	if len(d.left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.left))
	for _, name := range d.left[:n] {
		info := memInfo{name: strings.TrimSuffix(name, "/")}
		if info.name != name {
			info.mode = fs.ModeDir
		}
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	d.left = d.left[n:]
	return entries, nil
}

func (d *listDir) Close() error { return nil }

func TestScanFirstOfMany(t *testing.T) {
	t.Parallel()
	const files = 25_000
	m := newMemFS()
	list := &listFS{memFS: m}
	for i := range files {
		name := ownName(i * 7919 % files)
		m.root.entries[name] = &memNode{data: make([]byte, 100)}
		list.names = append(list.names, name)
		if i%3 == 0 { // a listing during removals may say one twice
			list.names = append(list.names, name)
		}
	}
	list.names = append(list.names, ownName(files+1)+"/")
	s := shipStore(t, nil)
	s.fs = list
	before := m.operations()
	b := mustScan(t, s, 5, func(name string) bool { return name == ownName(1) })
	want := []string{ownName(0), ownName(2), ownName(3), ownName(4), ownName(5)}
	if !slices.Equal(b.Names, want) || b.Count != files {
		t.Errorf("got %q, %d files; want %q, %d", b.Names, b.Count, want, files)
	}
	if b.Bytes != 100*files {
		t.Errorf("%d files of 100 bytes: got %d bytes", files, b.Bytes)
	}
	if ops := m.operations() - before; ops > maxSample+10 {
		t.Errorf("%d files took %d operations", files, ops)
	}
	if b = mustScan(t, s, 0, nil); b.Names != nil || b.Count != files {
		t.Errorf("limit 0: %q, %d", b.Names, b.Count)
	}
	if b = mustScan(t, s, files, nil); len(b.Names) != files || !slices.IsSorted(b.Names) {
		t.Errorf("no limit: %d names, sorted %v", len(b.Names), slices.IsSorted(b.Names))
	}
}

// A name that the set of distinct ones has no room for is kept once as well.
func TestSmallest(t *testing.T) {
	t.Parallel()
	s := smallest{limit: 2}
	var left []string
	for _, name := range []string{"c", "b", "c", "b", "a", "c", "b", "d", "a"} {
		if name, full := s.offer(name); full {
			left = append(left, name)
		}
	}
	if got := fmt.Sprint(s.sorted(), left); got != "[a b] [c c d]" {
		t.Errorf("got %s, want [a b] [c c d]", got)
	}
}

func TestScanDuplicates(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	list := &listFS{memFS: m}
	for _, name := range []string{ownName(2), ownName(1), ownName(2), "tw-x", ownName(3), ownName(1), "tw-x", ownName(4)} {
		m.root.entries[name] = &memNode{data: make([]byte, 10)}
		list.names = append(list.names, name)
	}
	delete(m.root.entries, ownName(4)) // removed since it was listed
	s := shipStore(t, nil)
	s.fs = list
	for _, limit := range []int{1, 2, 3, 9} {
		b := mustScan(t, s, limit, nil)
		want := []string{ownName(1), ownName(2), ownName(3)}[:min(limit, 3)]
		if limit == 9 && !slices.Equal(b.Foreign, []string{"tw-x"}) || !slices.Equal(b.Names, want) || b.Count != 3 || b.Bytes != 30 {
			t.Errorf("limit %d: got %+v, want %q of 3, 30 bytes", limit, b, want)
		}
	}
}

func TestScanFails(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	m.put(ownName(1), "x")
	m.put("tw-foreign", "x")
	for n := 1; ; n++ {
		before := m.operations()
		m.failAt(n, syscall.EIO)
		b, err := s.Scan(10, nil)
		if m.operations()-before < n {
			if err != nil || len(b.Names) != 1 {
				t.Errorf("without a failure: %+v, %v", b, err)
			}
			return
		}
		if !errors.As(err, new(*Error)) || !errors.Is(err, syscall.EIO) {
			t.Errorf("EIO at operation %d: got %v", n, err)
		}
	}
}

// Memory depends on the limit, not on the backlog.
func TestScanMemory(t *testing.T) {
	const files = 150_000
	list := &listFS{memFS: newMemFS()}
	for i := range files {
		list.names = append(list.names, ownName(files-i))
	}
	s := shipStore(t, nil)
	s.fs = list
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	seen := 0
	b, err := s.Scan(100, func(string) bool {
		if seen++; seen%50_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapAlloc)
		}
		return false
	})
	if err != nil || b.Count != files || seen < files {
		t.Fatalf("scan: %d files, %d asked for, %v", b.Count, seen, err)
	}
	if grown := int64(most) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("%d files: the heap grew by %d KiB, want less than 8 MiB", files, grown>>10)
	}
}

func TestCapturedAt(t *testing.T) {
	t.Parallel()
	s := shipStore(t, newMemFS())
	at, ok := s.CapturedAt(ownName(5))
	if want := time.Date(2026, 11, 23, 12, 0, 5, 0, time.UTC); !ok || !at.Equal(want) {
		t.Errorf("CapturedAt(%s): got %v, %v; want %v", ownName(5), at, ok, want)
	}
	if _, ok := s.CapturedAt("tw-1398290400.123456-1.txt"); ok {
		t.Error("a foreign name has no time")
	}
}
