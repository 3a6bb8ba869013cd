package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/sink/directory"
	"github.com/storj/twitter-stream/pkg/store"
)

// Receipts of places that are not configured any more can be read back, and a
// password is sent to the place that it was configured for alone.
func TestReaders(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		io.WriteString(w, user+password)
	}))
	t.Cleanup(server.Close)
	archive := filepath.Join(t.TempDir(), "archive")
	if _, err := directory.Init(archive, false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(archive, name), []byte("in "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := &config.Config{UploadTimeout: time.Minute, UploadURLs: []string{"http://user:pass@" + strings.TrimPrefix(server.URL, "http://") + "/one/upload"}}
	all := newReaders(cfg, nil)
	t.Cleanup(all.Close)
	hash := strings.Repeat("0", 64)
	for _, test := range []struct {
		receipt store.Receipt
		want    string // "" for none
	}{
		{store.Receipt{Sink: "webnode", URL: server.URL + "/one/upload", FileHash: hash}, "userpass"},
		{store.Receipt{Sink: "webnode", URL: server.URL + "/two/upload", FileHash: hash}, "nobody"},
		{store.Receipt{Sink: "directory", URL: directory.URL(archive), Name: "a"}, "in a"},
		{store.Receipt{Sink: "directory", URL: directory.URL(archive), Name: "a", Object: "b"}, "in b"},
		{store.Receipt{Sink: "directory", URL: "file://host/x", Name: "a"}, ""},
		{store.Receipt{Sink: "webnode", URL: "nonsense", Name: "a"}, ""},
		{store.Receipt{Sink: "carrier pigeon", URL: "https://x", Name: "a"}, ""},
	} {
		reader, err := all.of(test.receipt)
		if err != nil {
			if test.want != "" {
				t.Errorf("%+v: %v", test.receipt, err)
			}
			continue
		}
		body, err := reader.Open(t.Context(), refTo(test.receipt))
		if err != nil {
			t.Errorf("%+v: %v", test.receipt, err)
			continue
		}
		got, err := io.ReadAll(body)
		if err != nil || string(got) != strings.TrimPrefix(test.want, "nobody") {
			t.Errorf("%+v: %q, %v, want %q", test.receipt, got, err, test.want)
		}
		body.Close()
		if again, _ := all.of(test.receipt); again != reader {
			t.Errorf("%+v: opened twice", test.receipt)
		}
	}
}
