package watch

import (
	"context"

	"net"

	"strings"

	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const minute = time.Minute

// queue is a kernel's send buffer, and a watch over the connection that has it.
type queue struct {
	bytes  atomic.Int64
	signs  atomic.Int64 // of life
	watch  *Watch
	trying context.Context
}

func newQueue(t *testing.T, bytes int64) *queue {
	q := &queue{}
	q.bytes.Store(bytes)
	q.trying, q.watch = Start(t.Context(), minute, func() {}, func() { q.signs.Add(1) })
	one, other := net.Pipe()
	c := newConn(one, nil)
	c.queued = func() int { return int(q.bytes.Load()) }
	q.watch.Attach(c)
	t.Cleanup(func() {
		q.watch.End()
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
		q.watch.Await()
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
