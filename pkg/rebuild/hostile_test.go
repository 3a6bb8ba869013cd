package rebuild

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/sink"
)

// What stands beside a packed object of its content is believed no more than
// what stands there of itself.
func TestInflatedIsWhatWasCaptured(t *testing.T) {
	t.Parallel()
	packed := func(n int) string { return name(n) + ".zst" }
	w := newWorld(t)
	var book string
	for n := range 2 {
		content := "content of " + packed(n)
		book += string(coverage.File{
			Name: packed(n), Messages: 1, Bytes: 99, SHA256: hashOf("inside"), First: begin, Last: begin,
			PackedBytes: int64(len(content)), PackedSHA256: hashOf(content),
		}.Line())
	}
	if err := w.spool.CapturedBook().Append([]byte(book)); err != nil {
		t.Fatal(err)
	}
	inflated := func(size, sum string) func(map[string]string) {
		return func(m map[string]string) { m["inflated-size"], m["inflated-sha256"] = size, sum }
	}
	w.there.put(packed(0), packed(0), inflated("99", hashOf("inside")))
	w.there.put(packed(1), packed(1), inflated("99", hashOf("a lie")))
	w.there.put(packed(2), packed(2), inflated("-5", hashOf("no book knows it")))
	r := w.run(w.config())
	if r.Made != 1 || len(r.Skipped) != 2 {
		t.Errorf("%+v", r)
	}
}

// A name that no ledger holds keeps no other object from its receipt.
func TestNameTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("x", 70<<10)
	w.there.put(sink.SafeName(long), long, func(m map[string]string) { m["by"] = "push" })
	w.there.put(name(1), name(1), nil)
	if r := w.run(w.config()); r.Made != 1 || len(r.Skipped) != 1 {
		t.Errorf("%+v", r)
	}
}

// endless is a storage whose contents do not end.
type endless struct{ *storage }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func (endless) Open(context.Context, sink.Ref) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeros{}, 1<<30)), nil
}

// What is read of an object is what was listed of it: no less, and not for ever.
func TestReadIsWhatWasListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.there.bare(name(1), "one")
	w.there.bare(name(2), "two")
	w.there.content[name(2)] = "tw"
	r := w.run(w.config())
	if r.Made != 1 || len(r.Failed) != 1 || r.Failed[0].Name != name(2) {
		t.Errorf("cut short: %+v", r)
	}
	w = newWorld(t)
	w.there.bare(name(1), "one")
	cfg := w.config()
	cfg.Places[0].Reader = endless{w.there}
	if r := w.run(cfg); r.Made != 0 || len(r.Failed) != 1 || r.Read > 1<<20 {
		t.Errorf("without end: %+v", r)
	}
}

// A place that cannot be asked for copies keeps nothing from the others, and is
// named.
func TestCopiesOfAPlaceThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	down := newStorage()
	down.fails = 1
	copies, err := CopiesAt(t.Context(), Place{"s3", "s3://down", down}, "")
	if err != nil {
		t.Fatal(err)
	}
	r := w.run(w.config(append(copies, copyOf("captured-2026-11.ndjson", captured(name(1), "one")))...))
	if r.Captured != 1 || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Name, "s3://down") {
		t.Errorf("%+v", r)
	}
}
