package cmd_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
	"github.com/klauspost/compress/zstd"
)

// good is a message that each bad server sends behind what is bad.
const good = `{"n":1}`

// zeros writes so many of a byte in pieces.
func zeros(w io.Writer, mib int) {
	piece := bytes.Repeat([]byte("0"), 1<<20)
	for range mib {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func gzipped(w http.ResponseWriter, write func(io.Writer)) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	write(z)
	_ = z.Close() // a client that leaves has seen enough
}

// sockets serves a WebSocket.
func sockets(talk func(ctx context.Context, c *websocket.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		talk(r.Context(), c)
		_ = c.Close(websocket.StatusTryAgainLater, "") // it may have gone
	}
}

// TestBadInput: whatever a server sends in place of a stream, the grabber says
// a clear sentence, takes no memory for it, and stores what is good.
func TestBadInput(t *testing.T) {
	t.Parallel()
	text := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name, kind, path string
		answer           http.HandlerFunc
		code             int
		stored           bool
		want             string
	}{
		{"a login page", "json", "/x", text("text/html", "<html><title>Please log in</title>"+strings.Repeat("<p>", 9999)), 1, false, "Please log in"},
		{"a login page that calls itself JSON", "json", "/x", text("application/json", "<!DOCTYPE html><title>Please log in</title>"+strings.Repeat("<p>", 99999)), 1, false, "a login page may stand between"},
		{"an error as HTML", "x", "/2/tweets/sample/stream", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "<html><title>Over capacity</title>")
		}, 1, false, "Over capacity"},
		{"events that call themselves HTML", "json", "/x", text("text/html", "data: "+good+"\n\n"), 1, true, ""},
		{"lines that call themselves events", "json", "/x", text("text/event-stream", good+"\n"), 0, true, ""},
		{"no length and no type", "json", "/x", text("", good+"\n"), 0, true, ""},
		{"an event of 100 MB", "sse", "/x", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "data: ")
			zeros(w, 100)
			_, _ = io.WriteString(w, "\n\ndata: "+good+"\n\n")
		}, 1, true, "too long"},
		{"an event that never ends", "sse", "/x", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "data: "+good+"\n\n")
			for range 200 << 10 {
				if _, err := io.WriteString(w, "data: "+strings.Repeat("0", 500)+"\n"); err != nil {
					return
				}
			}
		}, 1, true, "too long"},
		{"a gzip bomb", "json", "/x", func(w http.ResponseWriter, _ *http.Request) {
			gzipped(w, func(z io.Writer) { zeros(z, 200); _, _ = io.WriteString(z, "\n"+good+"\n") })
		}, 0, true, "too long"},
		{"a zstd bomb", "jetstream", "/subscribe", sockets(func(ctx context.Context, c *websocket.Conn) {
			var bomb bytes.Buffer
			z, err := zstd.NewWriter(&bomb)
			if err != nil {
				return
			}
			zeros(z, 200)
			_ = z.Close() // a buffer takes all
			_ = c.Write(ctx, websocket.MessageBinary, bomb.Bytes())
			_ = c.Write(ctx, websocket.MessageText, []byte(good))
		}), 1, true, "no JSON"},
		{"a WebSocket message of 100 MB", "websocket", "/x", sockets(func(ctx context.Context, c *websocket.Conn) {
			if w, err := c.Writer(ctx, websocket.MessageText); err == nil {
				zeros(w, 100)
				_ = w.Close() // a client that leaves has seen enough
			}
			_ = c.Write(ctx, websocket.MessageText, []byte(good))
		}), 1, true, "too long"},
		{"close code 1013", "websocket", "/x", sockets(func(context.Context, *websocket.Conn) {}), 1, false, "overloaded (close code 1013)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var came atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path != c.path:
					http.NotFound(w, r)
				case came.Add(1) > 1 && c.stored: // one is enough
					http.Error(w, "no more", http.StatusInternalServerError)
				default:
					c.answer(w, r)
				}
			}))
			t.Cleanup(server.Close)
			t.Cleanup(server.CloseClientConnections)
			address := server.URL + c.path
			if c.kind == "jetstream" || c.kind == "websocket" {
				address = "ws" + strings.TrimPrefix(address, "http")
			}
			w := sourceWorld(t, map[string]string{
				"stream_url": address, "stream_kind": c.kind, "stream_auth": "none", "upload_url": "none", "grabber_retries": "1", "grabber_max_message": "1MiB",
				"grabber_backoff_network": "10ms-10ms", "grabber_backoff_http": "10ms-10ms",
			})
			p := w.startPlain("grabber", "-v")
			most := p.peak(func() bool { return false })
			if code := p.wait(); code != c.code || !strings.Contains(p.out.String(), c.want) {
				t.Errorf("exit %d, want %d and %q:\n%s", code, c.code, c.want, p.out)
			}
			if most == 0 || most > 48<<20 {
				t.Errorf("%d MiB of memory, want at most 48", most>>20)
			}
			var stored []byte
			for _, name := range w.finished() {
				data, err := os.ReadFile(filepath.Join(w.store, name))
				if err != nil {
					t.Error(err)
				}
				stored = append(stored, data...)
			}
			if c.stored && string(stored) != good+"\n" || !c.stored && len(stored) > 0 {
				t.Errorf("stored %.200q, want what is good: %v", stored, c.stored)
			}
		})
	}
}

// TestNoSuchKind: a URL that is no stream's shows what would be one.
func TestNoSuchKind(t *testing.T) {
	t.Parallel()
	w := sourceWorld(t, map[string]string{"stream_url": "ftp://example.org/x", "upload_url": "none"})
	code, out := w.run("grabber")
	if code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
	for _, want := range []string{"jetstream wss://", "wikimedia https://", "mastodon https://", "x https://", "json https://", "sse https://", "websocket wss://", "file file:///", "twitter https://"} {
		if !strings.Contains(out, want) {
			t.Errorf("the error lacks %q:\n%s", want, fmt.Sprint(out))
		}
	}
}
