package webnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

const (
	someHash = "c508708d7a8a0db90e92f15510ee3ef488bd67a8e6982489e0d27bd0bcaf7741"
	someKey  = "0372c3a52ffa439556db30e6a2a6cd7bae4fb498bd58996919a61bdac831fe3f"
	sealed   = "\xe5\xd2\x64\xb1\x3e\x3a\xd6\xea\xc1\x83\xf2" // "Superstar!\n"
)

// library returns a node of which find and download are answered by these.
func library(t *testing.T, find, download http.HandlerFunc, change func(*Config)) *Node {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /some/api/find/"+someHash, find)
	mux.HandleFunc("GET /some/api/download/"+someHash, download)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if line := fmt.Sprint(r.URL, r.Header); strings.Contains(line, someKey) || strings.Contains(line, "t0ken") || r.URL.RawQuery != "" {
			t.Errorf("a secret was sent: %s", line)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	cfg := Config{URL: server.URL + "/some/api/upload/", Token: "t0ken", Timeout: 20 * time.Second, UserAgent: "test"}
	if change != nil {
		change(&cfg)
	}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// The vector of PROTOCOLS 5.4, from another implementation.
func TestOpenDeciphers(t *testing.T) {
	t.Parallel()
	n := library(t, says(404, ""), says(200, sealed), nil)
	for secret, want := range map[string]string{someKey: "Superstar!\n", "": sealed} {
		body, err := n.Open(t.Context(), sink.Ref{FileHash: someHash, Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || string(got) != want {
			t.Errorf("with key %.4q: %q, %v, want %q", secret, got, err, want)
		}
		body.Close()
	}
}

func TestStat(t *testing.T) {
	t.Parallel()
	record := `{"datetime":"1","filehash":"` + someHash + `","filename":"c508708_x","filesize":%s,"uploads":[],"version":"0.2"}`
	for name, test := range map[string]struct {
		find, download http.HandlerFunc
		want           int64
	}{
		"the record":         {says(200, fmt.Sprintf(record, "11")), says(500, ""), 11},
		"no record yet":      {says(404, `{"error":"File not found"}`), says(200, sealed), 11},
		"another's record":   {says(200, strings.Replace(fmt.Sprintf(record, "12"), "c5", "c6", 1)), says(200, sealed), 11},
		"no size":            {says(200, fmt.Sprintf(record, "null")), says(200, sealed), 11},
		"a size below zero":  {says(200, fmt.Sprintf(record, "-1")), says(200, sealed), 11},
		"no JSON":            {says(200, "<html>"), says(200, sealed), 11},
		"a record too large": {says(200, strings.Repeat(" ", 100<<10)+fmt.Sprintf(record, "12")), says(200, sealed), 11},
		"find is broken":     {says(500, ""), says(200, sealed), 11},
		"no length": {says(404, ""), func(w http.ResponseWriter, _ *http.Request) {
			http.NewResponseController(w).Flush()
			io.WriteString(w, sealed)
		}, -1},
	} {
		found, err := library(t, test.find, test.download, nil).Stat(t.Context(), sink.Ref{FileHash: someHash, Secret: someKey})
		if err != nil || found.Size != test.want {
			t.Errorf("%s: %+v, %v, want the size %d", name, found, err, test.want)
		}
	}
}

// Only a node's own word counts as "not there"; everything else may be something
// else's.
func TestReadRefused(t *testing.T) {
	t.Parallel()
	redirect := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://user:pass@evil.example/?key="+someKey)
		w.WriteHeader(302)
	}
	for name, test := range map[string]struct {
		download http.HandlerFunc
		kind     sink.Kind
		missing  bool
		says     string
	}{
		"not there":      {says(404, `{"error":"file-not-found"}`), sink.Permanent, true, "file-not-found"},
		"not a node":     {says(404, `<html>404</html>`), sink.Misdirected, false, "404"},
		"another API":    {says(404, `{"error":"no such route"}`), sink.Misdirected, false, "no such route"},
		"empty JSON":     {says(404, `{}`), sink.Misdirected, false, "404"},
		"wants payment":  {says(402, `{"error":"balance-insufficient"}`), sink.Pause, false, "balance-insufficient"},
		"broken":         {says(500, `{"error":"error-downloading-file"}`), sink.Temporary, false, "error-downloading-file"},
		"no room":        {says(500, `{"error":"upload-error"}`), sink.Temporary, false, "500"},
		"refused":        {says(403, ""), sink.Credentials, false, "403"},
		"moved":          {redirect, sink.Misdirected, false, "moved to https://evil.example/"},
		"in parts":       {says(206, sealed), sink.Temporary, false, "206"},
		"secrets echoed": {says(502, "t0ken "+someKey), sink.Temporary, false, "[token] [hex]"},
		"endless":        {says(503, strings.Repeat("x", 1<<20)), sink.Temporary, false, "503"},
	} {
		n := library(t, says(404, ""), test.download, nil)
		_, statErr := n.Stat(t.Context(), sink.Ref{Key: "name", FileHash: someHash, Secret: someKey})
		_, openErr := n.Open(t.Context(), sink.Ref{Key: "name", FileHash: someHash, Secret: someKey})
		for what, err := range map[string]error{"stat": statErr, "open": openErr} {
			var e *sink.Error
			if !errors.As(err, &e) || e.Kind != test.kind || !e.Reading || errors.Is(err, sink.ErrNotFound) != test.missing {
				t.Errorf("%s, %s: %v", name, what, err)
				continue
			}
			text := err.Error() + e.Hint
			if !strings.Contains(text, test.says) || strings.Contains(text, someKey) || strings.Contains(text, "t0ken") || len(text) > 700 {
				t.Errorf("%s, %s says %q, want %q in it and no secrets", name, what, text, test.says)
			}
		}
	}
}

// A receipt that cannot be asked for is said to be one, without a request.
func TestReadOfBadReceipts(t *testing.T) {
	t.Parallel()
	n := library(t, says(200, "{}"), says(200, sealed), nil)
	for _, ref := range []sink.Ref{
		{}, {FileHash: "../../admin"}, {FileHash: strings.ToUpper(someHash)}, {FileHash: someHash, Secret: "00"}, {FileHash: someHash, Secret: "zz"},
	} {
		_, err := n.Open(t.Context(), ref)
		if wantsKind(err) != sink.Permanent || errors.Is(err, sink.ErrNotFound) {
			t.Errorf("open %+v: %v", ref, err)
		}
	}
	odd := library(t, says(200, "{}"), says(200, sealed), func(c *Config) { c.URL += "s" })
	if _, err := odd.Open(t.Context(), sink.Ref{FileHash: someHash}); wantsKind(err) != sink.Misdirected {
		t.Errorf("open at a URL that is no upload's: %v", err)
	}
}

func wantsKind(err error) sink.Kind {
	var e *sink.Error
	if !errors.As(err, &e) {
		return -1
	}
	return e.Kind
}

// A body that ends early, or stands, is an error and not an end.
func TestReadBroken(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "11")
		io.WriteString(w, sealed[:5])
	}
	stands := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "11")
		io.WriteString(w, sealed[:5])
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, handler := range map[string]http.HandlerFunc{"cut": cut, "stands": stands} {
		n := library(t, says(404, ""), handler, func(c *Config) { c.Timeout = 200 * time.Millisecond })
		body, err := n.Open(t.Context(), sink.Ref{FileHash: someHash, Secret: someKey})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(body)
		if string(got) != "Super" || wantsKind(err) != sink.Temporary {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		body.Close()
	}
	silent := library(t, says(404, ""), func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		func(c *Config) { c.Timeout = 200 * time.Millisecond })
	if _, err := silent.Open(t.Context(), sink.Ref{FileHash: someHash}); wantsKind(err) != sink.Temporary {
		t.Errorf("silent: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := library(t, says(404, ""), stands, nil)
	body, err := n.Open(ctx, sink.Ref{FileHash: someHash})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(body); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	body.Close()
}

// A slow reader is not a node that stands.
func TestReadAtLeisure(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("x", 8<<20)
	n := library(t, says(404, ""), says(200, content), func(c *Config) { c.Timeout = 100 * time.Millisecond })
	body, err := n.Open(t.Context(), sink.Ref{FileHash: someHash})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond) // it is what is tested
	if rest, err := io.Copy(io.Discard, body); err != nil || rest != 8<<20-1000 {
		t.Errorf("%d more bytes, %v", rest, err)
	}
}
