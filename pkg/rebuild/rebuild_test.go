package rebuild

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	prefix = "p-"
	bucket = "s3://bucket/prefix"
)

var begin = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func name(n int) string {
	return prefix + begin.Add(time.Duration(n)*time.Hour).Format("20060102T150405.000000Z") + fmt.Sprintf("-%06d.jsonl", n)
}

func hashOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// storage is a fake one that lists, and tells metadata only when asked.
type storage struct {
	objects map[string]sink.Found
	content map[string]string
	fails   int // the next questions
	onOpen  func()
}

func newStorage() *storage {
	return &storage{objects: map[string]sink.Found{}, content: map[string]string{}}
}

func (s *storage) fail() error {
	if s.fails > 0 {
		s.fails--
		return &sink.Error{Kind: sink.Temporary, Err: errors.New("reset")}
	}
	return nil
}

func (s *storage) Stat(_ context.Context, ref sink.Ref) (sink.Found, error) {
	f, ok := s.objects[ref.Key]
	if !ok {
		return f, &sink.Error{Kind: sink.Permanent, Err: sink.ErrNotFound}
	}
	return f, s.fail()
}

func (s *storage) Open(_ context.Context, ref sink.Ref) (io.ReadCloser, error) {
	if s.onOpen != nil {
		s.onOpen()
	}
	return io.NopCloser(strings.NewReader(s.content[ref.Key])), s.fail()
}

func (s *storage) List(_ context.Context, below string, each func(sink.Found) error) error {
	for _, f := range s.objects {
		f.Meta = nil
		if strings.HasPrefix(f.Key, below) {
			if err := errors.Join(each(f), each(f)); err != nil { // one may come twice
				return err
			}
		}
	}
	return s.fail()
}

// put is an object with what the uploader puts beside it, changed by change.
func (s *storage) put(key, name string, change func(meta map[string]string)) {
	content := "content of " + name
	meta := map[string]string{
		"name": name, "sha256": hashOf(content), "size": strconv.Itoa(len(content)), "time": "2026-11-02T00:00:00.5Z", "by": "watch",
	}
	if change != nil {
		change(meta)
	}
	s.objects[key] = sink.Found{Key: key, Size: int64(len(content)), Modified: begin, Meta: meta}
	s.content[key] = content
}

// bare is one without.
func (s *storage) bare(key, content string) {
	s.objects[key] = sink.Found{Key: key, Size: int64(len(content)), Modified: begin.Add(time.Hour)}
	s.content[key] = content
}

type world struct {
	t     testing.TB
	dir   string
	spool *store.Store
	there *storage
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	spool, err := store.Open(store.Config{Dir: dir, Prefix: prefix, WorkingName: "grabber.dat", Create: true, Now: func() time.Time { return begin.AddDate(0, 1, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spool.Close() })
	return &world{t: t, dir: dir, spool: spool, there: newStorage()}
}

func (w *world) config(copies ...Copy) Config {
	return Config{Store: w.spool, Prefix: prefix, Copies: copies, Places: []Place{{"s3", bucket, w.there}}, Tries: 3,
		Backoff: backoff.Policy{First: time.Microsecond, Max: time.Microsecond}}
}

func (w *world) run(cfg Config) Report {
	w.t.Helper()
	r, err := Run(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// receipts are those in the ledger, by object or name.
func (w *world) receipts() (all []store.Receipt) {
	w.t.Helper()
	err := w.spool.LedgerLines(nil, func(line store.BookLine) {
		r, err := store.DecodeReceipt(line.Text)
		if line.Err != nil || err != nil {
			w.t.Errorf("%s line %d: %v, %v", line.File, line.Number, line.Err, err)
		}
		all = append(all, r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func copyOf(name, content string) Copy {
	return Copy{Name: name, Month: monthIn(name), Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

func line(r store.Receipt) string {
	text, _ := json.Marshal(r)
	return string(text) + "\n"
}

func captured(name, content string) string {
	return string(coverage.File{Name: name, Messages: 1, Bytes: int64(len(content)), SHA256: hashOf(content), First: begin, Last: begin}.Line())
}

func zstdOf(t testing.TB, text string) string {
	t.Helper()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return string(e.EncodeAll([]byte(text), nil))
}

func gzipOf(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// What stands beside an object makes the receipt that there was.
func TestFromMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.there.put("dt=2026-11-01/hour=03/"+name(3), name(3), nil)
	w.there.put("dt=2026-11-01/hour=01/"+name(1), name(1), func(m map[string]string) {
		m["inflated-size"], m["inflated-sha256"] = "99", hashOf("x")
	})
	w.there.put("p--t-", "p-%C3%A9t%C3%A9", func(m map[string]string) { m["by"] = "push" })
	w.there.fails = 2
	r := w.run(w.config())
	got := w.receipts()
	content := "content of " + name(1)
	want := store.Receipt{
		Time: time.Date(2026, 11, 2, 0, 0, 0, 500_000_000, time.UTC), Name: name(1), Size: int64(len(content)), SHA256: hashOf(content), Sink: "s3", URL: bucket,
		FileHash: hashOf(content), Attempts: 1, By: store.ByWatch, Object: "dt=2026-11-01/hour=01/" + name(1), InflatedSize: 99, InflatedSHA256: hashOf("x"),
	}
	if len(got) != 3 || r.Made != 3 || len(r.Failed)+len(r.Skipped) > 0 || r.Read != 0 {
		t.Fatalf("%+v made %+v", r, got)
	}
	byName := func(n string) store.Receipt {
		i := slices.IndexFunc(got, func(r store.Receipt) bool { return r.Name == n })
		if i < 0 {
			t.Fatalf("no receipt of %s in %+v", n, got)
		}
		return got[i]
	}
	if byName(name(1)) != want {
		t.Errorf("got  %+v\nwant %+v", byName(name(1)), want)
	}
	if pushed := byName("p-été"); pushed.By != store.ByPush || pushed.Object != "p--t-" {
		t.Errorf("pushed: %+v", pushed)
	}
	// In the order of capture: who reads the last receipts wants the newest files.
	if i, j := slices.Index(got, byName(name(1))), slices.Index(got, byName(name(3))); i > j {
		t.Errorf("file 1 comes after file 3")
	}
	if r := w.run(w.config()); r.Made != 0 || r.Known != 3 {
		t.Errorf("again: %+v", r)
	}
}

// Of what is nobody's, or not what it says, nothing is believed.
func TestBadObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.spool.CapturedBook().Append([]byte(captured(name(8), "what was captured") + captured(name(9), "captured too"))); err != nil {
		t.Fatal(err)
	}
	w.there.put("../x", "x", nil)
	w.there.put("a/.hidden", ".hidden", nil)
	w.there.put("another", name(1), nil)
	w.there.put("evil", "../evil", nil)
	w.there.put(name(2), name(2), func(m map[string]string) { m["size"] = "5" })
	w.there.put(name(3), name(3), func(m map[string]string) { m["sha256"] = "../../etc/passwd" })
	w.there.put(name(4), name(4), func(m map[string]string) { m["by"] = "mallory" })
	w.there.put(name(8), name(8), nil) // its content is not what was captured
	w.there.bare("notes.txt", "a person's own")
	w.there.bare("dt=2026/"+name(9), "altered since")
	w.there.bare(Books+"h/x", "no book")
	r := w.run(w.config())
	var left []string
	for _, s := range r.Skipped {
		left = append(left, s.Name)
	}
	slices.Sort(left)
	want := []string{"../x", "a/.hidden", "another", "evil", name(2), name(3), name(4), name(8), "notes.txt", "dt=2026/" + name(9)}
	slices.Sort(want)
	if !slices.Equal(left, want) || r.Made != 0 || len(w.receipts()) != 0 {
		t.Errorf("%+v\nleft alone: %q\nwant %q", r, left, want)
	}
}

// Without a word beside them, objects of the capture's names are read.
func TestByReading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.there.bare("dt=2026-11-01/"+name(1), "one")
	w.there.bare(name(2), "")
	w.there.bare(prefix+"dropped-in.txt", "three")
	w.there.fails = 1
	r := w.run(w.config())
	got := w.receipts()
	slices.SortFunc(got, func(a, b store.Receipt) int { return cmp.Compare(a.Size, b.Size) })
	if len(got) != 3 || r.Read != 8 || got[0].Object != "" || got[1].Object != "dt=2026-11-01/"+name(1) || got[1].SHA256 != hashOf("one") || got[2].By != store.ByWatch {
		t.Errorf("%+v made %+v", r, got)
	}
}

// TestFromCopies: receipts and the captured book come back from copies, however
// they are packed and however many of them there are.
func TestFromCopies(t *testing.T) {
	t.Parallel()
	one := store.Receipt{Time: begin, Name: name(1), Size: 3, SHA256: hashOf("one"), Sink: "webnode", URL: "http://node/api/upload", FileHash: hashOf("x"), Key: hashOf("secret"), Attempts: 2, By: store.ByWatch}
	two, three := one, one
	two.Name, three.Name = name(2), name(3)
	first, second, third := captured(name(1), "one"), captured(name(2), "two"), captured(name(3), "three")
	copies := []Copy{
		copyOf("2026-10.jsonl", line(one)),
		copyOf("2026-10.jsonl.2026-10-31.gz", gzipOf(line(one)+line(two))),
		copyOf("2026-11.jsonl.zst", zstdOf(t, line(three)+"nonsense\n"+strings.Repeat("x", 70<<10)+"\n"+line(three)[:40])),
		copyOf("2026-12.jsonl.zst", zstdOf(t, line(three))[:12]),
		copyOf("captured-2026-10.ndjson.zst", zstdOf(t, first)),
		copyOf("captured-2026-10.ndjson.zst.1", zstdOf(t, first+second)),
		copyOf("captured-2026-11.ndjson", third),
	}
	t.Run("all is lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.run(w.config(copies...))
		if got := w.receipts(); !slices.Equal(got, []store.Receipt{one, two, three}) || r.Copied != 3 {
			t.Errorf("%+v made %+v", r, got)
		}
		if len(r.Failed) != 2 || !strings.Contains(r.Failed[0].Why, "2 lines") {
			t.Errorf("failed: %+v", r.Failed)
		}
		w.holds("captured-2026-10.ndjson", first+second)
		w.holds("captured-2026-11.ndjson", third)
		if r := w.run(w.config(copies...)); r.Made != 0 || r.Captured != 0 {
			t.Errorf("again: %+v", r)
		}
	})
	t.Run("a part is left", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.write("2026-10.jsonl", line(two))
		w.write("captured-2026-11.ndjson", captured(name(7), "newer"))
		r := w.run(w.config(copies...))
		if got := w.receipts(); len(got) != 3 || got[0] != two || r.Known != 1 || r.Made != 2 || r.Captured != 3 {
			t.Errorf("%+v made %+v", r, got)
		}
		w.holds("captured-2026-10.ndjson", first+second)
		w.holds("captured-2026-11.ndjson", captured(name(7), "newer")) // never changed
		w.holds("captured-2026-12.ndjson", third)                      // behind it
	})
	t.Run("dry run", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.there.bare(name(9), "nine")
		cfg := w.config(copies...)
		cfg.DryRun = true
		if r := w.run(cfg); r.Made != 4 || r.Captured != 3 {
			t.Errorf("%+v", r)
		}
		entries, err := os.ReadDir(filepath.Join(w.dir, "ledger"))
		if err != nil || len(entries) > 0 {
			t.Errorf("the ledger holds %v (%v)", entries, err)
		}
	})
}

func (w *world) write(book, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "ledger", book), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) holds(book, want string) {
	w.t.Helper()
	got, err := os.ReadFile(filepath.Join(w.dir, "ledger", book))
	if err != nil || string(got) != want {
		w.t.Errorf("%s holds %q (%v), want %q", book, got, err, want)
	}
}

// Interrupted anywhere and run again, it comes to the same.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const files = 3*batch + 7
	for i := range files {
		w.there.bare(name(i), strconv.Itoa(i))
	}
	runs := 0
	for ; runs < 20; runs++ {
		ctx, cancel := context.WithCancel(t.Context())
		opened := 0
		w.there.onOpen = func() {
			if opened++; opened > batch+batch/2 {
				cancel()
			}
		}
		_, err := Run(ctx, w.config())
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if half, err := w.spool.Rebuilding(); !half || err != nil {
			t.Errorf("the books pass for whole after an interrupted run (%v)", err)
		}
	}
	if half, err := w.spool.Rebuilding(); half || err != nil {
		t.Errorf("the books do not pass for whole (%v)", err)
	}
	seen := map[string]bool{}
	for _, r := range w.receipts() {
		if seen[r.Name] {
			t.Errorf("two receipts of %s", r.Name)
		}
		seen[r.Name] = true
	}
	if len(seen) != files || runs < 2 {
		t.Errorf("%d receipts after %d runs, want %d", len(seen), runs, files)
	}
}

// A place that lists nothing is said to be one.
func TestSilentPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	cfg.Places = append(cfg.Places, Place{"webnode", "http://node/api/upload", struct{ sink.Reader }{w.there}})
	r := w.run(cfg)
	var text strings.Builder
	if err := r.Text(&text); err != nil || !slices.Equal(r.Silent, []string{"http://node/api/upload"}) || !strings.Contains(text.String(), "lists nothing") {
		t.Errorf("%+v: %s", r, text.String())
	}
}

// Without a captured book, and without a copy of one, that is said: receipts do
// not know what was missed.
func TestNoCapturedBookIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		report Report
		said   bool
	}{
		{Report{Made: 3, NoBook: true}, true},
		{Report{Made: 3, Captured: 4}, false},
	} {
		var text strings.Builder
		if err := c.report.Text(&text); err != nil || strings.Contains(text.String(), "no captured book") != c.said {
			t.Errorf("%+v: %s", c.report, text.String())
		}
	}
}

func TestFindCopies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(path string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(path), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	there := newStorage()
	at := Place{"s3", bucket, there}
	found := func(in, of string) (names []string, several bool) {
		t.Helper()
		copies, err := CopiesIn(filepath.Join(dir, in), of)
		var e *SeveralError
		for _, c := range copies {
			body, err := c.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(body); err != nil || !strings.HasSuffix(string(text), filepath.Base(c.Name)) {
				t.Errorf("%s holds %q (%v)", c.Name, text, err)
			}
			body.Close()
			names = append(names, c.Name)
		}
		return names, errors.As(err, &e)
	}
	for _, path := range []string{"one/2026-11.jsonl", "one/2026-10.jsonl", "one/captured-2026-11.ndjson.zst", "one/notes.txt", "one/.2026-11.jsonl", "two/2026-11.jsonl"} {
		put(path)
		there.bare(Books+path, "x")
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "one", "2026-01.jsonl")); err != nil {
		t.Fatal(err)
	}
	want := []string{"2026-10.jsonl", "2026-11.jsonl", "captured-2026-11.ndjson.zst"}
	if got, _ := found("one", ""); !slices.Equal(got, want) {
		t.Errorf("directly: %q", got)
	}
	if got, _ := found("", "one"); len(got) != 3 || got[0] != "one/2026-10.jsonl" {
		t.Errorf("by name: %q", got)
	}
	put("kept/host-ab/ledger/2026-11.jsonl") // as ledger_copy does
	for _, in := range []string{"kept", "kept/host-ab", "kept/host-ab/ledger"} {
		if got, _ := found(in, ""); len(got) != 1 || filepath.Base(got[0]) != "2026-11.jsonl" {
			t.Errorf("in %s: %q", in, got)
		}
	}
	if got, several := found("", ""); !several || len(got) > 0 {
		t.Errorf("of several: %q", got)
	}
	if _, err := CopiesIn(filepath.Join(dir, "one"), "../two"); err == nil {
		t.Error("a name that leads out is found")
	}
	if _, err := CopiesAt(t.Context(), at, ""); err == nil {
		t.Error("in a bucket, of several: no error")
	}
	if copies, err := CopiesAt(t.Context(), at, "two"); err != nil || len(copies) != 1 || copies[0].Name != Books+"two/2026-11.jsonl" {
		t.Errorf("in a bucket: %+v, %v", copies, err)
	}
}

// Of daily copies the last is read, the one before it where that cannot be, and
// what there was before a loss.
func TestDailyCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	receipt := func(n int) string {
		return line(store.Receipt{Time: begin, Name: name(n), SHA256: hashOf(""), Sink: "webnode", URL: "http://node/api/upload", FileHash: hashOf("x"), Key: hashOf("y"), By: store.ByWatch})
	}
	put := func(day int, content string, packed string) {
		key := objectkey.Book{Store: "host-1", Day: begin.AddDate(0, 0, day), File: "2026-11.jsonl", Size: int64(len(content))}.Key()
		w.there.bare(key, packed)
	}
	one, two := receipt(1), receipt(1)+receipt(2)
	put(1, one, "never read")
	put(2, two, zstdOf(t, two))
	put(3, receipt(3), zstdOf(t, receipt(3))) // the ledger had been lost
	put(4, receipt(3)+receipt(4), zstdOf(t, receipt(3)+receipt(4))[:20])
	copies, err := CopiesAt(t.Context(), Place{"s3", bucket, w.there}, "")
	if err != nil || len(copies) != 2 {
		t.Fatalf("%+v, %v", copies, err)
	}
	opened := 0
	w.there.onOpen = func() { opened++ }
	r := w.run(w.config(copies...))
	if r.Copied != 3 || len(r.Failed) != 1 || opened != 6 { // each whole before a line is taken; what is left of the last, in the end
		t.Errorf("%+v, %d were opened", r, opened)
	}
}
