package s3

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// trickle gives a piece at a time and takes its time for each, as what is
// slowed down does.
type trickle struct {
	io.ReaderAt
	piece int
	pace  <-chan time.Time
	read  *atomic.Int64
}

func (s trickle) Local() io.ReaderAt { return s.ReaderAt }

func (s trickle) ReadAt(p []byte, off int64) (int, error) {
	p = p[:min(len(p), s.piece)]
	s.read.Add(int64(len(p)))
	<-s.pace
	return s.ReaderAt.ReadAt(p, off)
}

// What is slowed down on purpose is no standstill: neither does the try fail, nor
// is whoever waits for it left without a sign. And what is not sent costs
// nothing of what may be sent.
func TestSlowedDown(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"small": 200_000, "large": 1_200_000, "parts": 7 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, sinktest.NewGateway(t), func(c *Config) { c.Timeout = time.Second })
			n.partMin = 5 << 20
			obj := sinktest.Object("x", sinktest.Bytes(1, size))
			pace := time.NewTicker(50 * time.Millisecond)
			defer pace.Stop()
			var read atomic.Int64
			obj.Content = trickle{obj.Content, size / 60, pace.C, &read}
			last, longest := time.Now(), time.Duration(0)
			obj.Progress = func(int) { longest, last = max(longest, time.Since(last)), time.Now() }
			if _, err := n.Put(t.Context(), obj); err != nil {
				t.Errorf("put: %v", err)
			}
			if longest > n.cfg.Timeout {
				t.Errorf("no sign of life for %v", longest)
			}
			if read.Load() > int64(size)*11/10 {
				t.Errorf("%d bytes were read at the pace of what is sent, want %d", read.Load(), size)
			}
		})
	}
}
