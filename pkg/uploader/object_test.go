package uploader

import (
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// The time of a key is the capture's, as well as it can be told.
func TestKeyOf(t *testing.T) {
	t.Parallel()
	captured := func(name string) (time.Time, bool) {
		return time.Date(2026, 11, 23, 14, 59, 59, 0, time.UTC), strings.HasSuffix(name, ".jsonl")
	}
	target := Target{Key: func(name string, at time.Time) string { return at.UTC().Format("2006-01-02T15") + "/" + name }}
	modified := time.Date(2025, 1, 2, 3, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"p-x.jsonl":                        "2026-11-23T14/p-x.jsonl",
		"Sodefaksd231-1401729610.25-4.txt": "2014-06-02T17/Sodefaksd231-1401729610.25-4.txt",
		"Sodefaksd231-1401729610-4.txt":    "2014-06-02T17/Sodefaksd231-1401729610-4.txt",
		"Sodefaksd231-14.25-4.txt":         "2025-01-02T03/Sodefaksd231-14.25-4.txt", // no time that there was
		"Sodefaksd231-1401729610.25-x.txt": "2025-01-02T03/Sodefaksd231-1401729610.25-x.txt",
		"Sodefaksd231-notes.txt":           "2025-01-02T03/Sodefaksd231-notes.txt",
		"Sodefaksd231-été":                 "2025-01-02T03/Sodefaksd231--t-",
	} {
		if got := target.keyOf(name, captured, modified); got != want {
			t.Errorf("key of %s: %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"p-x.jsonl": "2026-11-23T14/p-x.jsonl", "a b.txt": "a-b.txt"} {
		if got := target.pushedKey(name, captured); got != want {
			t.Errorf("key of %s that is pushed: %s, want %s", name, got, want)
		}
	}
	if got := (Target{}).keyOf("x", captured, modified) + (Target{}).pushedKey("x", captured); got != "" {
		t.Errorf("keys where there are no paths: %q", got)
	}
}

// What goes beside an object is enough to make its receipt again.
func TestObject(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 14, 0, 0, 1000, time.FixedZone("", 3600))
	it := content{name: "p-été 1", size: 3, sum: [32]byte{1, 2}, by: store.ByWatch}
	obj := it.object("k/p", now)
	for name, want := range map[string]string{
		sink.MetaName: "p-%C3%A9t%C3%A9%201", sink.MetaSHA256: "0102" + strings.Repeat("0", 60), sink.MetaSize: "3",
		sink.MetaTime: "2026-11-23T13:00:00.000001Z", sink.MetaBy: "watch",
	} {
		if got := obj.Meta[name]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	r := it.receipt(sink.Receipt{Sink: "s", URL: "u", FileHash: "f", Key: "secret", Object: "k/p"}, 2, now)
	if r.Object != "k/p" || r.Name != it.name || r.SHA256 != it.hex() || r.Key != "secret" || r.Attempts != 2 || !r.Proves(it.name, 3, it.hex()) {
		t.Errorf("receipt %+v", r)
	}
}
