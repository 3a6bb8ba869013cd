package uploader

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"

	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// maxTargets is how many places a file may go to: holding has a bit for each.
	maxTargets = 16
	// maxHoldings bounds the files of which is remembered who has them: 16 bytes
	// and a map's overhead each. Beyond it no further file is begun until some
	// have left.
	maxHoldings = 1_000_000
)

// holdings is which of several targets has which of the files that are still in
// the store: what lets each go its own way, and a file go when all have it. It
// holds hashes, not names. What is forgotten, or never known, costs no more than
// another put, which a sink answers as it did the first.
//
// A nil *holdings is that of a single target that always was: nothing is in the
// store that it has, but for what oldReceipts knows.
type holdings struct {
	limit int
	seed  maphash.Seed
	all   uint16 // a bit for each target

	mu     sync.Mutex // guards what follows
	files  map[uint64]holding
	aside  map[uint64]holding // of files that were set aside, and may come back
	counts [maxTargets]int    // of files that a target has, or has refused
	ailing uint16             // targets that are in trouble
	why    map[uint64][]denial
	going  map[uint64]struct{} // files that all have and that are being removed
}

// holding is who has a file, and who refuses it for good.
type holding struct {
	check        uint32 // of its size and hash
	has, refused uint16
}

// denial is why a target refuses a file.
type denial struct {
	lane   int
	reason store.Reason
}

func newHoldings(targets int) *holdings {
	return &holdings{
		limit: maxHoldings, seed: maphash.MakeSeed(), all: 1<<targets - 1,
		files: map[uint64]holding{}, aside: map[uint64]holding{}, why: map[uint64][]denial{}, going: map[uint64]struct{}{},
	}
}

func (h *holdings) key(name string) uint64 { return maphash.String(h.seed, name) }

// check tells contents apart. With key it is 96 bits that nobody can foresee.
func (h *holdings) check(size int64, sha256hex string) uint32 {
	text := binary.LittleEndian.AppendUint64(make([]byte, 0, 72), uint64(size))
	return uint32(maphash.Bytes(h.seed, append(text, sha256hex...)))
}

// set replaces what is known of a file in the store; h.mu is held.
func (h *holdings) set(key uint64, it holding) {
	h.count(h.files[key], -1)
	if it.has|it.refused == 0 {
		delete(h.files, key)
		delete(h.why, key)
		return
	}
	h.files[key] = it
	h.count(it, 1)
}

func (h *holdings) count(it holding, n int) {
	for rest := it.has | it.refused; rest != 0; rest &= rest - 1 {
		h.counts[bits.TrailingZeros16(rest)] += n
	}
}

// find returns what is known of a file, also of one that has come back from
// where it was set aside; h.mu is held.
func (h *holdings) find(key uint64) holding {
	it, ok := h.files[key]
	if !ok {
		if it, ok = h.aside[key]; ok {
			delete(h.aside, key)
			h.set(key, it)
		}
	}
	return it
}

// keeper is the target that takes files that all have: they need no target, but
// somebody has to look; h.mu is held.
func (h *holdings) keeper() int {
	if well := h.all &^ h.ailing; well != 0 {
		return bits.TrailingZeros16(well)
	}
	return 0
}

// skips reports whether a target's lane has nothing to do for a file.
func (h *holdings) skips(target int, name string) bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := h.key(name)
	it := h.find(key)
	_, going := h.going[key]
	switch {
	case going:
		return true
	case it.has == h.all:
		return target != h.keeper()
	case it.has|it.refused == 0:
		return len(h.files) >= h.limit
	}
	return (it.has|it.refused)&(1<<target) != 0
}

// full reports whether no further file may be begun.
func (h *holdings) full() bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.files) >= h.limit
}

// settled is how many files in the store a target has or refuses.
func (h *holdings) settled(target int) int {
	if h == nil {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts[target]
}

// proves reports whether a target has exactly this file, hashed again just now.
func (h *holdings) proves(target int, c content) bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	it := h.find(h.key(c.name))
	return it.has&(1<<target) != 0 && it.check == h.check(c.size, c.hex())
}

// look returns who has exactly this file.
func (h *holdings) look(c content) holding {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := h.key(c.name)
	it := h.find(key)
	if it.check != h.check(c.size, c.hex()) {
		return holding{}
	}
	h.settle(key, it)
	return it
}

// settle notes that a file which all have is about to be removed, so that no
// lane takes it up in between; h.mu is held.
func (h *holdings) settle(key uint64, it holding) {
	if it.has == h.all {
		h.going[key] = struct{}{}
	}
}

// stays notes that a file could not be removed: somebody has to try again.
func (h *holdings) stays(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.going, h.key(name))
}

// waits is how many files some have and others lack.
func (h *holdings) waits() int {
	if h == nil {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.files)
}

// took notes that a target has a file, and returns who has it now. What others
// have under its name is another file if its content is another.
func (h *holdings) took(target int, c content) holding {
	return h.note(c, func(it *holding) { it.has, it.refused = it.has|1<<target, it.refused&^(1<<target) })
}

// refuses notes that a target refuses a file for good.
func (h *holdings) refuses(target int, c content, why store.Reason) holding {
	it := h.note(c, func(it *holding) { it.refused |= 1 << target })
	h.mu.Lock()
	defer h.mu.Unlock()
	key := h.key(c.name)
	if len(h.why) < maxPostponed || h.why[key] != nil {
		h.why[key] = append(slices.DeleteFunc(h.why[key], func(r denial) bool { return r.lane == target }), denial{target, why})
	}
	return it
}

func (h *holdings) note(c content, change func(*holding)) holding {
	h.mu.Lock()
	defer h.mu.Unlock()
	key, check := h.key(c.name), h.check(c.size, c.hex())
	it := h.find(key)
	if it.check != check {
		it = holding{check: check}
	}
	change(&it)
	h.set(key, it)
	h.settle(key, it)
	return it
}

// reason says who refuses a file, and why.
func (h *holdings) reason(name string) store.Reason {
	h.mu.Lock()
	defer h.mu.Unlock()
	why := h.why[h.key(name)]
	if len(why) == 0 {
		return store.Reason{Reason: "it was refused for good"}
	}
	slices.SortFunc(why, func(a, b denial) int { return a.lane - b.lane })
	reason := why[0].reason
	reason.Reason = ""
	for i, r := range why {
		if i > 0 {
			reason.Reason += "; "
		}
		reason.Reason += r.reason.URL + ": " + r.reason.Reason
	}
	return reason
}

// left forgets a file that has left the store; aside keeps who has it, for it
// may be put back.
func (h *holdings) left(name string, aside bool) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	key := h.key(name)
	delete(h.going, key)
	if it := h.files[key]; aside && it.has != 0 && len(h.aside) < h.limit {
		it.refused = 0
		h.aside[key] = it
	}
	h.set(key, holding{})
}

// forgives has those who refuse a file try it again.
func (h *holdings) forgives(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	it := h.files[h.key(name)]
	it.refused = 0
	h.set(h.key(name), it)
}

// ail notes that a target is in trouble, or no more.
func (h *holdings) ail(target int, ails bool) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ailing &^= 1 << target
	if ails {
		h.ailing |= 1 << target
	}
}
