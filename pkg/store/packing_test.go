package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/pack"
)

// packers are the settings that pack.
func packers() map[string]Compression {
	return map[string]Compression{"zstd": {Method: pack.Zstd}, "gzip": {Method: pack.Gzip, Level: 9}}
}

// Invariants 1 and 7 of packed files: what is in them is what was given, and is
// no larger than a file may be; the book knows both. On a real disk.
func TestInvariant1Packed(t *testing.T) {
	t.Parallel()
	for name, how := range packers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTemp(t)
			const cut = 64 << 10
			var told []string
			w := newWriter(t, s, WriterConfig{CutBytes: cut, SyncInterval: time.Second, Compress: how,
				Finished: func(name string, _ int64) { told = append(told, name) }})
			var want strings.Builder
			for n := range 9000 {
				fmt.Fprintf(&want, "%s\n", message(n))
			}
			appendAll(t, w, []byte(want.String()))
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			var stored int64
			for _, name := range told {
				data, err := os.ReadFile(filepath.Join(s.Dir(), name))
				if err != nil || pack.Of(name) != how.Method {
					t.Fatalf("%s: %v; want one that is packed by %s", name, err, how.Method)
				}
				text := inside(t, name, string(data))
				if len(text) > cut || text == "" || !strings.HasSuffix(text, "\n") {
					t.Errorf("%s holds %d bytes, a file may hold %d", name, len(text), cut)
				}
				got.WriteString(text)
				stored += int64(len(data))
			}
			if got.String() != want.String() || len(told) < 3 || !slices.IsSorted(told) {
				t.Errorf("%q hold %d bytes, want %d", told, got.Len(), want.Len())
			}
			if grown := w.usage.appended.Load(); grown != stored {
				t.Errorf("the store is thought to have grown by %d bytes, not by %d", grown, stored)
			}
			backlog, err := s.Scan(100, nil)
			if err != nil || !slices.Equal(backlog.Names, told) || backlog.Bytes != stored {
				t.Errorf("Scan: %q, %d bytes, %v; want %q, %d", backlog.Names, backlog.Bytes, err, told, stored)
			}
		})
	}
}

// trouble that a packed file can be in, and what is left of it: the plain one is
// finished, nothing half or twice, and a person is told.
func TestWhatCannotBePackedIsFinishedPlain(t *testing.T) {
	t.Parallel()
	flip := func(m *memFS, name string) { // m.mu held
		n, _ := m.find(name)
		n.own()
		n.data[len(n.data)/2] ^= 0xff
	}
	for name, hurt := range map[string]func(m *memFS, op memOp) error{
		"no room to create": func(_ *memFS, op memOp) error { return only(op, "create", syscall.ENOSPC) },
		"no room to write":  func(_ *memFS, op memOp) error { return only(op, "write", syscall.ENOSPC) },
		"no room at fsync":  func(_ *memFS, op memOp) error { return only(op, "sync", syscall.EDQUOT) },
		"bad disk":          func(_ *memFS, op memOp) error { return only(op, "write", syscall.EIO) },
		"bad memory": func(m *memFS, op memOp) error {
			if op.op == "sync" && strings.HasSuffix(op.name, ".zst") {
				flip(m, op.name)
			}
			return nil
		},
		"a file of that name": func(m *memFS, op memOp) error { return only(op, "create", fs.ErrExist) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCapture(newMemFS())
				c.cfg.Compress = Compression{Method: pack.Zstd}
				hurting := true
				c.m.fail = func(op memOp) error {
					if hurting {
						return hurt(c.m, op)
					}
					return nil
				}
				w, err := c.writer()
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if err := c.add(w, 6); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
				}
				synctest.Wait()
				if len(c.finished) < 3 || len(c.notices) != 1 || !strings.Contains(c.notices[0], "uncompressed") {
					t.Errorf("finished %q; notices %q, want one", c.finished, c.notices)
				}
				for _, name := range c.finished {
					if pack.Of(name) != pack.None {
						t.Errorf("%s is finished", name)
					}
				}
				plain := len(c.finished)
				c.m.mu.Lock()
				hurting = false
				c.m.mu.Unlock()
				time.Sleep(packRest)
				if err := c.add(w, 6); err != nil {
					t.Fatal(err)
				}
				if err := w.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				for _, name := range c.finished[plain:] {
					if pack.Of(name) != pack.Zstd {
						t.Errorf("%s is finished when all is well again", name)
					}
				}
				found := where(t, c.m)
				for n := range c.accepted {
					if found[n] == "" {
						t.Errorf("message %d is lost", n)
					}
				}
				if c.m.opened != 0 {
					t.Errorf("%d files are still open", c.m.opened)
				}
			})
		})
	}
}

// only fails an operation on a packed file.
func only(op memOp, kind string, err error) error {
	if op.op == kind && strings.HasSuffix(op.name, ".zst") {
		return err
	}
	return nil
}

// Compression that is slower than the stream never holds the capture up: what it
// cannot do is finished as it is.
func TestCompressionThatDoesNotKeepUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		c.cfg.Compress = Compression{Method: pack.Zstd}
		c.m.fail = func(op memOp) error {
			if op.op == "write" && strings.HasSuffix(op.name, ".zst") {
				c.m.mu.Unlock() // a level that takes two seconds a file
				time.Sleep(2 * time.Second)
				c.m.mu.Lock()
			}
			return nil
		}
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		for range 600 {
			began := time.Now()
			if err := c.add(w, 6); err != nil { // a file, ten a second
				t.Fatal(err)
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("the capture waited for %v", took)
			}
			time.Sleep(100 * time.Millisecond)
			w.mu.Lock()
			waiting := len(w.ready)
			w.mu.Unlock()
			if waiting > packBehind+packBatch*20+20 {
				t.Fatalf("%d files wait", waiting)
			}
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		packed := 0
		for _, name := range c.finished {
			if pack.Of(name) == pack.Zstd {
				packed++
			}
		}
		if packed == 0 || packed > len(c.finished)/2 || len(c.notices) != 1 || !strings.Contains(c.notices[0], "does not keep up") {
			t.Errorf("%d of %d files are packed; notices %q", packed, len(c.finished), c.notices)
		}
		found := where(t, c.m)
		for n := range c.accepted {
			if found[n] == "" {
				t.Errorf("message %d is lost", n)
			}
		}
	})
}

// A lone packed file that the disk has damaged is set aside whole, with its
// reason, and nothing in it is taken for stored; one that is whole is finished,
// whatever the setting says now.
func TestRecoverPacked(t *testing.T) {
	t.Parallel()
	const name = "p-19990101T000000.000002Z-000001.jsonl"
	content := message(2) + "\n" + message(3) + "\n"
	for _, method := range pack.Methods() {
		whole := packedContent(method, content)
		for damage, data := range map[string]string{
			"":          whole,
			"torn":      whole[:len(whole)-1],
			"empty":     "",
			"NULs":      strings.Repeat("\x00", len(whole)),
			"torn line": packedContent(method, content[:len(content)-1]),
		} {
			synctest.Test(t, func(t *testing.T) {
				m := newMemFS()
				m.put(versionFile, "1\n")
				final := name + method.Suffix()
				m.put(dotName(final), data)
				knows := remembered(t, m)
				c := recovered(t, m)
				if want := []int{2, 3}; damage == "" && !slices.Equal(knows.stored, want) || damage != "" && len(knows.stored) > 0 {
					t.Errorf("%s, %s: %v is taken for stored, want %v if it is whole", final, damage, knows.stored, want)
				}
				if damage == "" {
					if got := m.read(t, final); got != whole || !slices.Equal(c.finished, []string{final}) {
						t.Errorf("%s: finished %q", final, c.finished)
					}
					where(t, m)
					return
				}
				if len(c.finished) > 0 || m.read(t, rejectedDir+"/"+final+damagedSuffix) != data || len(c.notices) != 1 {
					t.Errorf("%s, %s: finished %q, notices %q", final, damage, c.finished, c.notices)
				}
				if got := m.read(t, rejectedDir+"/"+final+damagedSuffix+reasonSuffix); !strings.Contains(got, "cannot be read") {
					t.Errorf("%s, %s: reason %s", final, damage, got)
				}
				if slices.Contains(m.names("."), dotName(final)) {
					t.Errorf("%s, %s: is still there", final, damage)
				}
			})
		}
	}
}

// Invariant 5 holds with files of all kinds in one store.
func TestInvariant5Packed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	n := &namer{prefix: "p-"}
	var names []string
	for i, method := range []pack.Method{pack.Zstd, pack.None, pack.Gzip, pack.Zstd, pack.None} {
		f := n.next(at.Add(time.Duration(i/2) * time.Microsecond))
		f.packed = method
		if got, ok := parseOwn("p-", f.String()); !ok || got != f {
			t.Errorf("%s is taken for %+v, %v", f, got, ok)
		}
		n.raise(f)
		if later := f.after(); later.packed != method || later.String() <= f.String() {
			t.Errorf("after %s comes %s", f, later)
		}
		names = append(names, f.String())
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %q", names)
	}
	if next := n.next(at); next.packed != pack.None {
		t.Errorf("the next name is %s", next)
	}
	for _, bad := range []string{".zst", "p.zst", names[1] + ".zst.gz", names[1] + ".ZST", strings.TrimSuffix(names[1], ".jsonl") + ".zst"} {
		if f, ok := parseName(bad); ok {
			t.Errorf("%q is taken for %+v", bad, f)
		}
	}
}

// A packed file that was set aside gets its own name back, also where nothing
// says which that was.
func TestRetryPacked(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	name := ownName(1) + ".zst"
	m.put("rejected/"+name, "no reason")
	m.put("rejected/"+name+".2", "no reason")
	for _, name := range []string{name, name + ".2"} {
		got, err := s.Retry(name)
		if _, ours := parseName(got); err != nil || !ours || pack.Of(got) != pack.Zstd {
			t.Errorf("put back %q: %q, %v", name, got, err)
		}
	}
	if _, err := m.find(name); err != nil {
		t.Errorf("%s is not there: the store holds %q", name, m.names("."))
	}
}
