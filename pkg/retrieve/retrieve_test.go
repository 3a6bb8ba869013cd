package retrieve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/pack"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

var begin = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// named is a name of the grammar.
func named(i int) string {
	return fmt.Sprintf("p-%s-%06d.jsonl", begin.Add(time.Duration(i)*time.Second).Format("20060102T150405.000000Z"), i)
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// world is a ledger on disk and places in memory.
type world struct {
	t      testing.TB
	books  string
	mu     sync.Mutex
	places map[string][]byte       // by URL and object
	fail   map[string]func() error // by URL
	asked  map[string]int
	local  map[string][]byte // what waits
}

func newWorld(t testing.TB) *world {
	return &world{t: t, books: t.TempDir(), places: map[string][]byte{}, fail: map[string]func() error{}, asked: map[string]int{}, local: map[string][]byte{}}
}

// ships puts content to places and writes receipts; inside is what is in a packed
// file.
func (w *world) ships(name string, content, inside []byte, urls ...string) {
	w.t.Helper()
	s, err := os.OpenFile(filepath.Join(w.books, "2026-11.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	for _, url := range urls {
		w.places[url+name] = content
		line := fmt.Sprintf(`{"time":"2026-11-02T00:00:00Z","name":%q,"size":%d,"sha256":"%s","sink":"s","url":%q,"by":"watch"`, name, len(content), sum(content), url)
		if inside != nil {
			line += fmt.Sprintf(`,"inflated_size":%d,"inflated_sha256":"%s"`, len(inside), sum(inside))
		}
		if _, err := s.WriteString(line + "}\n"); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) list() *catalog.Catalog {
	w.t.Helper()
	books, err := store.OpenBooks(w.books)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = books.Close() })
	list, err := catalog.Open([]catalog.Source{{Books: books, Store: w}}, catalog.Range{})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) Scan(int, func(string) bool) (b store.Backlog, err error) {
	for name := range w.local {
		b.Names = append(b.Names, name)
	}
	return b, nil
}

func (w *world) Rejected() ([]store.Reason, error) { return nil, nil }

func (w *world) Holds(string) (store.Holding, bool) { return store.Holding{}, false }

// got is what a Run has made.
type got struct {
	Sum
	err      error
	problems map[string]string
	done     []string // names, in order
}

func (w *world) run(into Target, change ...func(*Config)) got {
	w.t.Helper()
	g := got{problems: map[string]string{}}
	cfg := Config{
		Parallel: 4, Tries: 3, Backoff: backoff.Policy{First: time.Millisecond, Max: time.Millisecond},
		Open:    w.open,
		Local:   w.waiting,
		Done:    func(o Output) { g.done = append(g.done, o.Name) },
		Problem: func(f catalog.File, err error) { g.problems[f.Name] += err.Error() },
	}
	for _, c := range change {
		c(&cfg)
	}
	g.Sum, g.err = Run(w.t.Context(), w.list(), into, cfg)
	return g
}

func (w *world) open(_ context.Context, r store.Receipt) (io.ReadCloser, error) {
	time.Sleep(rand.N(time.Millisecond)) // so that they come in no order
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[r.URL]++
	if fail := w.fail[r.URL]; fail != nil {
		if err := fail(); err != nil {
			return nil, err
		}
	}
	content, ok := w.places[r.URL+r.Name]
	if !ok {
		return nil, &sink.Error{Kind: sink.Permanent, Reading: true, URL: r.URL, Err: sink.ErrNotFound}
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (w *world) waiting(f catalog.File) (io.ReadCloser, error) {
	content, ok := w.local[f.Name]
	if !ok || content == nil {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (w *world) directory() (d *Directory, path string) {
	w.t.Helper()
	path = filepath.Join(w.t.TempDir(), "into")
	return w.reopen(path), path
}

func (w *world) reopen(path string) *Directory {
	w.t.Helper()
	d, err := OpenDirectory(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(d.Close)
	return d
}

// holds fails unless a directory has these files and no others.
func (w *world) holds(path string, want map[string]string) {
	w.t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(path, entry.Name()))
		if text, ok := want[entry.Name()]; !ok || err != nil || string(data) != text {
			w.t.Errorf("%s holds %.80q (%v), want %v %.80q", entry.Name(), data, err, ok, text)
		}
		delete(want, entry.Name())
	}
	for name := range want {
		w.t.Errorf("%s is missing", name)
	}
}

func packedBy(t testing.TB, method pack.Method, content []byte) []byte {
	t.Helper()
	p, err := pack.New(method, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Pack(&b, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// All kinds of files come, in order, and a second time nothing is asked for.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want, all := map[string]string{}, ""
	for i := range 60 {
		text := strings.Repeat(fmt.Sprintf("{\"n\":%d}\n", i), 1+i%7)
		name := named(i)
		want[name] = text
		all += text
		switch i % 4 {
		case 0:
			w.ships(name, []byte(text), nil, "u/")
		case 1:
			w.ships(name+".zst", packedBy(t, pack.Zstd, []byte(text)), []byte(text), "u/")
		case 2:
			w.ships(name+".gz", packedBy(t, pack.Gzip, []byte(text)), []byte(text), "u/")
		case 3:
			w.local[name] = []byte(text)
		}
	}
	d, path := w.directory()
	g := w.run(d)
	if g.err != nil || g.Files != 60 || g.There != 0 || g.Bytes != int64(len(all)) || g.Messages != uint64(strings.Count(all, "\n")) {
		t.Errorf("%+v", g)
	}
	for i, name := range g.done {
		if name != named(i) {
			t.Fatalf("file %d is %s", i, name)
		}
	}
	w.holds(path, want)
	w.asked = map[string]int{}
	d.Close()
	if g := w.run(w.reopen(path)); g.err != nil || g.There != 60 || w.asked["u/"] != 0 || g.Messages != uint64(strings.Count(all, "\n")) {
		t.Errorf("again: %+v, asked %v", g, w.asked)
	}
	var out bytes.Buffer
	s, err := OpenStream(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if g := w.run(s); g.err != nil || out.String() != all {
		t.Errorf("%+v printed %d bytes, want %d", g, out.Len(), len(all))
	}
	if left, err := os.ReadDir(s.path); len(left) > 0 || err != nil {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

// What is wrong is said, with a reason; everything else comes.
func TestNothingIsBelieved(t *testing.T) {
	t.Parallel()
	good := []byte("{\"good\":1}\n")
	other := []byte("{\"evil\":1}\n")
	zipped := packedBy(t, pack.Gzip, good)
	for _, tt := range []struct {
		name string
		make func(w *world, name string)
		say  string // "" for a file that comes
	}{
		{"altered", func(w *world, n string) { w.ships(n, good, nil, "u/"); w.places["u/"+n] = other }, "its sha256 is " + sum(other)},
		{"truncated", func(w *world, n string) { w.ships(n, good, nil, "u/"); w.places["u/"+n] = good[:4] }, "it has 4 bytes of 11"},
		{"longer", func(w *world, n string) { w.ships(n, good, nil, "u/"); w.places["u/"+n] = append(good[:11:11], '\n') }, "longer than 11 bytes"},
		{"gone", func(w *world, n string) { w.ships(n, good, nil, "u/"); delete(w.places, "u/"+n) }, sink.ErrNotFound.Error()},
		{"altered inside", func(w *world, n string) { w.ships(n+".gz", packedBy(w.t, pack.Gzip, other), good, "u/") }, "its inflated sha256 is"},
		{"more inside", func(w *world, n string) {
			w.ships(n+".gz", packedBy(w.t, pack.Gzip, append(good[:11:11], other...)), good, "u/")
		}, "longer than inflated 11 bytes"},
		{"packed and torn", func(w *world, n string) { w.ships(n+".gz", zipped[:len(zipped)-9], good, "u/") }, "unexpected EOF"},
		{"not packed", func(w *world, n string) { w.ships(n+".zst", good, good, "u/") }, "cannot be inflated"},
		{"a bomb, and no book tells what is in it", func(w *world, n string) {
			w.ships(n+".zst", packedBy(w.t, pack.Zstd, make([]byte, leastBound+1)), nil, "u/")
		}, "no book says what is in it"},
		{"the first place has it not", func(w *world, n string) { w.ships(n, good, nil, "u/", "v/"); delete(w.places, "u/"+n) }, ""},
		{"the first place has another", func(w *world, n string) { w.ships(n, good, nil, "u/", "v/"); w.places["u/"+n] = other }, ""},
		{"no place has it", func(w *world, n string) {
			w.ships(n, good, nil, "u/", "v/")
			w.places["u/"+n], w.places["v/"+n] = other, good[:1]
		}, "it has 1 bytes of 11"},
		{"altered in the store, good elsewhere", func(w *world, n string) { w.ships(n, good, nil, "u/"); w.local[n] = other }, ""},
		{"it has left the store", func(w *world, n string) { w.local[n] = nil }, "file does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ships(named(1), good, nil, "u/")
			tt.make(w, named(2))
			w.ships(named(3), good, nil, "u/")
			want := map[string]string{named(1): string(good), named(3): string(good)}
			if tt.say == "" {
				want[named(2)] = string(good)
			}
			d, path := w.directory()
			g := w.run(d)
			said := fmt.Sprint(g.problems)
			if tt.say == "" && (g.err != nil || g.Failed > 0) || tt.say != "" && (!errors.Is(g.err, ErrIncomplete) || g.Failed != 1 || !strings.Contains(said, tt.say)) {
				t.Errorf("%+v, want %q", g, tt.say)
			}
			w.holds(path, want)
		})
	}
}

// A name from a ledger leads nowhere else, and replaces nothing.
func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, path := w.directory()
	for _, name := range []string{"../x", "/etc/x", "a/b", ".x", "..", "a\\b", "a b", "con\n", "é"} {
		w.ships(name, []byte(name), nil, "u/")
	}
	w.ships("notes.txt.gz", []byte("not packed by us"), nil, "u/") // comes as it is
	w.ships(named(1), []byte("one\n"), nil, "u/")
	w.ships(named(1), []byte("two\n"), nil, "v/") // another machine's
	w.ships(named(2), []byte("ours\n"), nil, "u/")
	if err := os.WriteFile(filepath.Join(path, named(2)), []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(path, named(3))); err != nil {
		t.Fatal(err)
	}
	w.ships(named(3), []byte("three\n"), nil, "u/")
	g := w.run(d)
	if !errors.Is(g.err, ErrIncomplete) || g.Failed != 11 || !strings.Contains(g.problems[named(2)], "stays as it is") {
		t.Errorf("%+v", g)
	}
	if err := os.Remove(filepath.Join(path, named(3))); err != nil {
		t.Fatal(err)
	}
	second := strings.TrimSuffix(named(1), ".jsonl") + "_" + sum([]byte("two\n"))[:8] + ".jsonl"
	w.holds(path, map[string]string{named(1): "one\n", second: "two\n", named(2): "mine\n", "notes.txt.gz": "not packed by us"})
}

// A place that is down costs little, and one that was down is asked again.
func TestPlaceIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	down := &sink.Error{Kind: sink.Temporary, Reading: true, URL: "u/", Err: errors.New("connection refused")}
	w.fail["u/"] = func() error { return down }
	const files = 100
	for i := range files {
		w.ships(named(i), []byte(named(i)), nil, "u/")
	}
	w.ships(named(files), []byte("v"), nil, "u/", "v/")
	d, _ := w.directory()
	g := w.run(d, func(c *Config) { c.Parallel = 1 })
	if g.Failed != files || g.Files != 1 || w.asked["u/"] > 30 || w.asked["u/"] < 20 {
		t.Errorf("failed %d, got %d, asked %d times", g.Failed, g.Files, w.asked["u/"])
	}
	if !strings.Contains(g.problems[named(90)], "was not asked") || !strings.Contains(g.problems[named(90)], "connection refused") {
		t.Errorf("said %s", g.problems[named(90)])
	}
	calls := 0
	w.fail["u/"] = func() error { // every third answers
		if calls++; calls%3 != 0 {
			return down
		}
		return nil
	}
	if g := w.run(d, func(c *Config) { c.Parallel = 1 }); g.err != nil || g.Files != files+1 {
		t.Errorf("failed %d, got %d: %v", g.Failed, g.Files, g.problems)
	}
}

// What waited and was shipped meanwhile is fetched from where it went.
func TestShippedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ships(named(0), []byte("0\n"), nil, "u/")
	w.local[named(1)] = nil // gone when it is opened
	w.places["u/"+named(1)] = []byte("x\n")
	d, path := w.directory()
	g := w.run(d, func(c *Config) {
		c.Again = func(catalog.File) ([]store.Receipt, error) {
			return []store.Receipt{{Name: named(1), URL: "u/", Size: 2, SHA256: sum([]byte("x\n"))}}, nil
		}
	})
	if g.err != nil {
		t.Errorf("%+v", g)
	}
	w.holds(path, map[string]string{named(0): "0\n", named(1): "x\n"})
}

// What was captured and is nowhere is said, unless it has its name by now. What
// was shipped altered is fetched, and said.
func TestBookKnowsMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var lines []byte
	for i, text := range []string{"nowhere\n", "just named\n", "as captured\n"} {
		f := coverage.File{Name: named(i), Messages: 1, Bytes: int64(len(text)), SHA256: sum([]byte(text)), First: begin, Last: begin}
		lines = append(lines, f.Line()...)
	}
	if err := os.WriteFile(filepath.Join(w.books, "captured-2026-11.ndjson"), lines, 0o600); err != nil {
		t.Fatal(err)
	}
	w.ships(named(2), []byte("as shipped!\n"), nil, "u/")
	d, path := w.directory()
	list := w.list()
	w.local[named(1)] = []byte("just named\n")
	g := got{problems: map[string]string{}}
	g.Sum, g.err = Run(t.Context(), list, d, Config{Open: w.open, Local: w.waiting, Problem: func(f catalog.File, err error) { g.problems[f.Name] = err.Error() }})
	if !errors.Is(g.err, ErrIncomplete) || g.Failed != 1 || g.Altered != 1 || !strings.Contains(g.problems[named(0)], "no receipt") || !strings.Contains(g.problems[named(2)], "not what was captured") {
		t.Errorf("%+v", g)
	}
	w.holds(path, map[string]string{named(1): "just named\n", named(2): "as shipped!\n"})
}

// An interrupted fetch leaves nothing half done under a name, and what it left
// is removed; two at once are refused.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 50 {
		w.ships(named(i), []byte(named(i)), nil, "u/")
	}
	d, path := w.directory()
	if _, err := OpenDirectory(path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second fetch into the same directory: %v", err)
	}
	left := tempPrefix + "1-1" + tempSuffix
	if err := os.WriteFile(filepath.Join(path, left), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	_, err := Run(ctx, w.list(), d, Config{Parallel: 2, Open: func(ctx context.Context, r store.Receipt) (io.ReadCloser, error) {
		w.mu.Lock()
		if asked++; asked == 20 {
			cancel()
		}
		w.mu.Unlock()
		return w.open(ctx, r)
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	d.Close()
	d = w.reopen(path)
	if _, err := os.Stat(filepath.Join(path, left)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
	g := w.run(d)
	if g.err != nil || g.Files != 50 || g.There == 0 || g.There > 25 {
		t.Errorf("%+v", g)
	}
}

// A reader who leaves ends it, with an error.
func TestReaderLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 50 {
		w.ships(named(i), []byte(named(i)), nil, "u/")
	}
	r, pipe := io.Pipe()
	_ = r.Close()
	s, err := OpenStream(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if g := w.run(s); !errors.Is(g.err, io.ErrClosedPipe) || g.Files != 0 {
		t.Errorf("%+v", g)
	}
}

// Messages of two machines become one stream: what has a name by that, what has
// none as often as one machine has it.
func TestDedupe(t *testing.T) {
	t.Parallel()
	skeet := func(n int) string {
		return fmt.Sprintf(`{"did":"d","time_us":%d,"kind":"commit","commit":{"rev":"%d","operation":"create","collection":"c","rkey":"k"}}`, n, n)
	}
	again := strings.Replace(skeet(1), `"did":"d",`, "", 1)
	again = strings.TrimSuffix(again, "}") + `,"did":"d"}` // the same message, its members in another order
	for _, tt := range []struct {
		name   string
		kind   network.Kind
		window int
		feed   [][2]any // source, message
		want   string   // which are written
	}{
		{"by name", network.Jetstream, 100, [][2]any{{0, skeet(1)}, {0, skeet(2)}, {1, again}, {1, skeet(3)}, {0, skeet(3)}, {0, skeet(1)}}, "110100"},
		{"no key", network.Mastodon, 100, [][2]any{{0, `{"event":"delete","payload":1}`}, {1, `{"event":"delete","payload":1}`}}, "11"},
		{"without names", network.JSON, 100, [][2]any{{0, "{}"}, {0, "{}"}, {1, "{}"}, {1, "{}"}, {1, "{}"}, {0, "{}"}, {0, "{}"}}, "1100101"},
		{"beyond the window", network.Jetstream, 2, [][2]any{{0, skeet(1)}, {0, skeet(2)}, {0, skeet(1)}, {0, skeet(3)}, {0, skeet(1)}, {0, skeet(4)}, {0, skeet(5)}, {0, skeet(6)}, {0, skeet(7)}, {0, skeet(1)}}, "1101011111"},
	} {
		d := &Dedupe{Kind: tt.kind, Window: tt.window}
		written := ""
		for _, m := range tt.feed {
			written += map[bool]string{true: "1", false: "0"}[d.fresh(m[0].(int), []byte(m[1].(string)))]
		}
		if written != tt.want {
			t.Errorf("%s: written %s, want %s", tt.name, written, tt.want)
		}
	}
}

// In a directory, what is left keeps its file; a file of which nothing is left
// is not made; and a second fetch finds all there.
func TestDedupeIntoDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := func(id int, text string) string { return fmt.Sprintf(`{"data":{"id":"%d","text":%q}}`, id, text) }
	long := post(2, strings.Repeat("x", 1<<20))
	w.ships(named(1), []byte(post(1, "a")+"\n"+long+"\n"), nil, "u/")
	w.ships(named(1), []byte(post(1, "a")+"\n"), nil, "v/")
	w.ships(named(2), []byte(long+"\n"+post(3, "b")), nil, "u/")
	d, path := w.directory()
	for round := range 2 {
		g := w.run(d, func(c *Config) { c.Dedupe = &Dedupe{Kind: network.X, Window: 100} })
		if g.err != nil || g.LeftOut != 2 || g.There != 2*round || g.Files != 2 || g.Empty != 1 {
			t.Errorf("round %d: %+v", round, g)
		}
		w.holds(path, map[string]string{named(1): post(1, "a") + "\n" + long + "\n", named(2): post(3, "b")})
	}
}
