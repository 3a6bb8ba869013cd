package s3

import (
	"strconv"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// BenchmarkPut puts objects of 1 MiB to a real server, one after the other.
func BenchmarkPut(b *testing.B) {
	g := sinktest.NewGateway(b)
	n := newNode(b, g, nil)
	cfg := n.cfg
	cfg.URL = strings.Replace(cfg.URL, n.proxy.URL, g.URL, 1)
	bucket, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	content := sinktest.Bytes(1, 1<<20)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := bucket.Put(b.Context(), sinktest.Object("x"+strconv.Itoa(i), content)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
