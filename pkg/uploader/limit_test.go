package uploader

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// gapped is a sink that reads as one does, and notes the longest time that it
// waited for bytes.
type gapped struct {
	Putter
	longest *atomic.Int64
}

func (g gapped) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	content := make([]byte, obj.Size)
	for off := 0; off < len(content); {
		last := time.Now()
		n, err := obj.Content.ReadAt(content[off:], int64(off))
		if n == 0 && err != nil {
			return sink.Receipt{}, err
		}
		if gap := int64(time.Since(last)); gap > g.longest.Load() {
			g.longest.Store(gap)
		}
		off += n
	}
	obj.Content = bytes.NewReader(content)
	return g.Putter.Put(ctx, obj)
}

// One limit holds for all that is sent, and none stands still for long.
func TestBandwidth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a, b := newSpool(), newNode(nil), newNode(nil)
		for _, name := range numbered("p-", 1, 20) {
			s.add(name, strings.Repeat("x", 100_000))
		}
		cfg := mirror(a, b)
		var longest atomic.Int64
		for i := range cfg.Targets {
			cfg.Targets[i].Sink = gapped{cfg.Targets[i].Sink, &longest}
		}
		cfg.Bandwidth, cfg.Drain, cfg.Timeout = 100_000, true, 2*time.Second
		began := time.Now()
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 38*time.Second || took > 44*time.Second {
			t.Errorf("4 MB at 100 kB/s took %v, want 40 s", took)
		}
		if gap := time.Duration(longest.Load()); gap > cfg.Timeout/4 {
			t.Errorf("an upload stood still for %v by our own doing; the sink gives up after %v", gap, cfg.Timeout)
		}
		equal(t, "left in the store", s.names(), nil)
	})
}

// However little the limit is, none stands still for long.
func TestLeastBandwidth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(), newNode(nil)
		for _, name := range numbered("p-", 1, 4) {
			s.add(name, strings.Repeat("x", 1000))
		}
		cfg := config(n)
		var longest atomic.Int64
		cfg.Targets[0].Sink = gapped{n, &longest}
		cfg.Bandwidth, cfg.Drain = 10, true
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if gap := time.Duration(longest.Load()); gap > cfg.Timeout/2 {
			t.Errorf("an upload stood still for %v by our own doing; the sink gives up after %v", gap, cfg.Timeout)
		}
	})
}

// However slow it is, a stop is prompt.
func TestBandwidthStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a, b := newSpool(), newNode(nil), newNode(nil)
		s.add("p-001", strings.Repeat("x", 1<<20))
		cfg := mirror(a, b)
		cfg.Bandwidth = 1
		r := start(t, cfg, s)
		pass(time.Minute)
		began := time.Now()
		if err := r.end(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > stopGrace+bookGrace {
			t.Errorf("it took %v to stop", took)
		}
		equal(t, "in the store", s.names(), []string{"p-001"})
	})
}
