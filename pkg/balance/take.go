package balance

import "github.com/storj/twitter-stream/pkg/store"

// takeReceipt takes a line of the ledger.
func (v *verifier) takeReceipt(line store.BookLine) {
	if v.ctx.Err() != nil {
		return
	}
	if line.Err != nil {
		v.report.damaged(line)
		return
	}
	r, err := shipped(line.Text)
	if err != nil {
		line.Err = err
		v.report.damaged(line)
		return
	}
	v.report.Receipts++
	place := v.report.place(r)
	place.count(r.size)
	if string(r.by) != store.ByWatch {
		v.report.Apart.Pushed.count(r.size)
		return
	}
	e := v.find(v.hash(r.name))
	if e == nil {
		v.unbooked(r)
		return
	}
	if !v.same(e, r) {
		e.state |= differs
		return
	}
	bit := place.bit()
	if e.state&bit != 0 && bit != lastPlace {
		e.state |= again
	}
	e.state |= bit
}

func shipped(line []byte) (receipt, error) {
	if r, ok := readReceipt(line); ok {
		return r, nil
	}
	r, err := store.DecodeReceipt(line)
	return receiptOf(r), err
}

// same reports whether a receipt is about the content that the book names.
func (v *verifier) same(e *entry, r receipt) bool {
	if v.contentOf(r.size, r.sha256) != e.content {
		return false
	}
	return len(r.inflatedSHA256) == 0 || e.inflated == v.inflatedOf(r.inflatedSize, r.inflatedSHA256)
}

// unbooked counts what the watch loop shipped and the captured book does not
// know.
func (v *verifier) unbooked(r receipt) {
	v.apart(string(r.name)).count(r.size)
}

// apart returns the sum that a file belongs in which has no line.
func (v *verifier) apart(name string) *Sum {
	at, ours := v.cfg.Store.CapturedAt(name)
	begin := v.spans
	if begin.IsZero() {
		begin = v.oldest
	}
	switch {
	case !ours:
		return &v.report.Apart.TakenOver
	case begin.IsZero() || at.Before(begin):
		return &v.report.Apart.Older
	}
	return &v.report.Apart.Unbooked
}

// takeHolding takes a file of the store.
func (v *verifier) takeHolding(h store.Holding) {
	if h.In == store.Damaged {
		v.report.Apart.Damaged.count(h.Size)
		return
	}
	e := v.find(v.hash([]byte(h.Name)))
	if e == nil {
		if h.In != store.Finishing { // its line comes before its name
			v.report.Apart.Stored.count(h.Size)
		}
		return
	}
	v.holds(e, h)
}

// holds marks where an entry's file is.
func (v *verifier) holds(e *entry, h store.Holding) {
	switch h.In {
	case store.Finished:
		e.state |= finished
		if h.Size != e.size {
			e.state |= resized
		}
	case store.Finishing:
		e.state |= finishing
	default:
		e.state |= aside
	}
}
