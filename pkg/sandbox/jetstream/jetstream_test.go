package jetstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Time == (timeline.Config{}) {
		cfg.Time = timeline.Config{Rate: 2000, Past: 2 * time.Second, Share: 10 * time.Millisecond, StepBack: 5 * time.Millisecond}
	}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

type event struct {
	Did    string
	TimeUS int64 `json:"time_us"`
	Cursor uint64
	Kind   string
	Commit struct{ Operation, Collection string }
	Seq    uint64
}

func dial(t *testing.T, s *Server, query string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), s.StreamURL()+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(-1)
	return conn
}

func next(t *testing.T, conn *websocket.Conn) (e event) {
	t.Helper()
	kind, message, err := conn.Read(t.Context())
	if err != nil || kind != websocket.MessageText {
		t.Fatalf("%v, %v", kind, err)
	}
	if err := json.Unmarshal(message, &e); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	return e
}

// TestCursor wants the first event at or behind a cursor, and the live end
// without one or with one from the future.
func TestCursor(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	at := s.Timeline.Time(1001)
	if e := next(t, dial(t, s, fmt.Sprintf("?cursor=%d", at.UnixMicro()))); s.Timeline.Time(e.Seq).Before(at) || e.Seq > 1001 || e.Seq < 980 {
		t.Errorf("the cursor of event 1001 began at %d", e.Seq)
	}
	if e := next(t, dial(t, s, "?cursor=1234")); e.Seq != 1234 || e.Cursor != 1234 {
		t.Errorf("a sequence number began at %d", e.Seq)
	}
	for _, query := range []string{"", fmt.Sprintf("?cursor=%d", time.Now().Add(time.Hour).UnixMicro())} {
		head := s.Head()
		if e := next(t, dial(t, s, query)); e.Seq <= head {
			t.Errorf("%q began at %d, %d had happened", query, e.Seq, head)
		}
	}
	if err := s.SetFault("clamp=500ms*1"); err != nil {
		t.Fatal(err)
	}
	if e := next(t, dial(t, s, "?cursor=1")); s.Head()-e.Seq > 10_000 || e.Seq < 2000 {
		t.Errorf("clamped, it began at %d of %d", e.Seq, s.Head())
	}
}

// TestInstancesShareTimes reads the same event from two.
func TestInstancesShareTimes(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	other, err := s.Another(Config{Instance: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	query := fmt.Sprintf("?cursor=%d", s.Timeline.Time(1001).UnixMicro())
	a, b := next(t, dial(t, s, query)), next(t, dial(t, other, query))
	if a.Seq != b.Seq || a.TimeUS != b.TimeUS || a.Cursor+5_000_000 != b.Cursor {
		t.Errorf("one has %+v, the other %+v", a, b)
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	conn := dial(t, s, "?cursor=1&wantedCollections=app.bsky.graph.*&wantedCollections=app.bsky.feed.post")
	seen := map[string]int{}
	for range 400 {
		e := next(t, conn)
		seen[e.Commit.Collection]++
	}
	if len(seen) != 3 || seen["app.bsky.graph.follow"] == 0 || seen["app.bsky.feed.post"] == 0 || seen[""] == 0 {
		t.Errorf("collections: %v; accounts and identities bypass them", seen)
	}
	did, _ := subject(77)
	if e := next(t, dial(t, s, "?cursor=1&wantedDids="+did)); e.Did != did {
		t.Errorf("wanted %s, got %s", did, e.Did)
	}
	for _, bad := range []string{"?wantedCollections=nonsense!", "?wantedDids=me", "?cursor=soon", "?" + strings.Repeat("&wantedCollections=a.b", 1) + collectionsOver()} {
		resp, err := http.Get("http" + s.StreamURL()[2:] + bad)
		if err != nil || resp.StatusCode != 400 {
			t.Errorf("%.40s: %v, %v", bad, resp.Status, err)
		}
		resp.Body.Close()
	}
}

func collectionsOver() string {
	var b strings.Builder
	for i := range maxCollections + 1 {
		fmt.Fprintf(&b, "&wantedCollections=a.b%d", i)
	}
	return b.String()
}

func TestHello(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	conn := dial(t, s, "?cursor=1&requireHello=true")
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"options_update","payload":{"wantedCollections":["app.bsky.graph.follow"]}}`)); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if e := next(t, conn); e.Commit.Collection != "app.bsky.graph.follow" && e.Kind == "commit" {
			t.Fatalf("got %s before or in spite of the options", e.Commit.Collection)
		}
	}
}

// TestCompressed inflates with the dictionary that is on offer, and cannot
// without it.
func TestCompressed(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	resp, err := http.Get(s.URL() + "/xrpc/network.bsky.jetstream.getZstdDictionary")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	dictionary, err := io.ReadAll(resp.Body)
	if err != nil || resp.Header.Get("X-Zstd-Dictionary-Id") == "" {
		t.Fatalf("%v, %v", resp.Header, err)
	}
	with, err := zstd.NewReader(nil, zstd.WithDecoderDicts(dictionary))
	if err != nil {
		t.Fatal(err)
	}
	without, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, s, "?cursor=1&compress=true")
	packed, plain := 0, 0
	for range 200 {
		kind, message, err := conn.Read(t.Context())
		if err != nil || kind != websocket.MessageBinary {
			t.Fatalf("%v, %v", kind, err)
		}
		text, err := with.DecodeAll(message, nil)
		var e event
		if err != nil || json.Unmarshal(text, &e) != nil || !slices.Equal(text, s.Message(e.Seq)) {
			t.Fatalf("%v: %s", err, text)
		}
		if _, err := without.DecodeAll(message, nil); err == nil {
			t.Fatal("no dictionary was needed")
		}
		packed, plain = packed+len(message), plain+len(text)
	}
	if packed*10 > plain*7 {
		t.Errorf("%d bytes were packed into %d", plain, packed)
	}
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []int{1000, 1001, 1008, 1011, 1012, 1013} {
		s := start(t, Config{Config: live.Config{Faults: []string{fmt.Sprintf("close=%d*1", code)}}})
		conn := dial(t, s, "")
		var err error
		for err == nil {
			_, _, err = conn.Read(t.Context())
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || int(closed.Code) != code {
			t.Errorf("closed with %d, the client got %v", code, err)
		}
	}
}
