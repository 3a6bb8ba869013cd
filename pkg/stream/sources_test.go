package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/network"
)

// kind makes a source read kind.
func kind(k network.Kind) func(*Config) { return func(c *Config) { c.Kind = k } }

// read returns the messages up to the first error, and that.
func read(s *Source) (messages []string, err error) {
	for {
		m, err := s.Next(context.Background())
		if err != nil {
			return messages, err
		}
		messages = append(messages, string(m))
	}
}

func TestFramingByWhatArrives(t *testing.T) {
	events := "id: 1\ndata: {\"a\":1}\n\nid: 2\ndata: {\"a\":2}\n\n"
	lines := "{\"a\":1}\n{\"a\":2}\n"
	for _, c := range []struct {
		name, contentType, body string
		kind                    network.Kind
		finite                  bool
	}{
		{"lines", "application/x-ndjson", lines, network.JSON, true},
		{"lines ended by CRLF", "", strings.ReplaceAll(lines, "\n", "\r\n"), network.JSON, true},
		{"lines said to be events", "text/event-stream", lines, network.JSON, true},
		{"events", "text/event-stream", events, network.JSON, false},
		{"events without a type", "", events, network.JSON, false},
		{"events after a comment, said to be JSON", "application/json", ":\n\n" + events, network.SSE, false},
		{"lines where events were asked for", "application/json", lines, network.SSE, false},
	} {
		for _, n := range []int{1, 1 << 10} {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{c.contentType}
				for rest := c.body; len(rest) > 0; rest = rest[min(n, len(rest)):] {
					send(w, rest[:min(n, len(rest))])
				}
			})
			got, err := read(newSource(t, url, kind(c.kind)))
			if !slices.Equal(got, []string{`{"a":1}`, `{"a":2}`}) || (err == io.EOF) != c.finite { //nolint:errorlint // a bare EOF is what is promised
				t.Errorf("%s in pieces of %d: %q, %v, want two messages, finite %v", c.name, n, got, err, c.finite)
			}
		}
	}
}

// A body that HTTP does not show to be whole, or into which the server sent
// keep-alives, is asked for again.
func TestNotFinite(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			send(w, "{\"a\":1}\n")
			panic(http.ErrAbortHandler)
		},
		"keep-alives": func(w http.ResponseWriter, _ *http.Request) { send(w, "{}\n\n{\"a\":1}\n") },
		"until the connection closes": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\n{\"a\":1}\n")
				_ = conn.Close()
			}
		},
	} {
		_, err := read(newSource(t, serve(t, handler), kind(network.JSON)))
		var end *Error
		if !errors.As(err, &end) || end.Kind != Network {
			t.Errorf("%s: %v, want a broken connection", name, err)
		}
	}
}

func TestAnyValueIsStored(t *testing.T) {
	body := "{\"a\":1}\n[1,2]\n\"text\"\n-1.5e3\nnull\ntrue\nhello\n{\"b\":"
	heard := &notices{}
	s := newSource(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }), kind(network.JSON),
		func(c *Config) { c.Notice = heard.notice })
	got, _ := read(s)
	if want := []string{`{"a":1}`, `[1,2]`, `"text"`, `-1.5e3`, `null`, `true`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !heard.has("value: [1,2]") || heard.has(`value: "text"`) {
		t.Errorf("said %q, want the first value alone that is no object", heard.all)
	}
	if c := s.Counts(); c.Garbage != 1 || c.Torn != 1 {
		t.Errorf("%d garbage, %d torn, want 1 and 1", c.Garbage, c.Torn)
	}
}

func TestSpareURLs(t *testing.T) {
	bad := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	good := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}\n") })
	s := newSource(t, bad, kind(network.JSON), func(c *Config) { c.Spare = []string{good} })
	var end *Error
	if _, err := s.Next(context.Background()); !errors.As(err, &end) || end.Kind != HTTP {
		t.Fatalf("the first URL: %v, want an error that is not final", err)
	}
	if got, err := read(s); len(got) != 1 {
		t.Errorf("the second URL: %q, %v", got, err)
	}
	s = newSource(t, bad, kind(network.JSON), func(c *Config) { c.Spare = []string{bad} })
	_, _ = s.Next(context.Background())
	if _, err := s.Next(context.Background()); !errors.As(err, &end) || end.Kind != Refused {
		t.Errorf("all URLs refused: %v, want a final error", err)
	}
}

func TestPrepareAndFresh(t *testing.T) {
	var asked []string
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery+" "+r.Header.Get("Last-Event-ID"))
		send(w, "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n")
	})
	seen := map[string]bool{}
	s := newSource(t, address, kind(network.SSE), func(c *Config) {
		c.Prepare = func(u *url.URL, h http.Header) {
			u.RawQuery = fmt.Sprint("n=", len(seen))
			h.Set("Last-Event-ID", fmt.Sprint(len(seen)))
		}
		c.Fresh = func(message, id []byte, _ bool) bool {
			key := string(message) + string(id)
			defer func() { seen[key] = true }()
			return !seen[key]
		}
	})
	first, _ := read(s)
	second, _ := read(s)
	if len(first) != 2 || len(second) != 0 || !slices.Equal(asked, []string{"n=0 0", "n=2 2"}) || !seen["11"] {
		t.Errorf("got %q, then %q; asked for %q; seen %v", first, second, asked, seen)
	}
	if c := s.Counts(); c.Duplicates != 2 || c.Messages != 2 {
		t.Errorf("%d duplicates, %d messages, want 2 and 2", c.Duplicates, c.Messages)
	}
}

// socketServer serves each WebSocket by talk.
func socketServer(tb testing.TB, talk func(ctx context.Context, c *websocket.Conn)) string {
	return "ws" + strings.TrimPrefix(serve(tb, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err == nil {
			talk(r.Context(), c)
			_ = c.CloseNow()
		}
	}), "http")
}

func TestWebSocket(t *testing.T) {
	large := `{"large":"` + strings.Repeat("x", 300<<10) + `"}`
	address := socketServer(t, func(ctx context.Context, c *websocket.Conn) {
		for _, m := range []string{`{"a":1}`, "{\"b\":\n2}", large, `{"c":"` + strings.Repeat("x", 2<<20) + `"}`, "hello", ""} {
			_ = c.Write(ctx, websocket.MessageText, []byte(m))
		}
		_ = c.Write(ctx, websocket.MessageBinary, []byte(`{"binary":true}`))
		_ = c.Write(ctx, websocket.MessageBinary, []byte("\x00\xff\n\r\n"))
		_ = c.Ping(c.CloseRead(ctx))
		_ = c.Close(websocket.StatusTryAgainLater, "come back\x1b[31m")
	})
	s := newSource(t, address, kind(network.WebSocket))
	got, err := read(s)
	if want := []string{`{"a":1}`, `{"b": 2}`, large, `{"binary":true}`}; !slices.Equal(got, want) {
		t.Errorf("got %.100q, want %.100q", got, want)
	}
	var end *Error
	if !errors.As(err, &end) || end.Kind != HTTP || !strings.Contains(err.Error(), `overloaded (close code 1013): come back\x1b[31m`) {
		t.Errorf("ended with %v", err)
	}
	if c := s.Counts(); c.Oversize != 1 || c.Garbage < 2 || c.KeepAlives == 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestWebSocketRefused(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"InvalidRequest","message":"no"}`, http.StatusBadRequest)
	})
	_, err := newSource(t, "ws"+strings.TrimPrefix(address, "http"), kind(network.Jetstream)).Next(context.Background())
	var end *Error
	if !errors.As(err, &end) || end.Kind != Refused || !strings.Contains(err.Error(), "InvalidRequest") {
		t.Errorf("got %v, want a refusal that quotes the server", err)
	}
}

// Every code with which a WebSocket may close has its sentence, and what was
// sent before it arrives.
func TestCloseCodes(t *testing.T) {
	for _, code := range []websocket.StatusCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999} {
		address := socketServer(t, func(ctx context.Context, c *websocket.Conn) {
			_ = c.Write(ctx, websocket.MessageText, []byte(`{}`))
			_ = c.Close(code, "")
		})
		got, err := read(newSource(t, address, kind(network.WebSocket)))
		if len(got) != 1 || !strings.Contains(fmt.Sprint(err), fmt.Sprint("close code ", int(code))) {
			t.Errorf("code %d: %q, %v", code, got, err)
		}
	}
}

func TestFiles(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, "{\"a\":1}\r\n{\"a\":2}")
	_ = z.Close()
	for name, data := range map[string][]byte{"plain": []byte("{\"a\":1}\n\n{\"a\":2}\n"), "gzip": packed.Bytes()} {
		path := filepath.Join(t.TempDir(), "messages")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := read(newSource(t, "file://"+path, kind(network.File)))
		if !slices.Equal(got, []string{`{"a":1}`, `{"a":2}`}) || err != io.EOF { //nolint:errorlint // a bare EOF is what is promised
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	_, err := newSource(t, "file:///does/not/exist", kind(network.File)).Next(context.Background())
	var end *Error
	if !errors.As(err, &end) || end.Kind != Refused {
		t.Errorf("no such file: %v, want a refusal", err)
	}
}

func TestProblemsOfX(t *testing.T) {
	problem := func(kind, more string) string {
		return `{"title":"T","detail":"D","type":"https://api.example.org/2/problems/` + kind + `"` + more + `}`
	}
	for _, c := range []struct {
		status int
		body   string
		kind   Kind
		text   string
	}{
		{429, problem("streaming-connection", `,"connection_issue":"TooManyConnections"`), RateLimit, "no further connection"},
		{409, problem("streaming-connection", `,"connection_issue":"RuleConfigurationIssue"`), Refused, "no rules yet"},
		{429, `{"title":"UsageCapExceeded","detail":"D","period":"Monthly","type":"https://x/usage-capped"}`, RateLimit, "used up: Monthly"},
		{403, problem("client-forbidden", `,"reason":"client-not-enrolled","registration_url":"https://developer.example.org/?secret=1"`), Credentials, "may not read this stream: client-not-enrolled"},
		{403, problem("unsupported-authentication", ""), Credentials, "not read with these credentials"},
		{401, `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`, Credentials, "credentials were refused"},
		{400, problem("invalid-request", ""), Refused, "did not understand"},
		{503, "<html><title>Over capacity</title></html>", HTTP, "Over capacity"},
		{200, "{\"data\":{\"id\":\"1\"},\"errors\":[" + problem("resource-not-found", "") + "]}\r\n{\"errors\":[" + problem("operational-disconnect", `,"disconnect_type":"UpstreamOperationalDisconnect"`) + "]}\r\n", Network, "ended the connection: UpstreamOperationalDisconnect"},
		{200, "{\"errors\":[" + problem("operational-disconnect", `,"disconnect_type":"SlowReader"`) + "]}\r\n", Network, "read too slowly"},
	} {
		address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		got, err := read(newSource(t, address, kind(network.X)))
		var end *Error
		if !errors.As(err, &end) || end.Kind != c.kind || !strings.Contains(err.Error(), c.text) || strings.Contains(end.Hint, "secret=") {
			t.Errorf("%d %s: %q, %v (hint %s)", c.status, c.body, got, err, end.Hint)
		}
		if c.status == 200 && end.Messages != uint64(len(got)-1) {
			t.Errorf("%s: all but the error show that the connection works, got %d of %d", c.body, end.Messages, len(got))
		}
	}
}

// Messages packed with a dictionary come unpacked; what unpacks to too much,
// or to nothing, is counted and takes no memory.
func TestPackedMessages(t *testing.T) {
	samples, dictionary := skeets(), buildDictionary(t, 7)
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderDict(dictionary))
	if err != nil {
		t.Fatal(err)
	}
	bomb, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	address := socketServer(t, func(ctx context.Context, c *websocket.Conn) {
		for _, frame := range [][]byte{
			packer.EncodeAll(samples[3], nil),
			bomb.EncodeAll(make([]byte, 100<<20), nil),
			[]byte("\x28\xb5\x2f\xfdnonsense"),
			packer.EncodeAll(samples[4], nil),
		} {
			_ = c.Write(ctx, websocket.MessageBinary, frame)
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
	})
	s := newSource(t, address, kind(network.Jetstream), func(c *Config) { c.Dictionary = dictionary })
	got, err := read(s)
	if !slices.Equal(got, []string{string(samples[3]), string(samples[4])}) {
		t.Errorf("got %q, %v", got, err)
	}
	if c := s.Counts(); c.Oversize != 1 || c.Garbage != 1 {
		t.Errorf("%d oversize, %d garbage, want 1 and 1", c.Oversize, c.Garbage)
	}
}
