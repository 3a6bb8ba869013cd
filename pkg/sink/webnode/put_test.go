package webnode

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "none", "ftp://x/", "http://", "://", "http://u:s3cret@/x", "http://a b/"} {
		_, err := New(Config{URL: raw, Timeout: time.Second})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("New(%q): %v, want an error without the password", raw, err)
		}
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	n := start(t, func(_ *sinktest.WebNode, c *Config) { c.Token = `q"; %&=` })
	receipt, err := n.Put(t.Context(), sinktest.Object("../.hidden \"x\"\r\n.jsonl", []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	got := n.fake.Puts()[0]
	want := sinktest.Stored{Name: "---.hidden--x---.jsonl", Token: `q"; %&=`, Agent: "twitter-stream/test", Content: []byte("x"), Size: 1, Taken: true}
	if got.Name != want.Name || got.Token != want.Token || got.Agent != want.Agent || !bytes.Equal(got.Content, want.Content) {
		t.Errorf("the node got %+v, want %+v", got, want)
	}
	if receipt.Sink != Kind || receipt.URL != n.fake.URL {
		t.Errorf("receipt %s %s, want %s %s", receipt.Sink, receipt.URL, Kind, n.fake.URL)
	}
}

// The original's retry sent what its first try had left of the file: nothing.
func TestO1EveryTrySendsTheWholeFile(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	obj := sinktest.Object("x", sinktest.Bytes(1, 1<<20))
	n.Fail(sinktest.Fault{Status: 503}, sinktest.Fault{CutAt: 1}, sinktest.Fault{CutAt: 0.5}, sinktest.Fault{LoseAnswer: true})
	for range 4 {
		if _, err := n.Put(t.Context(), obj); err == nil {
			t.Fatal("put succeeded in spite of a fault")
		}
	}
	if _, err := n.Put(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	for i, put := range n.fake.Puts() {
		if put.Size != obj.Size {
			t.Errorf("try %d sent %d bytes, want %d", i+1, put.Size, obj.Size)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	n := start(t, func(_ *sinktest.WebNode, c *Config) { c.Token = "t0ken" })
	n.Fail(sinktest.Fault{Status: 307, Header: map[string]string{"Location": "/api/upload?token=t0ken#x"}})
	_, err := n.Put(t.Context(), sinktest.Object("x", []byte("x")))
	var e *sink.Error
	if !errors.As(err, &e) || e.Kind != sink.Misdirected || !strings.Contains(err.Error(), "has moved to http://127.0.0.1") || e.Hint == "" {
		t.Errorf("307: %v, want that the URL has moved, with a hint", err)
	}
	if n.fake.Tries() != 1 {
		t.Errorf("the node was asked %d times, want once", n.fake.Tries())
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	const token, password = "t0k&n", "pa55word"
	key := strings.Repeat("ab", 32)
	n := start(t, func(_ *sinktest.WebNode, c *Config) {
		c.Token = token
		c.URL = strings.Replace(c.URL, "http://", "http://user:"+password+"@", 1) + "?q=" + token
	})
	for _, f := range []sinktest.Fault{
		{Status: 400, Body: "bad token t0k&n t0k%26n\x1b[2J key " + key},
		{Status: 500, Body: `{"error":"upload-error t0k&n ` + key + `"}`},
		{Status: 301, Header: map[string]string{"Location": "http://x/t0k&n/" + key + "?" + token}},
		{Lie: sinktest.LieHash}, {Lie: sinktest.LieKey}, {CutAt: 0.1},
	} {
		n.Fail(f)
		_, err := n.Put(t.Context(), sinktest.Object("x", []byte("hello world")))
		var e *sink.Error
		if !errors.As(err, &e) {
			t.Fatalf("%+v: %v, want a *sink.Error", f, err)
		}
		text := e.Error() + e.Hint + e.URL
		for _, secret := range []string{token, "t0k%26n", password, key, "user", "?q", "\x1b", "3130cb72"} {
			if strings.Contains(text, secret) {
				t.Errorf("%+v: the error holds %q: %s", f, secret, text)
			}
		}
	}
}

func TestAnswerIsReadThroughALimitAfterInflation(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(bytes.Repeat([]byte(" "), 64<<20))
	z.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusCreated)
		w.Write(bomb.Bytes())
	}))
	t.Cleanup(server.Close)
	n, err := New(Config{URL: server.URL, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err = n.Put(t.Context(), sinktest.Object("x", []byte("x"))); err == nil || !strings.Contains(err.Error(), "not proven") {
		t.Errorf("an answer of 64 MiB: %v, want that it is not proven", err)
	}
}

// Uploads that share a connection would hide that one of them stands still.
func TestHTTP1Only(t *testing.T) {
	t.Parallel()
	proto := make(chan string, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto <- r.Proto
		w.WriteHeader(http.StatusTeapot)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	n, err := New(Config{URL: server.URL, Timeout: 30 * time.Second, Transport: server.Client().Transport.(*http.Transport)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	var e *sink.Error
	if _, err := n.Put(t.Context(), sinktest.Object("x", []byte("x"))); !errors.As(err, &e) || e.Status != http.StatusTeapot {
		t.Fatalf("put: %v, want status 418", err)
	}
	if got := <-proto; got != "HTTP/1.1" {
		t.Errorf("spoke %s, want HTTP/1.1", got)
	}
}

// An idle connection that the node closed meanwhile is no failed try.
func TestIdleConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	fake := sinktest.NewWebNode(t)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	n, err := New(Config{URL: server.URL + "/api/upload", Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for i := range 30 {
		obj := sinktest.Object("x", sinktest.Bytes(byte(i), 200_000))
		var sum int64
		obj.Progress = func(k int) { sum += int64(k) }
		if _, err := n.Put(t.Context(), obj); err != nil || sum != obj.Size {
			t.Fatalf("put %d: %v, progress %d, want %d", i, err, sum, obj.Size)
		}
		server.CloseClientConnections()
	}
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	n, err := New(Config{URL: "http://127.0.0.1:1/api/upload?token=x", Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Put(t.Context(), sinktest.Object("x", []byte("x")))
	var e *sink.Error
	if !errors.As(err, &e) || e.Kind != sink.Temporary || !strings.HasPrefix(err.Error(), "upload x to http://127.0.0.1:1/api/upload: ") {
		t.Errorf("put where nobody listens: %v", err)
	}
}
