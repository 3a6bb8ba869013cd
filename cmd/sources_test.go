//go:build unix

package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// feed is a local server whose events happen at a rate, whoever listens: it
// sends those that have happened from where it is asked to, then what comes. It
// is made from the networks' documentation alone.
type feed struct {
	kind  string
	rate  int // events a second
	all   int // that ever happen
	begin time.Time
	life  time.Duration // of a connection
}

// happened returns how many events there are by now.
func (f *feed) happened() int {
	return min(f.all, int(time.Since(f.begin).Seconds()*float64(f.rate)))
}

// at returns when an event happens, to ten milliseconds: many share a time.
func (f *feed) at(i int) time.Time {
	return f.begin.Add(time.Duration(i) * time.Second / time.Duration(f.rate)).Truncate(10 * time.Millisecond)
}

// since returns the first event that did not happen before t.
func (f *feed) since(t time.Time) int {
	return sort.Search(f.all, func(i int) bool { return !f.at(i).Before(t) })
}

// status returns the id of a Mastodon's status.
func (f *feed) status(i int) uint64 { return uint64(f.at(i).UnixMilli())<<16 + uint64(i&0xffff) }

func (f *feed) message(i int) string {
	text := strings.Repeat("some text ", 1+i%20)
	switch f.kind {
	case "jetstream":
		return fmt.Sprintf(`{"did":"did:plc:%d","time_us":%d,"kind":"commit","commit":{"rev":"r%d","operation":"create","collection":"app.bsky.feed.post","rkey":"k","record":{"n":%d,"text":"%s"}}}`,
			i%100, f.at(i).UnixMicro(), i, i, text)
	case "wikimedia":
		return fmt.Sprintf(`{"meta":{"id":"m%d","dt":"%s","domain":"en.wikipedia.org"},"n":%d,"text":"%s"}`, i, f.at(i).UTC().Format(time.RFC3339Nano), i, text)
	case "mastodon":
		return fmt.Sprintf(`{"id":"%d","n":%d,"text":"%s"}`, f.status(i), i, text)
	}
	return fmt.Sprintf(`{"n":%d,"text":"%s"}`, i, text)
}

func (f *feed) path() string {
	return map[string]string{
		"jetstream": "/subscribe", "wikimedia": "/v2/stream/recentchange", "mastodon": "/api/v1/streaming/public", "sse": "/events",
	}[f.kind]
}

func (f *feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), f.life)
	defer cancel()
	last := r.Header.Get("Last-Event-ID")
	switch {
	case f.kind == "jetstream" && r.URL.Path == "/subscribe":
		f.socket(ctx, w, r)
	case strings.HasPrefix(r.URL.Path, "/api/v1/timelines/public"):
		f.timeline(w, r)
	case r.URL.Path != f.path():
		http.NotFound(w, r)
	case f.kind == "wikimedia" && last != "":
		var id []struct{ Timestamp int64 }
		if json.Unmarshal([]byte(last), &id) != nil || len(id) == 0 {
			http.Error(w, last, http.StatusBadRequest)
			return
		}
		f.events(ctx, w, f.since(time.UnixMilli(id[0].Timestamp)))
	case f.kind == "sse" && last != "":
		n, err := strconv.Atoi(last)
		if err != nil {
			http.Error(w, last, http.StatusBadRequest)
			return
		}
		f.events(ctx, w, n+1)
	default:
		f.events(ctx, w, f.happened())
	}
}

func (f *feed) socket(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	next := f.happened()
	if cursor, err := strconv.ParseInt(r.URL.Query().Get("cursor"), 10, 64); err == nil {
		next = f.since(time.UnixMicro(cursor))
	}
	f.follow(ctx, next, func(i int) error { return c.Write(ctx, websocket.MessageText, []byte(f.message(i))) })
	_ = c.Close(websocket.StatusServiceRestart, "") // it may have gone
}

func (f *feed) events(ctx context.Context, w http.ResponseWriter, next int) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, ":ok\n\n")
	_ = http.NewResponseController(w).Flush()
	f.follow(ctx, next, func(i int) error {
		id := ""
		switch f.kind {
		case "sse":
			id = fmt.Sprintf("id: %d\n", i)
		case "wikimedia":
			id = fmt.Sprintf("id: [{\"topic\":\"a\",\"partition\":0,\"timestamp\":%d},{\"topic\":\"b\",\"partition\":0,\"offset\":-1}]\n", f.at(i).UnixMilli()+1)
		}
		_, err := fmt.Fprintf(w, "event: %s\n%sdata: %s\n\n", map[bool]string{true: "update", false: "message"}[f.kind == "mastodon"], id, f.message(i))
		if i%50 == 0 {
			_ = http.NewResponseController(w).Flush() // the next write says what is wrong
		}
		return err
	})
}

// follow sends what has happened from an event on, then what comes.
func (f *feed) follow(ctx context.Context, next int, send func(int) error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		for ; next < f.happened(); next++ {
			if ctx.Err() != nil || send(next) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *feed) timeline(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseUint(r.URL.Query().Get("min_id"), 10, 64)
	var page []string
	first := sort.Search(f.all, func(i int) bool { return f.status(i) > after })
	for i := first; i < min(first+40, f.happened()); i++ {
		page = append(page, f.message(i))
	}
	slices.Reverse(page)
	fmt.Fprint(w, "["+strings.Join(page, ",")+"]")
}

// numbered finds the number of an event.
var numbered = regexp.MustCompile(`"n":(\d+)`)

// shipped takes finished files away, as an uploader does, and keeps them.
type shipped struct {
	mu    sync.Mutex
	files []content
}

func (s *shipped) ship(t testing.TB, w *world) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range w.finished() {
		path := filepath.Join(w.store, name)
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			t.Error(err)
		}
		s.files = append(s.files, content{name, data})
	}
}

// numbers returns those of the messages shipped so far.
func (s *shipped) numbers() (all []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, file := range s.files {
		for _, match := range numbered.FindAllSubmatch(file.data, -1) {
			n, _ := strconv.Atoi(string(match[1])) // digits
			all = append(all, n)
		}
	}
	return all
}

// record runs the grabber on a feed through so many kills, with its files
// shipped meanwhile, and wants each event once.
func record(t *testing.T, w *world, f *feed, kills int) {
	t.Helper()
	s := &shipped{}
	shipping := time.NewTicker(20 * time.Millisecond)
	defer shipping.Stop()
	lives := func(p *proc, enough func() bool) {
		eventually(t, "what this life was for", func() bool {
			s.ship(t, w)
			select {
			case <-p.ended:
				t.Fatalf("the grabber has ended:\n%s", p.out)
			default:
			}
			return enough()
		})
	}
	for i := range kills {
		p := w.start("grabber")
		life := time.Now().Add(time.Duration(300+i*i*97%700) * time.Millisecond)
		lives(p, func() bool {
			_, err := os.Stat(filepath.Join(w.store, ".state", "resume"))
			return err == nil && time.Now().After(life)
		})
		p.kill()
	}
	p := w.start("grabber")
	lives(p, func() bool {
		all := s.numbers()
		return f.happened() == f.all && len(all) > 0 && slices.Max(all) == f.all-1
	})
	p.stop()
	s.ship(t, w)
	wantEach(t, s.numbers(), f.all)
}

// wantEach wants each number from the first that came on, once.
func wantEach(t *testing.T, got []int, all int) {
	t.Helper()
	count := make([]int, all)
	first := all
	for _, n := range got {
		count[n]++
		first = min(first, n)
	}
	lost, twice := 0, 0
	for n, times := range count[min(first, all):] {
		switch {
		case times == 0:
			lost++
			if lost < 5 {
				t.Errorf("event %d is lost", first+n)
			}
		case times > 1:
			twice++
			if twice < 5 {
				t.Errorf("event %d is stored %d times", first+n, times)
			}
		}
	}
	t.Logf("events %d to %d: %d lost, %d twice", first, all-1, lost, twice)
	if lost+twice > 0 || first > all/2 {
		t.Errorf("events %d to %d: %d lost, %d twice", first, all-1, lost, twice)
	}
}

// TestSourcesThroughKills: whatever can be resumed is complete and single after
// SIGKILLs in the middle of a stream that goes on at its rate, though the files
// of before are gone.
func TestSourcesThroughKills(t *testing.T) {
	t.Parallel()
	for kind, rate := range map[string]int{"jetstream": 5000, "wikimedia": 3000, "sse": 5000, "mastodon": 150} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := &feed{kind: kind, rate: rate, all: 14 * rate, begin: time.Now(), life: 1700 * time.Millisecond}
			server := httptest.NewServer(f)
			t.Cleanup(server.Close)
			t.Cleanup(server.CloseClientConnections)
			address := server.URL + f.path()
			if kind == "jetstream" {
				address = "ws" + strings.TrimPrefix(address, "http")
			}
			keys := map[string]string{"stream_url": address, "stream_auth": "none", "upload_url": "none", "grabber_cut_size": "256", "grabber_cut_interval": "500ms"}
			if kind == "sse" {
				keys["stream_kind"] = "sse"
			}
			record(t, sourceWorld(t, keys), f, 8)
		})
	}
}

// sourceWorld is a directory with a configuration alone.
func sourceWorld(t testing.TB, keys map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.store = filepath.Join(w.dir, "store")
	var err error
	if w.config, err = sandbox.WriteConfig(w.dir, nil, nil, keys); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestFileThroughKills: a file is captured once, however often that is begun.
func TestFileThroughKills(t *testing.T) {
	t.Parallel()
	f := &feed{kind: "file", all: 300_000}
	var data bytes.Buffer
	for i := range f.all {
		data.WriteString(f.message(i) + "\n")
	}
	path := filepath.Join(t.TempDir(), "messages.jsonl")
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	w, s := sourceWorld(t, map[string]string{"stream_url": "file://" + path, "upload_url": "none", "grabber_cut_size": "256"}), &shipped{}
	for range 6 {
		p, before := w.start("grabber"), len(s.numbers())
		eventually(t, "some more messages", func() bool {
			s.ship(t, w)
			select {
			case <-p.ended:
				return true
			default:
				return len(s.numbers()) > before
			}
		})
		p.kill()
	}
	if code, out := w.run("grabber"); code != 0 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	var status struct{ State string }
	if !readStatus(t, w.store, "grabber", &status) || status.State != "done" {
		t.Errorf("the state is %q, want done", status.State)
	}
	s.ship(t, w)
	wantEach(t, s.numbers(), f.all)
	if code, out := w.run("grabber"); code != 0 || len(w.finished()) > 0 {
		t.Errorf("once more: exit %d, %v\n%s", code, w.finished(), out)
	}
}
