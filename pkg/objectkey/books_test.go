package objectkey

import (
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

func TestBook(t *testing.T) {
	t.Parallel()
	b := Book{Store: "host-1a2b3c4d", Day: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), File: "captured-2026-11.ndjson", Size: 1234}
	key := b.Key()
	if key != "_books/host-1a2b3c4d/2026-11-25/captured-2026-11.ndjson.1234.zst" || !sink.ValidKey(key) {
		t.Errorf("key %q", key)
	}
	if got, ok := ParseBook(key); !ok || got != b {
		t.Errorf("parsed %+v (%v), want %+v", got, ok, b)
	}
	for _, bad := range []string{
		"", "_books", "_books/h/2026-11-25", "books/h/2026-11-25/x.jsonl.1.zst", "_books/h/2026-11-25/x.jsonl.1",
		"_books/h/2026-13-25/x.jsonl.1.zst", "_books/h/2026-11-25/x.zst", "_books/h/2026-11-25/x.jsonl.-1.zst1",
		"_books/h/2026-11-25/x.jsonl.01.zst", "_books/../2026-11-25/x.jsonl.1.zst", "_books/h/2026-11-25/a/x.jsonl.1.zst",
		"_books/h/2026-11-25/.1.zst", "_books/h/2026-11-25/x.jsonl.99999999999999999999.zst", "_books/h/2026-11-25/x.jsonl.+1.zst",
	} {
		if got, ok := ParseBook(bad); ok {
			t.Errorf("ParseBook(%q) = %+v", bad, got)
		}
	}
}
