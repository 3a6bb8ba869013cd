package uploader

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// What a process that was killed had booked is not put again: whatever it had
// come to, each place ends with each file once.
func TestMirrorRestart(t *testing.T) {
	const a, b = "http://a.test/", "http://b.test/"
	for what, tt := range map[string]struct {
		receipts     []store.Receipt
		toA, toB     int
		receiptsThen int
	}{
		"nothing booked":             {nil, 1, 1, 2},
		"one has it":                 {[]store.Receipt{receiptOf("p-001", a, time.Now())}, 0, 1, 2},
		"the other has it":           {[]store.Receipt{receiptOf("p-001", b, time.Now())}, 1, 0, 2},
		"both have it":               {[]store.Receipt{receiptOf("p-001", a, time.Now()), receiptOf("p-001", b, time.Now())}, 0, 0, 2},
		"another place has it":       {[]store.Receipt{receiptOf("p-001", "http://c.test/", time.Now())}, 1, 1, 3},
		"it was pushed":              {[]store.Receipt{changed(receiptOf("p-001", a, time.Now()), func(r *store.Receipt) { r.By = store.ByPush })}, 1, 1, 3},
		"another kind of place":      {[]store.Receipt{changed(receiptOf("p-001", a, time.Now()), func(r *store.Receipt) { r.Sink = "webnode" })}, 1, 1, 3},
		"one has another content":    {[]store.Receipt{changed(receiptOf("p-001", a, time.Now()), func(r *store.Receipt) { r.SHA256 = strings.Repeat("0", 64) })}, 1, 1, 3},
		"one has another size":       {[]store.Receipt{changed(receiptOf("p-001", a, time.Now()), func(r *store.Receipt) { r.Size++ })}, 1, 1, 3},
		"another content, then this": {[]store.Receipt{changed(receiptOf("p-001", a, time.Now()), func(r *store.Receipt) { r.Size++ }), receiptOf("p-001", a, time.Now())}, 0, 1, 3},
		"both another content, by A": {[]store.Receipt{
			changed(receiptOf("p-001", a, time.Now()), func(r *store.Receipt) { r.Size++ }),
			changed(receiptOf("p-001", b, time.Now()), func(r *store.Receipt) { r.Size++ }),
		}, 1, 1, 4},
	} {
		bubbleIn(t, what, func(t *testing.T) {
			s, x, y := newSpool("p-001"), newNode(nil), newNode(nil)
			s.receipts = slices.Clone(tt.receipts)
			r := start(t, mirror(x, y), s)
			pass(time.Minute)
			if len(x.taken) != tt.toA || len(y.taken) != tt.toB || len(s.receipts) != tt.receiptsThen || len(s.names()) != 0 {
				t.Errorf("put to a %d times and to b %d times, %d receipts, left %v; want %d, %d, %d and none",
					len(x.taken), len(y.taken), len(s.receipts), s.names(), tt.toA, tt.toB, tt.receiptsThen)
			}
			if err := r.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func changed(r store.Receipt, change func(*store.Receipt)) store.Receipt {
	change(&r)
	return r
}

// Receipts are read back as far as files wait for, not a fixed number of them;
// what is complete goes although the first place is down.
func TestMirrorRestartWithManyReceipts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const files = 3000
		s, a := newSpool(), newNode(func(name string, _ int) error { return refusal(name, sink.Temporary, 500) })
		b := newNode(nil)
		cfg := mirror(a, b)
		s.captured = func(name string) time.Time { return time.Now().Add(-time.Hour) }
		s.receipts = append(s.receipts, receiptOf("p-older", cfg.Targets[1].URL, time.Now().Add(-48*time.Hour)))
		for i := range files {
			name := fmt.Sprintf("p-%05d", i)
			s.files[name] = &fakeFile{[]byte("content of " + name)}
			s.receipts = append(s.receipts, receiptOf(name, cfg.Targets[1].URL, time.Now()))
			if i%2 == 0 {
				s.receipts = append(s.receipts, receiptOf(name, cfg.Targets[0].URL, time.Now()))
			}
		}
		r := start(t, cfg, s)
		pass(20 * time.Minute)
		if len(s.names()) != files/2 || len(b.seen()) != 0 {
			t.Errorf("%d files are left, %d were put to who had them; want %d and none", len(s.names()), len(b.seen()), files/2)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
		h := newHoldings(2)
		if err := h.load(s, cfg.Targets); err != nil || len(h.files) != files/2 || h.counts[1] != files/2 || h.counts[0] != 0 {
			t.Errorf("holdings of %d files, %v (%v)", len(h.files), h.counts, err)
		}
	})
}

// Who has a file that was set aside is known after a restart too: put back, only
// who lacks it gets it.
func TestMirrorRetryAfterRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a, b := newSpool(), newNode(nil), newNode(nil)
		cfg := mirror(a, b)
		s.aside["p-005"] = store.Reason{}
		s.receipts = []store.Receipt{receiptOf("p-005", cfg.Targets[1].URL, time.Now())}
		r := start(t, cfg, s)
		pass(time.Minute)
		s.mu.Lock()
		delete(s.aside, "p-005")
		s.mu.Unlock()
		s.add("p-005", "content of p-005")
		pass(time.Minute)
		equal(t, "left in the store", s.names(), nil)
		bookedOnce(t, s, cfg, []string{"p-005"})
		if len(b.seen()) != 0 {
			t.Errorf("%d puts to who has it", len(b.seen()))
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// Beyond the bound no file is begun that would have to be remembered, and none
// is forgotten.
func TestMirrorBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := numbered("p-", 1, 60)
		s, down := newSpool(names...), on()
		a, b := newNode(func(name string, _ int) error {
			if down.Load() {
				return refusal(name, sink.Temporary, 500)
			}
			return nil
		}), newNode(nil)
		cfg := mirror(a, b)
		ctx, stop := context.WithCancel(t.Context())
		r := &running{stop: stop, ended: make(chan struct{}), u: newUploader(cfg, s)}
		r.u.held.limit = 10
		go func() {
			defer close(r.ended)
			r.err = r.u.Run(ctx)
		}()
		for i := range 40 { // one after the other, as they come
			s.add(fmt.Sprintf("p-9%02d", i), "late")
			pass(10 * time.Second)
		}
		if n := len(b.seen()); n < 10 || n > 61 {
			t.Errorf("the other was put %d files, want ten or what one look brought", n)
		}
		down.Store(false)
		pass(10 * time.Minute)
		equal(t, "left in the store", s.names(), nil)
		if len(b.taken) != 100 || len(a.taken) != 100 || len(s.receipts) != 200 {
			t.Errorf("taken %d and %d with %d receipts, want 100, 100, 200", len(a.taken), len(b.taken), len(s.receipts))
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// since notes how far back the ledger is read.
type since struct {
	*fakeSpool
	from *time.Time
}

func (s since) ReceiptsSince(from time.Time, by string, each func(store.Receipt)) error {
	*s.from = from
	return s.fakeSpool.ReceiptsSince(from, by, each)
}

// What recovery set aside is no reason to read a ledger of years at each start.
func TestLoadPassesOverDamaged(t *testing.T) {
	s, captured := newSpool("p-1"), time.Now()
	s.captured = func(name string) time.Time {
		if name == "p-1" {
			return captured
		}
		return time.Time{}
	}
	s.aside["p-0.damaged"] = store.Reason{}
	var from time.Time
	if err := newHoldings(2).load(since{s, &from}, mirror(newNode(nil), newNode(nil)).Targets); err != nil {
		t.Fatal(err)
	}
	if want := captured.Add(-clockSlack); !from.Equal(want) {
		t.Errorf("the ledger is read since %v, want %v", from, want)
	}
}
