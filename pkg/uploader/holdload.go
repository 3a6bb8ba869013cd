package uploader

import (
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

// clockSlack is how much older than a file's name its receipts may be, by a
// clock that was set back meanwhile.
const clockSlack = 24 * time.Hour

// damagedSuffix marks what recovery set aside, which nobody ever had, nor puts
// back.
const damagedSuffix = ".damaged"

// names are the hashes of the names of files.
type names map[uint64]struct{}

// load learns from the ledger, which OpenLedger has made durable, who has what
// of the files that wait or were set aside. It reads back to when the oldest
// of them was captured, and remembers of nothing else.
func (h *holdings) load(sp spool, targets []Target) error {
	waiting, aside, from, err := h.wanted(sp)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return sp.ReceiptsSince(from, store.ByWatch, func(r store.Receipt) {
		key := h.key(r.Name)
		_, waits := waiting[key]
		_, isAside := aside[key]
		if !waits && !isAside {
			return
		}
		for i, target := range targets {
			if !target.gave(r) {
				continue
			}
			if waits {
				h.set(key, h.learn(h.files[key], i, r))
			}
			if isAside {
				h.aside[key] = h.learn(h.aside[key], i, r)
			}
		}
	})
}

// learn takes a receipt. They come newest first: of two contents of one name the
// newer counts.
func (h *holdings) learn(it holding, target int, r store.Receipt) holding {
	check := h.check(r.Size, r.SHA256)
	if it.has != 0 && it.check != check {
		return it
	}
	return holding{check: check, has: it.has | 1<<target}
}

// wanted returns the names of the files that wait and of those that were set
// aside, and since when their receipts may be: since the oldest was captured, or
// ever if one has a name that does not tell.
func (h *holdings) wanted(sp spool) (waiting, aside names, from time.Time, err error) {
	waiting, aside, from = names{}, names{}, time.Unix(1<<40, 0)
	note := func(set names, name string) {
		at, _ := sp.CapturedAt(name)
		if at.Before(from) {
			from = at
		}
		if len(set) < h.limit {
			set[h.key(name)] = struct{}{}
		}
	}
	_, err = sp.Scan(pendingNames, func(name string) bool {
		note(waiting, name)
		return true
	})
	if err != nil {
		return waiting, aside, from, err
	}
	rejected, err := sp.Rejected()
	for _, reason := range rejected {
		if !strings.HasSuffix(reason.Name, damagedSuffix) {
			note(aside, reason.Original)
		}
	}
	if !from.IsZero() {
		from = from.Add(-clockSlack)
	}
	return waiting, aside, from, err
}
