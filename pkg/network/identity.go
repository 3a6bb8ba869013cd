package network

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"time"
)

// Identity is what a message is told apart from all others of its stream by.
type Identity struct {
	// Key is a hash of what its network calls it by, or of all its bytes where it
	// does not say; 0 where no server sends it again. It is the same in every
	// process and version of this program, since it is kept on disk.
	Key uint64
	// Named says that the network calls it so: the same key is the same message.
	Named bool
	// At is the time in Unix microseconds by which the stream is ordered, more or
	// less; 0 where a message holds none.
	At int64
}

// Identify tells a message, which is one valid JSON value, apart. White space
// and the order of an object's members make no difference where it is named.
func (k Kind) Identify(message []byte) (id Identity) {
	var h hash
	switch k {
	case Jetstream:
		id.At = h.jetstream(message)
	case Mastodon:
		if !h.mastodon(message) {
			return id
		}
	case Wikimedia:
		id.At = h.wikimedia(message)
	case X:
		name := find(find(message, "data"), "id")
		h.addFound(name)
		id.At = posted(plain(name))
	}
	if id.Named = h.parts > 0; !id.Named {
		h.add(message)
	}
	id.Key = h.sum()
	return id
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
	if rev == nil && seq == nil { // neither version nor number: only all of it tells it apart
		h.add(inner)
		return at
	}
	for _, part := range [...][]byte{rev, operation, collection, rkey, seq} {
		h.add(part)
	}
	return at
}

// mastodon takes the id of a new status, which is all that REST brings again;
// any other event comes once only.
func (h *hash) mastodon(message []byte) bool {
	id := newStatus(message)
	h.addFound(id)
	return id != nil
}

// newStatus returns the id of the status that an event brings, nil for any
// other event.
func newStatus(message []byte) []byte {
	if string(plain(find(message, "event"))) != "update" {
		return nil
	}
	return plain(find(find(message, "payload"), "id"))
}

// wikimedia takes meta.id; meta.dt is the timestamp by which EventStreams finds
// a message again (its own ids are one millisecond later).
func (h *hash) wikimedia(message []byte) (at int64) {
	var id, dt []byte
	members(find(message, "meta"), func(key, value []byte) bool {
		switch string(key) {
		case "id":
			id = value
		case "dt":
			dt = value
		}
		return id == nil || dt == nil
	})
	h.addFound(id)
	var t time.Time
	if t.UnmarshalJSON(dt) != nil || t.Year() < 1970 {
		return 0
	}
	return t.UnixMicro()
}

// posted returns when a post of X was made, by its id: the bits above the 22nd
// are milliseconds since an epoch in November 2010; ids of before are no times.
// A post that is sent again minutes later is known by it for what it is.
func posted(id []byte) (at int64) {
	const epoch = 1_288_834_974_657
	if ms := number(id) >> 22; ms > 0 {
		return (ms + epoch) * 1000
	}
	return 0
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

// sum is never 0.
func (h *hash) sum() uint64 { return max(1, mix(h.state+uint64(h.parts))) }
