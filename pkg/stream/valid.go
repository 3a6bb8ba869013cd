package stream

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// isMessage reports whether text is one valid JSON object, exactly as
// encoding/json sees it, at several times its speed.
//
// sonic alone is no judge: it lets control characters and unknown escapes pass
// inside strings, takes a string that is all of the text for whole though its
// end is missing, and refuses what nests deeper than 4,096. So where it says
// yes the strings of an object are looked at again, and whatever is left in
// doubt is decided by encoding/json itself.
func isMessage(text []byte) bool {
	return isObject(text) && (looksValid(text) && stringsHold(text) || json.Valid(text))
}

// stringsHold reports whether b, whose structure is sound, holds no byte below
// a space, which JSON allows only between its tokens, and only escapes that
// JSON knows. It looks at eight bytes at a time.
func stringsHold(b []byte) bool {
	for i := 0; i < len(b); {
		for ; i+8 <= len(b); i += 8 {
			if found := suspects(binary.LittleEndian.Uint64(b[i:])); found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
		}
		if i == len(b) {
			break
		}
		switch c := b[i]; {
		case c < ' ':
			return false
		case c != '\\':
			i++
		default:
			n := escape(b[i:])
			if n == 0 {
				return false
			}
			i += n
		}
	}
	return true
}

// suspects returns a word whose lowest bit set lies in the first of eight
// bytes that is below a space or a backslash; zero if none is. Taking a number
// from every byte borrows into the top bit of those that are less; a mask
// leaves out those that had their top bit set before. Bits above the lowest
// may be wrong, because a borrow goes on.
func suspects(word uint64) uint64 {
	const ones = 0x0101010101010101
	control := (word - ones*' ') &^ word
	backslash := word ^ ones*'\\'
	return (control | (backslash-ones)&^backslash) & (ones << 7)
}

// escape returns the length of the escape that b begins with, 0 if it is none.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && isHex(b[2]) && isHex(b[3]) && isHex(b[4]) && isHex(b[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
