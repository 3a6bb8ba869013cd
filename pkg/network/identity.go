package network

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// Identify returns by what a message is told apart from all others of its
// stream: a hash of what its network calls it by, or of all its bytes where it
// does not say. at is the time in Unix microseconds by which the stream is
// ordered, 0 where a message holds none (Wikimedia's meta.dt is that of the
// producer, which may be minutes behind). The message is one valid JSON value.
//
// The hash is the same in every process and version of this program, since it
// is kept on disk.
func (k Kind) Identify(message []byte) (key uint64, at int64) {
	var h hash
	switch k {
	case Jetstream:
		at = h.jetstream(message)
	case Mastodon:
		h.mastodon(message)
	case Wikimedia:
		h.addFound(find(find(message, "meta"), "id"))
	case X:
		h.addFound(find(find(message, "data"), "id"))
	}
	if h.parts == 0 {
		h.add(message)
	}
	return h.sum(), at
}

// jetstream takes repository, revision and record of a commit, and the
// sequence number of anything else: time_us may be shared by many, and is
// another one on another instance.
func (h *hash) jetstream(message []byte) (at int64) {
	var did, kind, inner []byte
	members(message, func(key, value []byte) bool {
		switch string(key) {
		case "did":
			did = value
		case "time_us":
			at = number(value)
		case "kind":
			kind = value
		case "commit", "identity", "account":
			inner = value
		}
		return did == nil || at == 0 || kind == nil || inner == nil
	})
	if did == nil || inner == nil {
		return at
	}
	h.add(did)
	h.add(kind)
	var rev, operation, collection, rkey, seq []byte
	members(inner, func(key, value []byte) bool {
		switch string(key) {
		case "rev":
			rev = value
		case "operation":
			operation = value
		case "collection":
			collection = value
		case "rkey":
			rkey = value
		case "seq":
			seq = value
		}
		return seq == nil && (rev == nil || operation == nil || collection == nil || rkey == nil)
	})
	for _, part := range [...][]byte{rev, operation, collection, rkey, seq} {
		h.add(part)
	}
	return at
}

// mastodon takes the kind of an event and the id of what it is about; an edit
// has the time of it, too.
func (h *hash) mastodon(message []byte) {
	event, payload := find(message, "event"), find(message, "payload")
	id := payload
	if len(payload) > 0 && payload[0] == '{' {
		if id = find(payload, "id"); id == nil {
			return
		}
	}
	h.add(event)
	h.add(plain(id))
	if string(plain(event)) == "status.update" {
		h.add(find(payload, "edited_at"))
	}
}

// Canary reports whether a message is one of Wikimedia's test events, which
// come several times an hour.
func (k Kind) Canary(message []byte) bool {
	return k == Wikimedia && string(plain(find(find(message, "meta"), "domain"))) == "canary"
}

func number(value []byte) int64 {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// hash is a 64-bit hash of some parts.
type hash struct {
	state uint64
	parts int
}

const (
	mixA = 0x9e3779b97f4a7c15
	mixB = 0xd6e8feb86659fd93
)

// addFound takes a part, if there is one.
func (h *hash) addFound(part []byte) {
	if part != nil {
		h.add(part)
	}
}

// add takes one part; an empty one counts as well.
func (h *hash) add(part []byte) {
	h.parts++
	state := h.state ^ uint64(len(part))*mixB
	for len(part) >= 8 {
		state = mix(state ^ binary.LittleEndian.Uint64(part))
		part = part[8:]
	}
	var rest uint64
	for i, c := range part {
		rest |= uint64(c) << (8 * i)
	}
	h.state = mix(state ^ rest ^ mixA)
}

// mix multiplies to 128 bits and folds.
func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x^mixA, mixB)
	return hi ^ lo ^ bits.RotateLeft64(x, 29)
}

func (h *hash) sum() uint64 { return mix(h.state + uint64(h.parts)) }
