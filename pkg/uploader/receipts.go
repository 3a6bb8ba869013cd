package uploader

import (
	"sync"

	"github.com/storj/twitter-stream/pkg/store"
)

// recentReceipts is how many old receipts are looked at. More than were ever
// in flight and not yet unlinked for good (removals are synced every 256).
const recentReceipts = 1024

// maxBooking bounds the files whose receipts a kill may leave before they are
// removed: with those in flight then (256 at most) and the removals that are
// not synced, the next start looks at all of them.
const maxBooking = recentReceipts / 2

// oldReceipts are those of files that may still lie in the store: a process
// that was killed had booked but not removed them.
type oldReceipts struct {
	mu     sync.Mutex // guards byName; workers look, the booker adds
	target Target
	byName map[string][]store.Receipt
}

// load reads the ledger's end, which OpenLedger has made durable. enough is false
// where the target may have got more of what waits than that tells: it was one of
// several, and a file waited for the others.
func (o *oldReceipts) load(sp spool, target Target) (enough bool, err error) {
	o.target, o.byName = target, map[string][]store.Receipt{}
	receipts, err := sp.Recent(recentReceipts, store.ByWatch)
	if err != nil {
		return false, err
	}
	others := false
	for _, r := range receipts {
		o.add(r)
		others = others || !target.gave(r)
	}
	if len(receipts) < recentReceipts {
		return true, nil
	}
	waiting := 0 // a kill leaves far fewer
	for name := range o.byName {
		if file, err := sp.open(name); err == nil {
			_ = file.Close() // only looked for
			waiting++
		}
	}
	return !others && waiting < len(o.byName)/2, nil
}

// add remembers a receipt whose file could not be removed.
func (o *oldReceipts) add(r store.Receipt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.byName[r.Name] = append(o.byName[r.Name], r)
}

// proves reports whether the configured sink has given a receipt for exactly
// this file, hashed again just now.
func (o *oldReceipts) proves(c content) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.byName[c.name] {
		if r.Proves(c.name, c.size, c.hex()) && o.target.gave(r) {
			return true
		}
	}
	return false
}

// gave reports whether a receipt is this target's.
func (t Target) gave(r store.Receipt) bool { return r.Sink == t.Kind && r.URL == t.URL }
