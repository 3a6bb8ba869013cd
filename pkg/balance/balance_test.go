package balance

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

const prefix = "p-"

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// world is a store whose books and files a test writes itself.
type world struct {
	t        testing.TB
	dir      string
	spool    *store.Store
	captured strings.Builder
	ledger   strings.Builder
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	spool, err := store.Open(store.Config{Dir: dir, Prefix: prefix, WorkingName: "grabber.dat", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spool.Close() })
	return &world{t: t, dir: dir, spool: spool}
}

func (w *world) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) receipt(r store.Receipt) {
	text, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ledger.Write(append(text, '\n'))
}

// verify writes the books and balances them.
func (w *world) verify(urls ...string) Report {
	w.t.Helper()
	w.write("ledger/captured-2026-11.ndjson", w.captured.String())
	w.write("ledger/2026-11.jsonl", w.ledger.String())
	r, err := Verify(w.t.Context(), Config{Store: w.spool, URLs: urls, Now: func() time.Time { return now }})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func name(n int) string {
	return prefix + now.Add(time.Duration(n-1000)*time.Minute).Format("20060102T150405.000000Z") + fmt.Sprintf("-%06d.jsonl", max(n, -n))
}

// content is one of some: its size, and what stands for its hash.
func content(n int) (size int64, hash string) { return int64(n), fmt.Sprintf("%064x", n) }

func line(name string, n int) coverage.File {
	f := coverage.File{Name: name, Messages: 1, First: now.Add(-time.Hour), Last: now.Add(-time.Minute)}
	f.Bytes, f.SHA256 = content(n)
	return f
}

func given(name string, n int, url string, at time.Time) store.Receipt {
	r := store.Receipt{Time: at, Name: name, Sink: "webnode", URL: url, FileHash: "f", Key: "k", Attempts: 1, By: store.ByWatch}
	r.Size, r.SHA256 = content(n)
	return r
}

func named(l List) (names []string) {
	for _, f := range l.Files {
		names = append(names, f.Name)
	}
	return names
}

// TestVerify goes through each state that a file may be in.
func TestVerify(t *testing.T) {
	t.Parallel()
	const here, there = "http://here/api/upload", "http://there/api/upload"
	long := now.Add(-time.Hour)
	body := func(n int) string { return strings.Repeat("x", n) }
	for what, test := range map[string]struct {
		prepare func(w *world)
		urls    []string
		check   func(r Report) bool
		wrong   bool
	}{
		"nothing at all": {func(*world) {}, nil, func(r Report) bool { return r.Captured.Files == 0 }, false},
		"delivered": {func(w *world) { w.receipt(given(name(1), 5, here, long)) }, nil,
			func(r Report) bool { return r.Delivered == Sum{1, 5} && r.Places[0].Sum == Sum{1, 5} }, false},
		"delivered to a place of long ago": {func(w *world) { w.receipt(given(name(1), 5, there, long)) }, []string{here},
			func(r Report) bool { return r.Delivered.Files == 1 }, false},
		"missing": {func(*world) {}, nil, func(r Report) bool { return r.Missing.Files[0].Name == name(1) }, true},
		"waiting": {func(w *world) { w.write(name(1), body(5)) }, nil,
			func(r Report) bool { return r.Waiting == Sum{1, 5} && r.Partly.Files == 0 }, false},
		"being finished": {func(w *world) { w.write("."+name(1), body(4)) }, nil, func(r Report) bool { return r.Waiting.Files == 1 }, false},
		"rejected":       {func(w *world) { w.write("rejected/"+name(1), body(4)) }, nil, func(r Report) bool { return r.SetAside.Files == 1 }, false},
		"rejected under another name": {func(w *world) {
			w.write("rejected/"+name(1)+".1", body(4))
			w.write("rejected/"+name(1)+".1.reason.json", `{"original":"`+name(1)+`"}`)
		}, nil, func(r Report) bool { return r.SetAside.Files == 1 }, false},
		"pushed under its name": {func(w *world) {
			r := given(name(1), 5, here, long)
			r.By = store.ByPush
			w.receipt(r)
		}, nil, func(r Report) bool { return r.Missing.Count == 1 && r.Apart.Pushed.Files == 1 }, true},
		"some places have it": {func(w *world) {
			w.write(name(1), body(5))
			w.receipt(given(name(1), 5, here, long))
		}, []string{here, there}, func(r Report) bool { return r.Partly == Sum{1, 5} && r.Waiting.Files == 1 }, false},
		"shipped just now": {func(w *world) {
			w.write(name(1), body(5))
			w.receipt(given(name(1), 5, here, now.Add(-time.Second)))
		}, []string{here}, func(r Report) bool { return r.Waiting.Files == 1 && r.Partly.Files == 0 }, false},
		"the uploader was killed": {func(w *world) {
			w.write(name(1), body(5))
			w.receipt(given(name(1), 5, here, long))
		}, []string{here}, func(r Report) bool { return r.Waiting.Files == 1 }, false},
		"twice, and the uploader's start does not look so far back": {func(w *world) {
			w.write(name(1), body(5))
			w.receipt(given(name(1), 5, here, long))
			for i := range recent {
				w.receipt(given(fmt.Sprintf("%sforeign-%d", prefix, i), 7, here, long))
			}
		}, []string{here}, func(r Report) bool { return named(r.Twice)[0] == name(1) && r.Apart.TakenOver.Files == recent }, true},
		"another hash": {func(w *world) {
			r := given(name(1), 5, here, long)
			r.SHA256 = strings.Repeat("0", 64)
			w.receipt(r)
		}, nil, func(r Report) bool { return named(r.Differs)[0] == name(1) && named(r.Missing)[0] == name(1) }, true},
		"another size": {func(w *world) {
			r := given(name(1), 5, here, long)
			r.Size++
			w.receipt(r)
			w.receipt(given(name(1), 5, here, long))
		}, nil, func(r Report) bool { return r.Differs.Count == 1 && r.Delivered.Files == 1 && r.Missing.Count == 0 }, true},
		"truncated in the store": {func(w *world) { w.write(name(1), body(3)) }, nil,
			func(r Report) bool { return strings.Contains(r.Differs.Files[0].Why, "3 bytes") }, true},
		"shipped twice to one place": {func(w *world) {
			w.receipt(given(name(1), 5, here, long))
			w.receipt(given(name(1), 5, there, long))
			w.receipt(given(name(1), 5, here, long))
		}, nil, func(r Report) bool { return r.Again.Files[0] == Name{name(1), here} && r.Receipts == 3 }, false},
		"its last line holds": {func(w *world) {
			w.captured.Write(line(name(1), 6).Line())
			w.receipt(given(name(1), 6, here, long))
		}, nil, func(r Report) bool { return r.Captured == Sum{1, 6} && r.Delivered.Files == 1 }, false},
		"another's file has its name": {func(w *world) {
			f := line(name(2), 5)
			f.Instead = name(1)
			w.captured.Write(f.Line())
			w.receipt(given(name(1), 9, here, long))
			w.receipt(given(name(2), 5, here, long))
		}, nil, func(r Report) bool {
			return r.Captured.Files == 1 && r.Delivered == Sum{1, 5} && r.Apart.Older.Files == 1
		}, false},
		"compressed": {func(w *world) {
			f := line(name(2)+".zst", 50)
			f.PackedBytes, f.PackedSHA256 = content(7)
			w.captured.Write(f.Line())
			r := given(f.Name, 7, here, long)
			r.InflatedSize, r.InflatedSHA256 = content(50)
			w.receipt(r)
			w.write(name(1), body(5))
		}, nil, func(r Report) bool { return r.Delivered == Sum{1, 7} && r.Waiting.Files == 1 }, false},
		"compressed from something else": {func(w *world) {
			f := line(name(2)+".zst", 50)
			f.PackedBytes, f.PackedSHA256 = content(7)
			w.captured.Write(f.Line())
			r := given(f.Name, 7, here, long)
			r.InflatedSize, r.InflatedSHA256 = content(51)
			w.receipt(r)
			w.write(name(1), body(5))
		}, nil, func(r Report) bool { return named(r.Differs)[0] == name(2)+".zst" }, true},
		"apart": {func(w *world) {
			w.write(name(1), body(5))
			w.captured.Write(coverage.Span{From: now.Add(-20 * time.Hour), To: now}.Line())
			w.receipt(given(name(-500), 7, here, long))
			w.receipt(given(name(900), 8, here, long))
			w.receipt(given("their.txt", 9, here, long))
			w.write(prefix+"dropped-in.txt", "x")
			w.write("rejected/"+name(1)+".damaged", "xx")
			w.write("rejected/"+name(1)+".damaged.reason.json", "{}")
			w.write("grabber.dat", "xxx")
		}, nil, func(r Report) bool {
			return r.Apart == Apart{Older: Sum{1, 7}, Unbooked: Sum{1, 8}, TakenOver: Sum{1, 9}, Stored: Sum{1, 1}, Damaged: Sum{1, 2}}
		}, false},
		"damaged lines": {func(w *world) {
			w.write(name(1), body(5))
			w.captured.WriteString("{\"kind\":\"file\"}\nnonsense\n{\"kind\":\"of a newer version\"}\n")
			w.ledger.WriteString("{}\n" + strings.Repeat("x", 70<<10) + "\n{\"torn")
		}, nil, func(r Report) bool {
			var at []string
			for _, d := range r.Damage {
				at = append(at, fmt.Sprint(d.File, " ", d.Line))
			}
			return slices.Equal(at, []string{"ledger/captured-2026-11.ndjson 2", "ledger/captured-2026-11.ndjson 3", "ledger/2026-11.jsonl 1", "ledger/2026-11.jsonl 2"})
		}, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if what != "nothing at all" {
				w.captured.Write(line(name(1), 5).Line())
			}
			test.prepare(w)
			r := w.verify(test.urls...)
			if !test.check(r) || r.Balanced == test.wrong {
				text, _ := json.MarshalIndent(r, "", " ")
				t.Errorf("%s", text)
			}
		})
	}
}

// A file that all places have is only on its way out while somebody may be
// about to remove it.
func TestVerifyTwiceWhileUploaderRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lock, err := w.spool.Lock(t.Context(), store.RoleUploader, store.Holder{PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	w.captured.Write(line(name(1), 5).Line())
	w.write(name(1), "xxxxx")
	w.receipt(given(name(1), 5, "http://here", now.Add(-lately)))
	if r := w.verify("http://here"); r.Balanced || r.Twice.Count != 1 {
		t.Errorf("%+v", r)
	}
}

// naive is the same question, answered the simple way.
func naive(files []coverage.File, receipts []store.Receipt, held map[string]map[store.Part]int64, urls []string, runs bool) (r Report) {
	r = newReport()
	last := map[string]coverage.File{}
	for _, f := range files {
		if f.Instead != "" {
			delete(last, f.Instead)
		}
		last[f.Name] = f
	}
	places := map[string]map[string]int{}
	newest := map[string]time.Time{}
	differs := map[string]bool{}
	for _, rc := range receipts {
		f, ok := last[rc.Name]
		switch {
		case rc.By != store.ByWatch:
			r.Apart.Pushed.count(rc.Size)
		case !ok:
			r.Apart.TakenOver.count(rc.Size) // which of the kinds is another test's
		case f.Bytes != rc.Size || f.SHA256 != rc.SHA256:
			differs[rc.Name] = true
		default:
			if places[rc.Name] == nil {
				places[rc.Name] = map[string]int{}
			}
			places[rc.Name][rc.URL]++
			if rc.Time.After(newest[rc.Name]) {
				newest[rc.Name] = rc.Time
			}
		}
	}
	for name, f := range last {
		r.Captured.count(f.Bytes)
		at, in := places[name], held[name]
		complete := len(at) > 0
		for _, url := range urls {
			complete = complete && at[url] > 0
		}
		_, isFinished := in[store.Finished]
		_, isFinishing := in[store.Finishing]
		_, isAside := in[store.Aside]
		switch {
		case isFinished || isFinishing:
			r.Waiting.count(f.Bytes)
			if len(at) > 0 && !complete {
				r.Partly.count(f.Bytes)
			}
		case isAside:
			r.SetAside.count(f.Bytes)
		case len(at) > 0:
			r.Delivered.count(f.Bytes)
		default:
			r.Missing.add(name, "")
		}
		if isFinished && complete && runs && now.Sub(newest[name]) >= lately {
			r.Twice.add(name, "")
		}
		if differs[name] || isFinished && in[store.Finished] != f.Bytes {
			r.Differs.add(name, "")
		}
		for _, n := range at {
			if n > 1 {
				r.Again.add(name, "")
				break
			}
		}
	}
	return r
}

// TestVerifyIsTheNaiveBalance compares with it over random histories.
func TestVerifyIsTheNaiveBalance(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		var files []coverage.File
		var receipts []store.Receipt
		held := map[string]map[store.Part]int64{}
		pick := func() string { return name(rng.IntN(12)) }
		urls := []string{"http://a", "http://b", "http://c"}
		for range rng.IntN(30) {
			f := line(pick(), 1+rng.IntN(2))
			if rng.IntN(6) == 0 {
				if f.Instead = pick(); f.Instead == f.Name {
					f.Instead = ""
				}
			}
			files = append(files, f)
			w.captured.Write(f.Line())
		}
		for range rng.IntN(40) {
			r := given(pick(), 1+rng.IntN(2), urls[rng.IntN(3)], now.Add(-time.Duration(rng.IntN(120))*time.Second))
			if rng.IntN(8) == 0 {
				r.By = store.ByPush
			}
			receipts = append(receipts, r)
			w.receipt(r)
		}
		for range rng.IntN(10) {
			n, at, size := pick(), store.Part(rng.IntN(3)), 1+rng.IntN(2)
			if held[n] == nil {
				held[n] = map[store.Part]int64{}
			}
			held[n][at] = int64(size)
			w.write(map[store.Part]string{store.Finished: "", store.Finishing: ".", store.Aside: "rejected/"}[at]+n, strings.Repeat("x", size))
		}
		// What is both being finished and finished is looked at in one place only.
		for n, at := range held {
			if len(at) > 1 {
				delete(at, store.Finishing)
				os.Remove(filepath.Join(w.dir, "."+n))
			}
		}
		runs := rng.IntN(2) == 0
		if runs {
			lock, err := w.spool.Lock(t.Context(), store.RoleUploader, store.Holder{PID: os.Getpid()})
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
		}
		configured := urls[:rng.IntN(3)]
		want, got := naive(files, receipts, held, configured, runs), w.verify(configured...)
		compare(t, seed, want, got)
	}
}

func compare(t *testing.T, seed uint64, want, got Report) {
	t.Helper()
	for _, pair := range [][2]any{
		{want.Captured, got.Captured}, {want.Delivered, got.Delivered}, {want.Waiting, got.Waiting}, {want.Partly, got.Partly},
		{want.SetAside, got.SetAside}, {want.Apart.Pushed, got.Apart.Pushed},
		{want.Apart.TakenOver.Files, got.Apart.TakenOver.Files + got.Apart.Older.Files + got.Apart.Unbooked.Files},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("seed %d: want %+v\ngot %+v", seed, want, got)
			return
		}
	}
	for what, pair := range map[string][2]List{
		"missing": {want.Missing, got.Missing}, "twice": {want.Twice, got.Twice}, "differs": {want.Differs, got.Differs}, "again": {want.Again, got.Again},
	} {
		w, g := named(pair[0]), named(pair[1])
		slices.Sort(w)
		slices.Sort(g)
		if !slices.Equal(w, g) || pair[0].Count != pair[1].Count {
			t.Errorf("seed %d, %s: %q, want %q", seed, what, g, w)
		}
	}
}

// TestText: what a person sees has at most twenty names a list, and no control
// characters of somebody's file names.
func TestText(t *testing.T) {
	t.Parallel()
	r := newReport()
	r.Captured, r.Missing = Sum{1234567, 5 << 30}, List{Count: 1000}
	for i := range 500 {
		r.Missing.Files = append(r.Missing.Files, Name{Name: fmt.Sprintf("\x1b[31m%d", i)})
	}
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1,234,567 files, 5.0 GiB", "MISSING", "1,000 files", "and 980 more", "NOT balance"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "\x1b") || strings.Count(b.String(), "\n") > 40 {
		t.Errorf("%q", b.String())
	}
}
