package uploader

import (
	"testing"
	"time"
)

// An append and its fsync cost the same for one receipt as for many.
func TestReceiptsAreBookedTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(numbered("p-", 1, 400)...), newNode(func(name string, _ int) error {
			time.Sleep(time.Duration(name[len(name)-1]-'0') * 300 * time.Microsecond) // so that they do not come four at a time
			return nil
		})
		cfg := config(n)
		cfg.Concurrency, cfg.Drain = 4, true
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, "left in the store", s.names(), nil)
		if s.appends > 110 {
			t.Errorf("%d appends for 400 receipts, want about one for four", s.appends)
		}
		if took := time.Since(n.start); took > time.Second {
			t.Errorf("it took %v: the lanes waited for the books", took)
		}
	})
}

// One alone does not wait for others that do not come.
func TestOneReceiptIsBookedAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(), newNode(nil)
		r := start(t, config(n), s)
		pass(time.Minute)
		s.add("p-1", "one")
		pass(scanGap + n.takes + gatherTime + time.Millisecond)
		equal(t, "receipts", s.booked(), []string{"p-1"})
		equal(t, "left in the store", s.names(), nil)
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	})
}
