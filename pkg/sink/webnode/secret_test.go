package webnode

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// A node may call a hash what is the key.
func TestErrorsDoNotQuoteTheNodesHash(t *testing.T) {
	t.Parallel()
	content := []byte("hello world")
	obj := sinktest.Object("x", content)
	key := hex.EncodeToString(keyFor(defaultPassphrase, obj.SHA256))
	other := strings.Repeat("ab", 32)
	for _, said := range []map[string]string{
		{"filehash": key}, {"filehash": key, "key": key}, {"filehash": key, "key": other},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusCreated)
			json.NewEncoder(w).Encode(said)
		}))
		t.Cleanup(server.Close)
		n, err := New(Config{URL: server.URL, Timeout: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		_, err = n.Put(t.Context(), obj)
		wantTemporary(t, err, "not proven")
		if err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("%v: the error holds the key: %v", said, err)
		}
	}
}

// The watch tells progress from the timer's goroutine, the body from the
// transport's: whoever listens needs no lock.
func TestOneCallOfProgressAtATime(t *testing.T) {
	t.Parallel()
	calls := 0
	up := &upload{}
	up.obj.Progress = func(n int) { calls += n }
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				up.progress(1)
			}
		})
	}
	group.Wait()
	if calls != 8000 {
		t.Errorf("progress was told %d times, want 8000", calls)
	}
}
