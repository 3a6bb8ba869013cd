package sinktest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink"
)

// readBack answers as web-core does right after an upload: the object can be
// downloaded, and its record is not there yet. A request that names a secret in
// its URL gets nothing.
func (n *WebNode) readBack(w http.ResponseWriter, r *http.Request) {
	hash, download := strings.CutPrefix(r.URL.Path, "/api/download/")
	n.mu.Lock()
	content, ok := n.kept[hash]
	n.mu.Unlock()
	switch {
	case r.URL.RawQuery != "":
		http.Error(w, "a secret in the URL", http.StatusTeapot)
	case !download:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":"File not found"}`)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":"file-not-found"}`)
	default:
		if !n.Era2014 {
			_, _, content = seal(n.Passphrase, content)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content)
	}
}

// RefOf returns what a receipt knows of the object that it is for.
func RefOf(r sink.Receipt, obj sink.Object) sink.Ref {
	ref := sink.Ref{Key: r.Object, FileHash: r.FileHash, Secret: r.Key, Size: obj.Size}
	if ref.Key == "" {
		ref.Key = obj.Name
	}
	return ref
}

// testReadBack: what was put comes back, byte for byte; what was not is known to
// be missing.
func testReadBack(t *testing.T, n Node) {
	for _, size := range []int{0, 1, 17, 70_000, 3<<20 + 1} {
		content := Bytes(12, size)
		ref := RefOf(must(t, n, content), named(content))
		found, err := n.Stat(t.Context(), ref)
		if err != nil || found.Size != int64(size) && found.Size != -1 {
			t.Errorf("stat of %d bytes: %+v, %v", size, found, err)
		}
		body, err := n.Open(t.Context(), ref)
		if err != nil {
			t.Fatalf("open of %d bytes: %v", size, err)
		}
		got, err := io.ReadAll(body)
		if closeErr := body.Close(); err != nil || closeErr != nil || !bytes.Equal(got, content) {
			t.Errorf("read back %d of %d bytes, the same: %v (%v, %v)", len(got), size, bytes.Equal(got, content), err, closeErr)
		}
	}
	testMissing(t, n)
}

func testMissing(t *testing.T, n Node) {
	ref := sink.Ref{Key: "never-put", FileHash: strings.Repeat("0", 64), Secret: strings.Repeat("1", 64)}
	if _, err := n.Stat(t.Context(), ref); !errors.Is(err, sink.ErrNotFound) {
		t.Errorf("stat of what was never put: %v, want %v", err, sink.ErrNotFound)
	}
	if body, err := n.Open(t.Context(), ref); !errors.Is(err, sink.ErrNotFound) {
		t.Errorf("open of what was never put: %v, %v, want %v", body, err, sink.ErrNotFound)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Stat(ctx, ref); !errors.Is(err, context.Canceled) {
		t.Errorf("stat with a context that has ended: %v", err)
	}
	if _, err := n.Open(ctx, ref); !errors.Is(err, context.Canceled) {
		t.Errorf("open with a context that has ended: %v", err)
	}
}
