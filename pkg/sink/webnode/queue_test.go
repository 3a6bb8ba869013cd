package webnode

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// queue is a kernel's send buffer, and a watch over the connection that has it.
type queue struct {
	bytes  atomic.Int64
	signs  atomic.Int64 // of life
	watch  *watch
	trying context.Context
}

func newQueue(t *testing.T, bytes int64) *queue {
	q := &queue{}
	q.bytes.Store(bytes)
	q.trying, q.watch = watched(t.Context(), minute, func() {}, func() { q.signs.Add(1) })
	one, other := net.Pipe()
	c := newConn(one)
	c.queued = func() int { return int(q.bytes.Load()) }
	q.watch.attach(c)
	t.Cleanup(func() {
		q.watch.end()
		one.Close()
		other.Close()
	})
	return q
}

// failed waits and returns how long that took, and why.
func (q *queue) failed() (time.Duration, string) {
	began := time.Now()
	<-q.trying.Done()
	return time.Since(began), context.Cause(q.trying).Error()
}

// A slow line takes what the kernel has for longer than any wait: whoever
// waits for the sink is told that it lives.
func TestSlowLineAfterTheLastByte(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 1<<20)
		q.watch.await()
		for range 60 {
			before := q.signs.Load()
			time.Sleep(50 * time.Second)
			synctest.Wait()
			if q.trying.Err() != nil {
				t.Fatalf("given up while bytes leave: %v", context.Cause(q.trying))
			}
			if q.signs.Load() == before && q.bytes.Load() < 1<<20 {
				t.Fatal("no sign of life though bytes left")
			}
			q.bytes.Add(-10_000)
		}
		if took, why := q.failed(); took > minute+minute/looks || !strings.Contains(why, "no answer within 1m0s") {
			t.Errorf("no byte left any more: %q after %v, want a minute", why, took)
		}
	})
}

// The kernel wakes a writer only when much of its buffer has gone, and what he
// then writes may fill it again before his call returns.
func TestSlowLineWhileAWriteBlocks(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]int64{"less": -1000, "filled again": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(t, 0)
				q.watch.touch() // a write that filled the buffer
				q.bytes.Store(1 << 20)
				for range 60 {
					time.Sleep(minute / 2)
					if q.trying.Err() != nil {
						t.Fatalf("given up while bytes leave: %v", context.Cause(q.trying))
					}
					q.bytes.Add(step)
				}
				if took, why := q.failed(); took > minute+minute/looks || !strings.Contains(why, "no progress on the connection for 1m0s") {
					t.Errorf("no byte left any more: %q after %v, want a minute", why, took)
				}
			})
		})
	}
}

// What fills the buffer before it is first looked at is what was written.
func TestFullBufferIsNoProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 0)
		time.Sleep(time.Second)
		q.bytes.Store(1 << 20)
		q.watch.touch()
		if took, why := q.failed(); took != minute || !strings.Contains(why, "no progress") {
			t.Errorf("a line that takes nothing: %q after %v, want a minute", why, took)
		}
	})
}

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
