package network

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func parse(tb testing.TB, raw string) *url.URL {
	tb.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func TestAsk(t *testing.T) {
	const feed = "wss://j.example/subscribe?wantedCollections=app.bsky.feed.post&wantedCollections=app.bsky.feed.like&cursor=1700000000000000"
	const x = "https://api.x.com/2/tweets/search/stream?backfill_minutes=3"
	at := time.UnixMicro(1_700_000_000_000_000)
	for _, c := range []struct {
		name, url, position string
		kind                Kind
		after               time.Duration
		want, header        string
	}{
		{"the user's cursor, at first", feed, "", Jetstream, 0, "wantedCollections=app.bsky.feed.post&wantedCollections=app.bsky.feed.like&cursor=1700000000000000", ""},
		{"less the overlap", feed, "1725911162329308", Jetstream, 0, "cursor=1725911157329308&wantedCollections=app.bsky.feed.post&wantedCollections=app.bsky.feed.like", ""},
		{"a sequence number", "wss://j.example/subscribe", "123456", Jetstream, 0, "", ""},
		{"a negative one", "wss://j.example/subscribe", "-1725911162329308", Jetstream, 0, "", ""},
		{"nonsense", "wss://j.example/subscribe", "x", Jetstream, 0, "", ""},
		{"an id", "https://s.example/events", "7 a", SSE, 0, "", "7 a"},
		{"no id", "https://s.example/events", "", SSE, 0, "", ""},
		{"first of all", x, "", X, time.Minute, "", ""},
		{"less than a minute", x, "x", X, 44 * time.Second, "backfill_minutes=1", ""},
		{"a minute, posts come late", x, "x", X, 46 * time.Second, "backfill_minutes=2", ""},
		{"more than is allowed", x, "x", X, time.Hour, "backfill_minutes=3", ""},
		{"a clock that went back", x, "x", X, -time.Hour, "backfill_minutes=3", ""},
		{"an endless gap", x, "x", X, 1<<63 - 1, "backfill_minutes=3", ""},
	} {
		u, h := parse(t, c.url), http.Header{}
		c.kind.Ask(c.position, at, at.Add(c.after), u, h)
		if u.RawQuery != c.want || h.Get("Last-Event-ID") != c.header {
			t.Errorf("%s: %s, Last-Event-ID %q; want %s, %q", c.name, u.RawQuery, h.Get("Last-Event-ID"), c.want, c.header)
		}
	}
}

func TestRewound(t *testing.T) {
	for name, c := range map[string]struct{ id, want string }{
		"one":                     {`[{"topic":"a","partition":0,"timestamp":1631630383001}]`, `[{"partition":0,"timestamp":1631630373001,"topic":"a"}]`},
		"a quiet one stays":       {`[{"topic":"a","timestamp":1631630383001},{"topic":"b","timestamp":1531630383001}]`, `[{"timestamp":1631630373001,"topic":"a"},{"timestamp":1531630383001,"topic":"b"}]`},
		"a newer one goes along":  {`[{"topic":"a","timestamp":1631630383001},{"topic":"b","timestamp":1631630382000}]`, `[{"timestamp":1631630373001,"topic":"a"},{"timestamp":1631630373001,"topic":"b"}]`},
		"nothing has come yet":    {`[{"topic":"a","timestamp":1631630383001},{"topic":"b","offset":-1}]`, `[{"timestamp":1631630373001,"topic":"a"},{"timestamp":1631630373001,"topic":"b"}]`},
		"a timestamp, no offset":  {`[{"topic":"a","timestamp":1631630383001,"offset":12}]`, `[{"timestamp":1631630373001,"topic":"a"}]`},
		"offsets alone are exact": {`[{"topic":"a","offset":12}]`, `[{"offset":12,"topic":"a"}]`},
		"not one":                 {`7`, ""}, "none": {`[]`, ""}, "empty": {"", ""}, "torn": {`[{"topic"`, ""},
	} {
		if got := rewound(c.id, Wikimedia.Overlap()); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestTimeline(t *testing.T) {
	const id, before = "110000000000000001", "109999999344640001"
	for stream, want := range map[string]string{
		"https://m.example/api/v1/streaming/public":                 "https://m.example/api/v1/timelines/public?limit=40&min_id=" + before,
		"https://streaming.m.example/api/v1/streaming/public/local": "https://m.example/api/v1/timelines/public?limit=40&local=true&min_id=" + before,
		"https://m.example/api/v1/streaming/public/remote":          "https://m.example/api/v1/timelines/public?limit=40&min_id=" + before + "&remote=true",
		"https://m.example/api/v1/streaming/public?only_media=true": "https://m.example/api/v1/timelines/public?limit=40&min_id=" + before + "&only_media=true",
		"https://m.example/api/v1/streaming/hashtag?tag=go":         "https://m.example/api/v1/timelines/tag/go?limit=40&min_id=" + before,
		"https://m.example/api/v1/streaming/hashtag/local?tag=go":   "https://m.example/api/v1/timelines/tag/go?limit=40&local=true&min_id=" + before,
		"http://127.0.0.1:80/api/v1/streaming/list?list=7":          "http://127.0.0.1:80/api/v1/timelines/list/7?limit=40&min_id=" + before,
		"https://m.example/api/v1/streaming/user?access_token=s":    "https://m.example/api/v1/timelines/home?limit=40&min_id=" + before,
		"https://m.example/api/v1/streaming/user/notification":      "",
		"https://m.example/api/v1/streaming/direct":                 "",
		"https://m.example/api/v1/streaming/hashtag":                "",
	} {
		got := ""
		if u := Timeline(parse(t, stream), id); u != nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", stream, got, want)
		}
	}
	for _, id := range []string{"", "a", "1a", "-1"} {
		if u := Timeline(parse(t, "https://m.example/api/v1/streaming/public"), id); u != nil {
			t.Errorf("after %q: %s", id, u)
		}
	}
	if !LaterID("10", "9") || LaterID("9", "10") || !LaterID("20", "19") || LaterID("5", "5") {
		t.Error("ids are compared by length, then as text")
	}
}

func TestDetect(t *testing.T) {
	for raw, want := range map[string]Kind{
		"wss://jetstream2.us-east.bsky.network/subscribe?wantedCollections=a": Jetstream, "ws://127.0.0.1:1/subscribe": Jetstream,
		"wss://example.org/feed": WebSocket, "WSS://example.org/subscribe": Jetstream,
		"https://stream.wikimedia.org/v2/stream/recentchange,page-create": Wikimedia,
		"https://mastodon.social/api/v1/streaming/public/local":           Mastodon,
		"https://api.x.com/2/tweets/search/stream":                        X, "http://127.0.0.1:1/2/tweets/sample10/stream": X,
		"https://api.x.com/2/tweets/firehose/stream/lang/en":  X,
		"https://stream.twitter.com/1.1/statuses/sample.json": Twitter, "http://127.0.0.1:1/1.1/statuses/sample.json": Twitter,
		"https://example.org/2/streams": JSON, "https://example.org/": JSON, "-": File, "file:///tmp/x": File,
	} {
		if got, err := Detect(raw, "auto"); got != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "ftp://example.org/x", "example.org", "/path", "mailto:a@b", "%"} {
		_, err := Detect(raw, "auto")
		if err == nil {
			t.Errorf("%q is a stream", raw)
			continue
		}
		for _, e := range examples {
			if !strings.Contains(err.Error(), string(e.kind)+" "+e.example) {
				t.Errorf("%q: the error does not show %s: %v", raw, e.kind, err)
			}
		}
	}
	if kind, err := Detect("https://example.org/events", "sse"); kind != SSE || err != nil {
		t.Errorf("stream_kind = sse: %s, %v", kind, err)
	}
	for raw, override := range map[string]string{"https://example.org/": "websocket", "wss://example.org/": "json", "-": "x", "https://x/": "nonsense"} {
		if _, err := Detect(raw, override); err == nil {
			t.Errorf("%s with stream_kind = %s is taken", raw, override)
		}
	}
	for _, e := range examples { // each example is what it is an example of
		example, _, _ := strings.Cut(e.example, " ")
		example, _, _ = strings.Cut(example, ",")
		if kind, err := Detect(example, string(e.kind)); kind != e.kind || err != nil {
			t.Errorf("%s: %s, %v", example, kind, err)
		}
	}
}

// Whatever a server calls its events, or a file on the disk says, a request can
// be made of it.
func FuzzAsk(f *testing.F) {
	f.Add(`[{"topic":"a","partition":0,"timestamp":1631630383001},{"topic":"b","offset":-1}]`, "cursor=1", int64(0))
	f.Add("1725911162329308", "", int64(1)<<62)
	f.Add("110000000000000001", "tag=a/b&list=..", int64(-1))
	f.Add("12 3 ff", "", int64(0))
	f.Fuzz(func(t *testing.T, position, query string, gap int64) {
		for _, kind := range []Kind{X, Jetstream, Mastodon, Wikimedia, SSE, JSON, File} {
			u, h := &url.URL{Scheme: "https", Host: "example.org", Path: "/api/v1/streaming/hashtag", RawQuery: query}, http.Header{}
			kind.Ask(string(kind.Position(nil, []byte(position), []byte(position), 1)), time.Time{}, time.Time{}.Add(time.Duration(gap)), u, h)
			if id := h.Get("Last-Event-ID"); !fitsHeader([]byte(id)) && id != "" {
				t.Fatalf("%s: %q is sent", kind, id)
			}
			kind.Ask(position, time.Time{}, time.Time{}, u, h)
			if id := h.Get("Last-Event-ID"); kind != Wikimedia && !fitsHeader([]byte(id)) {
				t.Fatalf("%s: %q is sent", kind, id)
			}
			if missed := Timeline(u, position); missed != nil {
				if _, err := url.Parse(missed.String()); err != nil {
					t.Fatalf("%s: %v", missed, err)
				}
			}
		}
		if text := rewound(position, time.Second); text != "" && !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON", text)
		}
		ParsePlace(position)
	})
}
