package balance

import (
	"hash/maphash"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

// TestVerifyWhileFilesMove: what is shipped, removed, finished or set aside
// between two looks is neither missing nor twice.
func TestVerifyWhileFilesMove(t *testing.T) {
	t.Parallel()
	const here = "http://here"
	w := newWorld(t)
	lock, err := w.spool.Lock(t.Context(), store.RoleUploader, store.Holder{PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for i := range 5 {
		w.captured.Write(line(name(i), 5).Line())
	}
	long := now.Add(-time.Hour)
	w.receipt(given(name(1), 5, here, long))
	flush := func() {
		w.write("ledger/captured-2026-11.ndjson", w.captured.String())
		w.write("ledger/2026-11.jsonl", w.ledger.String())
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(name string) {
		t.Helper()
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	for i := range 5 {
		w.write(name(i), "xxxxx")
	}
	move(name(2), "."+name(2))
	v := &verifier{ctx: t.Context(), cfg: Config{Store: w.spool, URLs: []string{here}, Now: func() time.Time { return now }}, seed: maphash.MakeSeed(), report: newReport()}
	upTo, err := w.spool.LedgerExtent()
	if err == nil {
		err = v.readCaptured()
	}
	if err == nil {
		err = w.spool.LedgerLines(upTo, v.takeReceipt)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Shipped and removed before the store is listed.
	w.receipt(given(name(0), 5, here, now))
	flush()
	remove(name(0))
	// Gone from where the listing looks, as a file that is renamed meanwhile may be.
	hidden := filepath.Join(t.TempDir(), "moving")
	if err := os.Rename(filepath.Join(w.dir, "."+name(2)), hidden); err != nil {
		t.Fatal(err)
	}
	if err := w.spool.Holdings(v.takeHolding); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hidden, filepath.Join(w.dir, name(2))); err != nil {
		t.Fatal(err)
	}
	remove(name(1)) // it had all its receipts
	move(name(3), "rejected/"+name(3))
	remove(name(4)) // lost
	w.receipt(given(name(4), 6, here, now))
	flush()
	// Of file 4 the listing has said that it is there: that it has been lost since
	// is the next verify's to find.
	if err := v.lookAgain(); err != nil {
		t.Fatal(err)
	}
	v.sumUp()
	if r := v.report; !r.Balanced || r.Delivered.Files != 2 || r.Missing.Count != 0 {
		t.Errorf("%+v", r)
	}
	if r := w.verify(here); r.Balanced || r.Missing.Count != 1 || named(r.Missing)[0] != name(4) || r.Differs.Count != 1 {
		t.Errorf("afterwards: %+v", r)
	}
}
