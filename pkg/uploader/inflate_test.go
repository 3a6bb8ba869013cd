package uploader

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/sink"
)

func packed(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if strings.HasSuffix(name, ".zst") {
		enc, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w = enc
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// metas keeps what went beside the objects.
type metas struct {
	place
	all map[string]map[string]string
}

func (m *metas) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	m.all[obj.Name] = obj.Meta
	return m.place.Put(ctx, obj)
}

// Receipts and metadata of a compressed file say what is in it; one that does not
// inflate is shipped all the same.
func TestCompressed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		text := strings.Repeat(`{"text":"a message"}`+"\n", 50_000)
		sum := sha256.Sum256([]byte(text))
		s, a := newSpool(), newNode(nil)
		whole := map[string]bool{"p-1.jsonl.gz": true, "p-2.jsonl.zst": true}
		for name := range whole {
			s.add(name, packed(t, name, text))
		}
		s.add("p-3.jsonl.gz", packed(t, "p-3.jsonl.gz", text)[:1000])
		s.add("p-4.jsonl.zst", packed(t, "p-4.jsonl.zst", text)[:100])
		s.add("p-5.jsonl.zst", "no such thing")
		s.add("p-6.jsonl", text)
		cfg := mirror(a)
		m := &metas{cfg.Targets[0].Sink.(place), map[string]map[string]string{}}
		cfg.Targets[0].Sink, cfg.Concurrency, cfg.Drain = m, 1, true
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, "left in the store", s.names(), nil)
		if len(s.receipts) != 6 {
			t.Fatalf("%d receipts, want 6", len(s.receipts))
		}
		for _, r := range s.receipts {
			wantSize, wantSum, meta := int64(0), "", ""
			if whole[r.Name] {
				wantSize, wantSum = int64(len(text)), hex.EncodeToString(sum[:])
				meta = strconv.Itoa(len(text))
			}
			if r.InflatedSize != wantSize || r.InflatedSHA256 != wantSum {
				t.Errorf("%s: receipt of %d inflated bytes, %s; want %d, %s", r.Name, r.InflatedSize, r.InflatedSHA256, wantSize, wantSum)
			}
			if got := m.all[r.Name]; got[sink.MetaInflatedSize] != meta || got[sink.MetaInflatedSHA256] != wantSum {
				t.Errorf("%s: metadata %v", r.Name, got)
			}
		}
	})
}
