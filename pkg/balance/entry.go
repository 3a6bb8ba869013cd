package balance

import (
	"hash/maphash"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

// file is what a line of the captured book says of a finished file, as far as
// the balance needs it. Its texts are valid as long as the line is.
type file struct {
	name, instead      []byte
	size, inflatedSize int64
	sha256             []byte // of the file as it is shipped, lower-case hex
	inflatedSHA256     []byte // nil where that is the same
	begun              time.Time
}

// receipt is the same of a line of the ledger.
type receipt struct {
	name, by, sink, url []byte
	time                time.Time
	size, inflatedSize  int64
	sha256              []byte
	inflatedSHA256      []byte // nil where the receipt says nothing of it
}

// readFile reads the line of a file without making anything of it that stays.
// It returns false for lines that want coverage.Decode.
func readFile(line []byte) (f file, ok bool) {
	var kind []byte
	var last time.Time
	var packedSize int64
	var packedSHA256 []byte
	ok = flat(line, func(name, value []byte, is form) bool {
		switch string(name) {
		case "kind":
			kind = value
			return is == text
		case "name":
			f.name = value
			return is == text
		case "instead":
			f.instead = value
			return is == text
		case "sha256":
			f.sha256 = value
			return is == text
		case "packed_sha256":
			packedSHA256 = value
			return is == text
		case "bytes":
			f.size = valueOf(value)
			return is == number
		case "packed_bytes":
			packedSize = valueOf(value)
			return is == number
		case "messages", "damaged":
			return is == number && value[0] != '-'
		case "first":
			return is == text && f.begun.UnmarshalText(value) == nil
		case "last":
			return is == text && last.UnmarshalText(value) == nil
		case "position":
			return is == text || is == escaped
		case "recovered":
			return is == boolean
		}
		return false // the slow way is never wrong
	})
	if !ok || string(kind) != "file" || len(f.name) == 0 || f.size < 0 || packedSize < 0 || !isHash(f.sha256) || f.begun.IsZero() || last.IsZero() {
		return file{}, false
	}
	if len(packedSHA256) > 0 {
		f.inflatedSize, f.inflatedSHA256 = f.size, f.sha256
		f.size, f.sha256 = packedSize, packedSHA256
	}
	return f, true
}

// fileOf is a line that was read the slow way.
func fileOf(f *coverage.File) file {
	made := file{name: []byte(f.Name), instead: []byte(f.Instead), size: f.Bytes, sha256: []byte(f.SHA256), begun: f.First}
	if f.PackedSHA256 != "" {
		made.inflatedSize, made.inflatedSHA256 = made.size, made.sha256
		made.size, made.sha256 = f.PackedBytes, []byte(f.PackedSHA256)
	}
	return made
}

// readReceipt reads a receipt likewise; false wants store.DecodeReceipt.
func readReceipt(line []byte) (r receipt, ok bool) {
	ok = flat(line, func(name, value []byte, is form) bool {
		switch string(name) {
		case "time":
			return is == text && r.time.UnmarshalText(value) == nil
		case "name":
			r.name = value
			return is == text
		case "size":
			r.size = valueOf(value)
			return is == number
		case "sha256":
			r.sha256 = value
			return is == text
		case "sink":
			r.sink = value
			return is == text
		case "url":
			r.url = value
			return is == text
		case "by":
			r.by = value
			return is == text
		case "inflated_size":
			r.inflatedSize = valueOf(value)
			return is == number
		case "inflated_sha256":
			r.inflatedSHA256 = value
			return is == text
		case "filehash", "key", "object":
			return is == text
		case "attempts":
			return is == number
		}
		return false
	})
	return r, ok && len(r.name) > 0 && len(r.sink) > 0 && !r.time.IsZero() && r.size >= 0 && isHash(r.sha256)
}

func receiptOf(r store.Receipt) receipt {
	made := receipt{
		name: []byte(r.Name), by: []byte(r.By), sink: []byte(r.Sink), url: []byte(r.URL), time: r.Time,
		size: r.Size, inflatedSize: r.InflatedSize, sha256: []byte(r.SHA256),
	}
	if r.InflatedSHA256 != "" {
		made.inflatedSHA256 = []byte(r.InflatedSHA256)
	}
	return made
}

// isHash is the ledger's own idea of one.
func isHash(s []byte) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// entry stands for a file of the captured book: 32 bytes, so that a million of
// them are little.
type entry struct {
	name     uint64 // hash
	content  uint64 // hash of size and SHA-256, as it is shipped; 0: another's file has the name
	size     int64  // bytes, as it is shipped
	inflated uint32 // hash of what is in it; 0 where that is the same
	// state is the place in the book while that is read, then marks above
	// and a bit for each place that has a receipt below.
	state uint32
}

const (
	placeBits = 16
	allPlaces = 1<<placeBits - 1
)

// The marks of an entry.
const (
	differs   = 1 << (placeBits + iota) // a receipt of the name is about another content
	again                               // a place has given two receipts
	finished                            // it is in the store
	finishing                           // it is on its way there
	aside                               // it is in rejected/
	resized                             // the store's has another size
)

// places returns the bits of those that have a receipt for it.
func (e *entry) places() uint32 { return e.state & allPlaces }

func (e *entry) has(mark uint32) bool { return e.state&mark != 0 }

// stored reports whether it is in any part of the store.
func (e *entry) stored() bool { return e.has(finished | finishing | aside) }

func (v *verifier) hash(b []byte) uint64 { return maphash.Bytes(v.seed, b) }

// contentOf is never 0.
func (v *verifier) contentOf(size int64, sha256 []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	maphash.WriteComparable(&h, size)
	_, _ = h.Write(sha256) // never fails
	return h.Sum64() | 1
}
