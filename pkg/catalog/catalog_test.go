package catalog

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

var begin = time.Date(2026, 10, 31, 23, 59, 50, 0, time.UTC)

func hash(c string) string { return strings.Repeat(c, 64)[:64] }

// named is a name of the grammar, so many seconds after begin.
func named(prefix string, seconds int, ending string) string {
	at := begin.Add(time.Duration(seconds) * time.Second)
	return fmt.Sprintf("%s%s-%06d.jsonl%s", prefix, at.Format("20060102T150405.000000Z"), seconds, ending)
}

// machine is a directory of books that is written by hand.
type machine struct {
	t   testing.TB
	dir string
}

func newMachine(t testing.TB) *machine { return &machine{t, t.TempDir()} }

func (m *machine) write(file, text string) {
	m.t.Helper()
	f, err := os.OpenFile(filepath.Join(m.dir, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		m.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// ships writes a receipt, so long after begin.
func (m *machine) ships(after time.Duration, r store.Receipt) {
	m.t.Helper()
	r.Time = begin.Add(after)
	if r.By == "" {
		r.By = store.ByWatch
	}
	if r.Sink == "" {
		r.Sink = "directory"
	}
	text, err := json.Marshal(r)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(r.Time.Format("2006-01")+".jsonl", string(text)+"\n")
}

// captures writes a line of the captured book of a file that lasts a minute.
func (m *machine) captures(f coverage.File) {
	m.t.Helper()
	at, _, ok := inName(f.Name)
	if !ok {
		m.t.Fatalf("%s is outside the grammar", f.Name)
	}
	f.First, f.Last = at, at.Add(time.Minute)
	m.write("captured-"+f.Last.Format("2006-01")+".ndjson", string(f.Line()))
}

func (m *machine) source(spool Spool) Source {
	m.t.Helper()
	books, err := store.OpenBooks(m.dir)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = books.Close() })
	return Source{books, spool}
}

func all(t testing.TB, in Range, sources ...Source) (files []File, c *Catalog) {
	t.Helper()
	c, err := Open(sources, in)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Each(func(f File) error { files = append(files, f); return nil }); err != nil {
		t.Fatal(err)
	}
	return files, c
}

// shown is a file in one line.
func shown(f File) string {
	s := fmt.Sprintf("%d %s", f.Source, f.Name)
	for _, p := range f.Places {
		s += " " + p.URL + p.Object
	}
	if f.Captured != nil {
		s += fmt.Sprintf(" %d messages", f.Captured.Messages)
	}
	for i, is := range []bool{f.Waits, f.Rejected, f.Pushed, f.Foreign, f.Altered()} {
		if is {
			s += []string{" waits", " rejected", " pushed", " foreign", " altered"}[i]
		}
	}
	return s
}

func expect(t testing.TB, what string, files []File, want ...string) {
	t.Helper()
	var got []string
	for _, f := range files {
		got = append(got, shown(f))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// fakeSpool is what is in a store.
type fakeSpool struct{ waits, rejected, finishing []string }

func (s fakeSpool) Holds(name string) (store.Holding, bool) {
	return store.Holding{Name: name, In: store.Finishing}, slices.Contains(s.finishing, name)
}

func (s fakeSpool) Scan(int, func(string) bool) (store.Backlog, error) {
	return store.Backlog{Names: s.waits}, nil
}

func (s fakeSpool) Rejected() (all []store.Reason, err error) {
	for _, name := range s.rejected {
		all = append(all, store.Reason{Name: name, Original: name})
	}
	return all, nil
}

// One of everything, over the end of a month.
func TestList(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	n := func(i int) string { return named("p-", i, "") }
	m.captures(coverage.File{Name: n(1), Messages: 1, SHA256: hash("1")})
	m.captures(coverage.File{Name: n(2), Messages: 1, SHA256: hash("0")}) // written again below
	m.captures(coverage.File{Name: n(2), Messages: 2, SHA256: hash("2")})
	m.captures(coverage.File{Name: n(3), Messages: 3, SHA256: hash("3")})
	m.captures(coverage.File{Name: n(4), Messages: 4, SHA256: hash("4")}) // nowhere
	m.captures(coverage.File{Name: n(5), Messages: 5, SHA256: hash("5")})
	m.captures(coverage.File{Name: n(6) + ".zst", Messages: 6, SHA256: hash("6"), PackedSHA256: hash("e"), PackedBytes: 60, Bytes: 600})
	m.captures(coverage.File{Name: n(8), Messages: 8, SHA256: hash("8")})                // a foreign file had the name
	m.captures(coverage.File{Name: n(9), Messages: 8, SHA256: hash("8"), Instead: n(8)}) // so it got this one
	m.ships(time.Hour, store.Receipt{Name: n(2), SHA256: hash("2"), URL: "a"})
	m.ships(time.Hour, store.Receipt{Name: n(2), SHA256: hash("2"), URL: "b"})
	m.ships(48*time.Hour, store.Receipt{Name: n(1), SHA256: hash("1"), URL: "a"}) // late
	m.ships(48*time.Hour, store.Receipt{Name: n(3), SHA256: hash("9"), URL: "a"}) // other content
	m.ships(48*time.Hour, store.Receipt{Name: n(6) + ".zst", SHA256: hash("e"), Size: 60, URL: "a/", Object: "dt=1/x", InflatedSize: 600, InflatedSHA256: hash("6")})
	m.ships(48*time.Hour, store.Receipt{Name: "notes.txt", SHA256: hash("a"), URL: "a", By: store.ByPush})
	m.ships(49*time.Hour, store.Receipt{Name: "notes.txt", SHA256: hash("b"), URL: "a", By: store.ByPush})
	m.ships(49*time.Hour, store.Receipt{Name: "p-1793491200.25-7.txt", SHA256: hash("c"), URL: "a"}) // the original's, of the first of November
	m.ships(49*time.Hour, store.Receipt{Name: n(2), SHA256: hash("2"), URL: "a"})                    // again
	m.ships(49*time.Hour, store.Receipt{Name: n(8), SHA256: hash("d"), URL: "a"})
	m.write("2026-10.jsonl", "{\"torn\n")
	m.write("captured-2026-11.ndjson", `{"kind":"span","from":"2026-11-01T00:00:00Z","to":"2026-11-01T00:00:01Z"}`+"\n"+`{"kind":"newer"}`+"\n")
	source := m.source(fakeSpool{waits: []string{n(5), n(7)}, rejected: []string{n(3) + ".damaged", n(10)}, finishing: []string{n(1), n(9)}})
	files, c := all(t, Range{}, source)
	want := []string{
		"0 " + n(1) + " a 1 messages", "0 " + n(2) + " a b 2 messages", "0 " + n(3) + " a 3 messages altered", "0 " + n(4) + " 4 messages",
		"0 " + n(5) + " 5 messages waits", "0 " + n(6) + ".zst a/dt=1/x 6 messages", "0 " + n(7) + " waits", "0 " + n(8) + " a",
		"0 " + n(9) + " 8 messages waits", "0 " + n(10) + " rejected", "0 p-1793491200.25-7.txt a foreign",
	}
	expect(t, "all", files, want...)
	if c.Damaged() != 1 || c.Most() != len(want) {
		t.Errorf("%d lines damaged, at most %d files; want 1 and %d", c.Damaged(), c.Most(), len(want))
	}
	if inside, ok := files[5].Inflated(); !ok || inside != (Content{600, hash("6")}) {
		t.Errorf("in the packed file is %+v, %v", inside, ok)
	}
	files, _ = all(t, Range{Pushed: true, From: begin.Add(40 * time.Hour)}, source)
	expect(t, "what was pushed", files, "0 notes.txt a pushed foreign", "0 notes.txt a pushed foreign")
	if files[0].Places[0].SHA256 == files[1].Places[0].SHA256 {
		t.Error("the two are one")
	}
}

// A file is in a range with any of its messages; the book knows its last.
func TestRange(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for i, lined := range []bool{true, false, true, false, true} {
		name := named("p-", i*100, "")
		if lined { // lasts a minute
			m.captures(coverage.File{Name: name, SHA256: hash("1")})
		}
		m.ships(time.Duration(i)*time.Hour, store.Receipt{Name: name, SHA256: hash("1"), URL: "a"})
	}
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	for _, tt := range []struct {
		from, to time.Time
		want     []int
	}{
		{time.Time{}, time.Time{}, []int{0, 100, 200, 300, 400}},
		{at(0), at(400), []int{0, 100, 200, 300}},
		{at(30), at(100), []int{0}},
		{at(61), at(201), []int{100, 200}},
		{at(130), at(1000), []int{200, 300, 400}},
		{at(260), time.Time{}, []int{200, 300, 400}},
		{at(330), time.Time{}, []int{400}},
		{at(461), time.Time{}, nil},
		{time.Time{}, at(0), nil},
	} {
		files, _ := all(t, Range{From: tt.from, To: tt.to}, m.source(nil))
		var got []int
		for _, f := range files {
			got = append(got, int(f.At.Sub(begin)/time.Second))
			if len(f.Places) != 1 {
				t.Errorf("from %v to %v: %s", tt.from, tt.to, shown(f))
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("from %v to %v: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

// Two machines in one list, with a copy of the books of one of them: files of
// one name are one only if they have one content.
func TestSeveralMachines(t *testing.T) {
	t.Parallel()
	a, b := newMachine(t), newMachine(t)
	n := func(i int) string { return named("p-", i, "") }
	for i, m := range []*machine{a, b} {
		own := hash(string(rune('a' + i)))
		m.captures(coverage.File{Name: n(1), Messages: uint64(10 + i), SHA256: own})
		m.captures(coverage.File{Name: n(2 + i), Messages: 2, SHA256: own})
		m.ships(time.Hour, store.Receipt{Name: n(1), SHA256: own, URL: "u"})
		m.ships(time.Hour, store.Receipt{Name: n(2 + i), SHA256: own, URL: "u"})
		m.ships(time.Hour, store.Receipt{Name: n(4), SHA256: hash("4"), URL: "u"})
	}
	files, _ := all(t, Range{}, a.source(nil), b.source(nil), a.source(nil))
	expect(t, "both", files, "0 "+n(1)+" u 10 messages", "1 "+n(1)+" u 11 messages", "0 "+n(2)+" u 2 messages", "1 "+n(3)+" u 2 messages", "0 "+n(4)+" u")
}

// What is read in order is read fast, and a million lines need little memory.
func TestManyLines(t *testing.T) {
	m := newMachine(t)
	const files = 20_000
	var books, receipts strings.Builder
	for i := range files {
		name := named("p-", i, "")
		f := coverage.File{Name: name, Messages: uint64(i), SHA256: hash("1"), First: begin, Last: begin.Add(time.Hour)}
		books.Write(f.Line())
		text, err := json.Marshal(store.Receipt{Name: name, Time: begin, Sink: "s", URL: "u", SHA256: hash("1"), By: store.ByWatch})
		if err != nil {
			t.Fatal(err)
		}
		receipts.Write(append(text, '\n'))
	}
	m.write("captured-2026-11.ndjson", books.String())
	m.write("2026-11.jsonl", receipts.String())
	source := m.source(nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c, err := Open([]Source{source}, Range{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / files; each > 56 { // two entries, and what append keeps
		t.Errorf("%d bytes of memory a file", each)
	}
	n := 0
	if err := c.Each(func(f File) error {
		if f.Captured == nil || f.Captured.Messages != uint64(n) || len(f.Places) != 1 {
			t.Fatalf("file %d is %s", n, shown(f))
		}
		n++
		return nil
	}); err != nil || n != files {
		t.Errorf("%d files, %v", n, err)
	}
}

// Of what is in a packed file the captured book has the word, and a receipt only
// where that says nothing: rebuild takes receipts from what stands beside objects.
func TestBookHasTheWordOnContent(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	name := named("p-", 5, ".zst")
	m.captures(coverage.File{Name: name, Messages: 1, Bytes: 7, SHA256: hash("a"), PackedBytes: 3, PackedSHA256: hash("b")})
	m.ships(0, store.Receipt{Name: name, Size: 3, SHA256: hash("b"), URL: "one", InflatedSize: 9, InflatedSHA256: hash("c")})
	files, _ := all(t, Range{}, m.source(nil))
	if got, ok := files[0].Inflated(); !ok || got != (Content{7, hash("a")}) {
		t.Errorf("%+v, %v", got, ok)
	}
}
