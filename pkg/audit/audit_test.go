package audit

import (
	"bytes"
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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	prefix = "p-"
	place1 = "https://one.example/api/upload"
	place2 = "file:///srv/two"
)

// storage is a fake one, that lists.
type storage struct {
	mu      sync.Mutex
	objects map[string]sink.Found
	content map[string][]byte
	fails   map[string][]error // by key, the next ones
	down    error
	asked   map[string]int
	now     int // being asked at this moment
	most    int
	onStat  func(key string)
	onList  func()
}

func newStorage() *storage {
	return &storage{objects: map[string]sink.Found{}, content: map[string][]byte{}, fails: map[string][]error{}, asked: map[string]int{}}
}

func (s *storage) enter(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[key]++
	s.now++
	s.most = max(s.most, s.now)
	if s.onStat != nil {
		s.onStat(key)
	}
	if s.down != nil {
		return s.down
	}
	if list := s.fails[key]; len(list) > 0 {
		s.fails[key] = list[1:]
		return list[0]
	}
	if _, ok := s.objects[key]; !ok {
		return &sink.Error{Kind: sink.Permanent, Reading: true, Err: sink.ErrNotFound}
	}
	return nil
}

func (s *storage) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
}

func (s *storage) Stat(_ context.Context, ref sink.Ref) (sink.Found, error) {
	err := s.enter(ref.Key)
	defer s.leave()
	return s.objects[ref.Key], err
}

func (s *storage) Open(_ context.Context, ref sink.Ref) (io.ReadCloser, error) {
	err := s.enter(ref.Key)
	defer s.leave()
	return io.NopCloser(bytes.NewReader(s.content[ref.Key])), err
}

// lister is a storage that can be listed.
type lister struct{ *storage }

func (l lister) List(_ context.Context, _ string, each func(sink.Found) error) error {
	if l.onList != nil {
		l.onList()
	}
	for _, f := range l.objects {
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}

// world is a store with a ledger, and two storages.
type world struct {
	t      testing.TB
	dir    string
	spool  *store.Store
	one    *storage
	two    *storage
	notice []string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	spool, err := store.Open(store.Config{Dir: dir, Prefix: prefix, WorkingName: "grabber.dat", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spool.Close() })
	return &world{t: t, dir: dir, spool: spool, one: newStorage(), two: newStorage()}
}

var begin = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func name(n int) string {
	return prefix + begin.Add(time.Duration(n)*time.Hour).Format("20060102T150405.000000Z") + fmt.Sprintf("-%06d.jsonl", n)
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// ship puts a file to a place, and its receipt into the ledger.
func (w *world) ship(name, url, object string) {
	w.t.Helper()
	content := []byte("content of " + name)
	r := store.Receipt{Time: begin, Name: name, Size: int64(len(content)), SHA256: hashOf(content), Sink: "fake", URL: url, FileHash: "f", Object: object, By: store.ByWatch}
	s := w.one
	if url == place2 {
		s = w.two
	}
	key := object
	if key == "" {
		key = name
	}
	s.objects[key] = sink.Found{Key: key, Size: r.Size, Modified: begin}
	s.content[key] = content
	w.receipt(r)
}

func (w *world) receipt(r store.Receipt) {
	w.t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(w.dir, "ledger", "2026-11.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(append(text, '\n')); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) config(q Question) Config {
	if q.Percent == 0 {
		q.Percent = 100
	}
	return Config{
		Store: w.spool, Question: q, Parallel: 4, Tries: 3, Backoff: backoff.Policy{First: time.Microsecond, Max: time.Microsecond},
		Open: func(_, url string) (sink.Reader, error) {
			switch url {
			case place1:
				return w.one, nil
			case place2:
				return lister{w.two}, nil
			}
			return nil, errors.New("no such place")
		},
		Ref: func(r store.Receipt) sink.Ref {
			if r.Object != "" {
				return sink.Ref{Key: r.Object}
			}
			return sink.Ref{Key: r.Name}
		},
		Notice: func(sentence string) { w.notice = append(w.notice, sentence) },
	}
}

func (w *world) run(cfg Config) Report {
	w.t.Helper()
	r, err := Run(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	states, err := filepath.Glob(filepath.Join(w.dir, ".state", "audit-*"))
	if err != nil || len(states) > 0 {
		w.t.Errorf("left behind: %v (%v)", states, err)
	}
	if w.one.most > 4 || w.two.most > 4 {
		w.t.Errorf("%d and %d were asked for at a time, want at most 4", w.one.most, w.two.most)
	}
	return r
}

func names(o Objects) (list []string) {
	for _, object := range o.Objects {
		list = append(list, object.Name)
	}
	slices.Sort(list)
	return list
}

func TestRun(t *testing.T) {
	t.Parallel()
	temporary := &sink.Error{Kind: sink.Temporary, Err: errors.New("reset")}
	for what, test := range map[string]struct {
		change   func(w *world)
		download bool
		want     func(r Report) bool
		right    bool
	}{
		"all right":       {func(*world) {}, false, func(r Report) bool { return r.Asked == 6 && r.There == 6 && r.Places[1].Listed }, true},
		"all read back":   {func(*world) {}, true, func(r Report) bool { return r.Places[0].Hashes == 3 && r.Bytes > 0 }, true},
		"missing":         {func(w *world) { delete(w.one.objects, name(1)) }, false, func(r Report) bool { return names(r.Missing)[0] == name(1) && r.There == 5 }, false},
		"another size":    {func(w *world) { w.one.objects[name(1)] = sink.Found{Size: 3} }, false, func(r Report) bool { return names(r.Altered)[0] == name(1) }, false},
		"no size is told": {func(w *world) { w.one.objects[name(1)] = sink.Found{Size: -1} }, false, func(r Report) bool { return r.Places[0].Sizes == 2 }, true},
		"another hash is told": {func(w *world) {
			f := w.one.objects[name(1)]
			f.SHA256 = hashOf(nil)
			w.one.objects[name(1)] = f
		}, false, func(r Report) bool { return names(r.Altered)[0] == name(1) && r.Places[0].Hashes == 1 }, false},
		"swapped": {func(w *world) {
			f := w.one.objects[name(1)]
			f.Meta = map[string]string{"sha256": hashOf([]byte("content of " + name(2)))}
			w.one.objects[name(1)] = f
		}, false, func(r Report) bool { return strings.Contains(r.Altered.Objects[0].Why, "another file's") }, false},
		"altered in the middle": {func(w *world) { w.one.content[name(1)][5] ^= 1 }, true, func(r Report) bool { return strings.Contains(r.Altered.Objects[0].Why, "SHA-256") }, false},
		"altered, and not read": {func(w *world) { w.one.content[name(1)][5] ^= 1 }, false, func(r Report) bool { return r.Places[0].Hashes == 0 }, true},
		"truncated":             {func(w *world) { w.one.content[name(1)] = nil }, true, func(r Report) bool { return strings.Contains(r.Altered.Objects[0].Why, "0 bytes") }, false},
		"longer":                {func(w *world) { w.one.content[name(1)] = make([]byte, 1<<20) }, true, func(r Report) bool { return r.Altered.Count == 1 && r.Bytes < 10_000 }, false},
		"a network that mends": {func(w *world) { w.one.fails[name(1)] = []error{temporary, errors.New("cut")} }, true,
			func(r Report) bool { return r.There == 6 }, true},
		"a network that does not": {func(w *world) { w.one.fails[name(1)] = []error{temporary, temporary, temporary, temporary} }, false,
			func(r Report) bool { return names(r.Unasked)[0] == name(1) && r.Missing.Count == 0 && r.There == 5 }, false},
		"refused": {func(w *world) {
			w.one.fails[name(1)] = []error{&sink.Error{Kind: sink.Credentials, Err: errors.New("403")}}
		}, false,
			func(r Report) bool { return r.Unasked.Count == 1 && strings.Contains(r.Unasked.Objects[0].Why, "403") }, false},
		"a place that nothing is known of": {func(w *world) {
			w.receipt(store.Receipt{Time: begin, Name: "x", SHA256: hashOf(nil), Sink: "pigeon", URL: "coop"})
		}, false, func(r Report) bool { return r.Unasked.Count == 1 && r.There == 6 }, false},
		"lines that cannot be read": {func(w *world) { w.receipt(store.Receipt{}) }, false, func(r Report) bool { return r.Asked == 6 }, true},
		"unknown objects": {func(w *world) {
			for _, key := range []string{"../x", "dt=2026/" + name(9), "a\x1b[31m", "_books/h/2026-11.jsonl.zst"} {
				w.two.objects[key] = sink.Found{Key: key, Modified: begin}
			}
			w.two.objects["young"] = sink.Found{Key: "young", Modified: time.Now()}
		}, false, func(r Report) bool {
			return slices.Equal(names(r.Unknown), []string{"../x", `a\x1b[31m`, "dt=2026/" + name(9)}) && r.Unknown.Objects[0].Place == 1
		}, false},
		"it gets its receipt meanwhile": {func(w *world) {
			w.two.objects[name(9)] = sink.Found{Key: name(9), Modified: begin}
			w.two.onList = func() { w.ship(name(9), place2, "") }
		}, false, func(r Report) bool { return r.Unknown.Count == 0 }, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i := range 3 {
				w.ship(name(i), place1, "")
				w.ship(name(i), place2, "dt=2026-11-01/"+name(i))
			}
			test.change(w)
			r := w.run(w.config(Question{Download: test.download}))
			if !test.want(r) || r.Right != test.right {
				text, _ := json.MarshalIndent(r, "", " ")
				t.Errorf("%s", text)
			}
		})
	}
}

// A place that is down is not asked a million times; the others are.
func TestRunGivesUpAPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const files = 200
	for i := range files {
		w.ship(name(i), place1, "")
		w.ship(name(i), place2, "")
	}
	w.one.down = &sink.Error{Kind: sink.Temporary, Err: errors.New("no route")}
	r := w.run(w.config(Question{}))
	if r.Unasked.Count != files || r.There != files || r.Missing.Count != 0 {
		t.Errorf("%+v", r)
	}
	if n := len(w.one.asked); n > enough+8 {
		t.Errorf("%d objects were asked for at a place that is down", n)
	}
}

// An interrupted audit goes on, asks nearly nothing twice, and finds what one
// that was not interrupted finds.
func TestRunGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const files = 300
	for i := range files {
		w.ship(name(i), place2, "")
	}
	for i := 10; i < files; i += 30 {
		delete(w.two.objects, name(i))
	}
	cfg := w.config(Question{From: "7d", Percent: 90})
	var done []int
	cfg.Progress = func(n, _ int) { done = append(done, n) }
	runs := 0
	var r Report
	for cut := 40; ; cut += 40 {
		ctx, cancel := context.WithCancel(t.Context())
		w.two.onStat = func(string) {
			if sum := len(w.two.asked); sum >= cut {
				cancel()
			}
		}
		var err error
		r, err = Run(ctx, cfg)
		cancel()
		runs++
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || runs > 20 {
			t.Fatalf("run %d: %v", runs, err)
		}
	}
	asked := 0
	for _, n := range w.two.asked {
		asked += n
	}
	if runs < 4 || !r.Resumed || r.Asked != len(w.two.asked) || asked > r.Asked+runs*8 {
		t.Errorf("%d runs asked %d times for %d objects; the report says %+v", runs, asked, len(w.two.asked), r)
	}
	if r.Asked < files*80/100 || r.Asked > files*98/100 || r.There+r.Missing.Count != r.Asked {
		t.Errorf("%d of %d receipts were asked for, %d there, %d missing", r.Asked, files, r.There, r.Missing.Count)
	}
	if !slices.IsSorted(done) || done[len(done)-1] != r.Asked {
		t.Errorf("progress: %v", done)
	}
	if len(w.notice) > 0 {
		t.Errorf("notices: %q", w.notice)
	}
}

// Samples of two audits are not the same, and a range is one of the capture.
func TestRunAsksForAPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 500 {
		w.ship(name(i), place1, "")
	}
	first := w.run(w.config(Question{Percent: 20}))
	seen := len(w.one.asked)
	second := w.run(w.config(Question{Percent: 20}))
	if first.Asked < 50 || first.Asked > 160 || seen != first.Asked || len(w.one.asked) == seen || second.Asked < 50 {
		t.Errorf("samples of %d and %d, together %d", first.Asked, second.Asked, len(w.one.asked))
	}
	cfg := w.config(Question{})
	cfg.From, cfg.To = begin.Add(10*time.Hour), begin.Add(20*time.Hour)
	if r := w.run(cfg); r.Asked != 10 {
		t.Errorf("%d receipts of ten hours", r.Asked)
	}
}

// A state that is not ours begins anew.
func TestRunWithADamagedState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship(name(1), place1, "")
	cfg := w.config(Question{})
	if err := w.spool.WriteState(cfg.Question.file(), []byte("{"), false); err != nil {
		t.Fatal(err)
	}
	if r := w.run(cfg); r.Asked != 1 || r.Resumed || len(w.notice) != 1 {
		t.Errorf("%+v, %q", r, w.notice)
	}
}
