package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

func nodeReceipt(n int) store.Receipt {
	return store.Receipt{Time: begin, Name: name(n), SHA256: hashOf(name(n)), Sink: "webnode", URL: "http://node/api/upload",
		FileHash: hashOf("x" + name(n)), Key: hashOf("y" + name(n)), Attempts: 1, By: store.ByWatch}
}

// daily puts the copy of a day.
func (w *world) daily(day int, file, content, packed string) {
	w.there.bare(objectkey.Book{Store: "host-1", Day: begin.AddDate(0, 0, day), File: file, Size: int64(len(content))}.Key(), packed)
}

// rebuilt makes the books again from what the storage has alone.
func (w *world) rebuilt() Report {
	w.t.Helper()
	cfg := w.config()
	copies, err := CopiesAt(w.t.Context(), cfg.Places[0], "")
	if err != nil {
		w.t.Fatal(err)
	}
	cfg.Copies = copies
	return w.run(cfg)
}

// Two machines of one name and path keep their copies in one place, day by day:
// the books of neither are taken for the beginning of the other's.
func TestTwoStoresOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := "", ""
	for day := range 3 {
		a += line(nodeReceipt(day))
		b += line(nodeReceipt(10*day+100)) + line(nodeReceipt(10*day+101)) + line(nodeReceipt(10*day+102))
		w.daily(day, "2026-11.jsonl", a, zstdOf(t, a))
		w.daily(day, "2026-11.jsonl", b, zstdOf(t, b))
	}
	r := w.rebuilt()
	if got := w.receipts(); len(got) != 12 || len(r.Failed) > 0 || r.Half {
		t.Errorf("%d receipts of 12: %+v", len(got), r)
	}
	if !slices.Equal(r.Differing, []string{"2026-11.jsonl"}) {
		t.Errorf("that there are two is not said: %+v", r)
	}
}

// A packed copy in which a byte was altered is read, but none of its lines is
// believed where anything else tells of the same.
func TestAlteredCopy(t *testing.T) {
	t.Parallel()
	right := line(nodeReceipt(1)) + line(nodeReceipt(2))
	added := line(nodeReceipt(3))
	packed := zstdStored(right + added)
	for at := 20; at < len(packed); at += 31 {
		w := newWorld(t)
		altered := []byte(packed)
		altered[at] ^= 1
		w.daily(1, "2026-11.jsonl", right, zstdOf(t, right))
		w.daily(2, "2026-11.jsonl", right+added, string(altered))
		r := w.rebuilt()
		got := w.receipts()
		if len(r.Failed) == 0 || len(got) < 2 || got[0] != nodeReceipt(1) || got[1] != nodeReceipt(2) {
			t.Fatalf("byte %d: %d receipts, %+v", at, len(got), r)
		}
		// What no other copy tells of may be wrong, and is said to be unproven.
		for _, receipt := range got[2:] {
			if known := receipt.Name == name(1) || receipt.Name == name(2); known || r.Unproven == 0 {
				t.Fatalf("byte %d: %+v, %+v", at, receipt, r)
			}
		}
	}
}

// zstdStored is a frame of raw blocks, a line each, and a checksum that is
// wrong: as if a byte had been altered.
func zstdStored(text string) string {
	n := len(text)
	frame := string([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x84, 0x58, byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	for line := range strings.Lines(text) {
		head := len(line) << 3
		if text = strings.TrimPrefix(text, line); text == "" {
			head |= 1 // the last one
		}
		frame += string([]byte{byte(head), byte(head >> 8), byte(head >> 16)}) + line
	}
	return frame + "\x00\x00\x00\x00"
}

// A copy that ends at a line, but not where its name says, is not whole.
func TestShortCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := line(nodeReceipt(1)), line(nodeReceipt(1))+line(nodeReceipt(2))
	w.daily(1, "2026-11.jsonl", two, zstdOf(t, one))
	if r := w.rebuilt(); len(r.Failed) != 1 || r.Made != 1 || r.Unproven != 1 {
		t.Errorf("%+v", r)
	}
}

// A key that was altered in one copy does not keep the right one out.
func TestAlteredKeyInOneCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := nodeReceipt(1)
	wrong.Key = hashOf("altered")
	w.run(w.config(copyOf("2026-11.jsonl", line(wrong)), copyOf("2026-11.jsonl.zst", zstdOf(t, line(nodeReceipt(1))))))
	if got := w.receipts(); !slices.Contains(got, nodeReceipt(1)) {
		t.Errorf("%+v", got)
	}
}

// Where a place did not answer, the books stay half made again; another run that
// gets through makes them whole.
func TestHalfWhereAPlaceIsDown(t *testing.T) {
	t.Parallel()
	for _, kind := range []sink.Kind{sink.Temporary, sink.Credentials} {
		w := newWorld(t)
		w.there.put(name(1), name(1), nil)
		refused := &refusing{storage: w.there, err: &sink.Error{Kind: kind, Err: errors.New("no answer")}}
		cfg := w.config()
		cfg.Places[0].Reader = refused
		r := w.run(cfg)
		if half, err := w.spool.Rebuilding(); !half || err != nil || !r.Half {
			t.Errorf("%v: %+v, half %v (%v)", kind, r, half, err)
		}
		r = w.run(w.config())
		if half, err := w.spool.Rebuilding(); half || err != nil || r.Half || r.Made != 1 {
			t.Errorf("%v: then %+v, half %v (%v)", kind, r, half, err)
		}
	}
}

// refusing lists nothing.
type refusing struct {
	*storage
	err error
}

func (r *refusing) List(context.Context, string, func(sink.Found) error) error { return r.err }

// However many objects are not the uploader's, the report says how many.
func TestManyForeignObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 3 * maxTrouble {
		w.there.bare(fmt.Sprintf("foreign/%04d \n", i), "")
	}
	w.there.fails = 1 // the end of the first listing: they are noted once
	r := w.run(w.config())
	var text strings.Builder
	if err := r.Text(&text); err != nil || !strings.Contains(text.String(), "left alone: 3000\n") || !strings.Contains(text.String(), "and 2980 more") {
		t.Errorf("%v: %s", err, text.String())
	}
	if err := r.Text(io.Discard); err != nil || len(r.Skipped) != maxTrouble || r.MoreSkipped != 2*maxTrouble {
		t.Errorf("%d, and %d more", len(r.Skipped), r.MoreSkipped)
	}
}
