package stream

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// isMessage reports whether text is one valid JSON object, exactly as
// encoding/json sees it, at several times its speed. Where the quick judge
// says no, encoding/json has the last word, so that no fault of it can cost a
// message.
func isMessage(text []byte) bool { return isObject(text) && (isValue(text) || json.Valid(text)) }

// isJSON reports the same of any one value.
func isJSON(text []byte) bool { return isValue(text) || json.Valid(text) }

// isValue reports whether b is one JSON value with white space around it. It
// may say no to one that is nested deeper than it can remember, and to no
// other. All judges below take the place where something begins and return
// the place behind it, or nowhere.
func isValue(b []byte) bool {
	var open nesting
	for i := 0; ; {
		if open.objects&1 == 1 {
			if i = pastKey(b, i); i == nowhere {
				return false
			}
		}
		i = space(b, i)
		if i == len(b) {
			return false
		}
		switch c := b[i]; c {
		case '"':
			i = pastString(b, i+1)
		case '{', '[':
			i = space(b, i+1)
			if !open.push(c) {
				return false
			}
			if i == len(b) || b[i] != c+2 { // in ASCII a closing bracket stands two behind its opening one
				continue
			}
		default:
			i = pastOther(b, i)
		}
		if i == nowhere {
			return false
		}
		if i < len(b) && b[i] == ',' && open.depth > 0 {
			i++
			continue
		}
		if i = open.pastEnd(b, i); i == nowhere || open.depth == 0 {
			return i == len(b)
		}
	}
}

// nesting is what is open, the innermost in the lowest bit: 1 an object, 0 an
// array.
type nesting struct {
	objects uint64
	depth   int
}

func (n *nesting) push(c byte) bool {
	n.objects <<= 1
	if c == '{' {
		n.objects |= 1
	}
	n.depth++
	return n.depth <= 64
}

// pastEnd goes on behind a value, or behind the opening bracket of an empty
// one: past closing brackets and a comma to where the next member begins, or,
// when all is closed, past white space.
func (n *nesting) pastEnd(b []byte, i int) int {
	for n.depth > 0 {
		i = space(b, i)
		if i == len(b) {
			return nowhere
		}
		switch c := b[i]; {
		case c == ',':
			return i + 1
		case c == '}' && n.objects&1 == 1, c == ']' && n.objects&1 == 0:
			n.objects >>= 1
			n.depth--
			i++
		default:
			return nowhere
		}
	}
	return space(b, i)
}

// nowhere is behind what is not there.
const nowhere = -1

func space(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// pastKey goes on behind white space, a string and its colon.
func pastKey(b []byte, i int) int {
	if i = space(b, i); i == len(b) || b[i] != '"' {
		return nowhere
	}
	if i = pastString(b, i+1); i == nowhere {
		return nowhere
	}
	if i < len(b) && b[i] != ':' {
		i = space(b, i)
	}
	if i == len(b) || b[i] != ':' {
		return nowhere
	}
	return i + 1
}

func pastOther(b []byte, i int) int {
	switch b[i] {
	case 't':
		return pastWord(b, i, "true")
	case 'f':
		return pastWord(b, i, "false")
	case 'n':
		return pastWord(b, i, "null")
	}
	return pastNumber(b, i)
}

func pastWord(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return nowhere
	}
	return i + len(word)
}

// pastString goes on behind a quote. It looks at eight bytes at a time for
// what is not plain text.
func pastString(b []byte, i int) int {
	for i+8 <= len(b) {
		found := suspects(binary.LittleEndian.Uint64(b[i:]))
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		for b[i] == '\\' && i+6 < len(b) { // seldom alone
			n := escapes[b[i+1]]
			if n == 0 || n == 6 && foreign[b[i+2]]|foreign[b[i+3]]|foreign[b[i+4]]|foreign[b[i+5]] != 0 {
				return nowhere
			}
			i += int(n)
		}
		if b[i] < ' ' {
			return nowhere
		}
		if b[i] == '"' {
			return i + 1
		}
	}
	return pastShort(b, i)
}

func pastShort(b []byte, i int) int {
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return nowhere
		case c == '\\':
			n := escape(b[i:])
			if n == 0 {
				return nowhere
			}
			i += n
		default:
			i++
		}
	}
	return nowhere
}

// suspects returns a word whose lowest bit set lies in the first of eight
// bytes that is below a space, a quote or a backslash; zero if nowhere is. Taking
// a number from every byte borrows into the top bit of those that are less; a
// mask leaves out those that had their top bit set before. Bits above the
// lowest may be wrong, because a borrow goes on. To flip the second bit makes
// a quote a space, and a space a quote, and leaves the rest on its side.
func suspects(word uint64) uint64 {
	const ones = 0x0101010101010101
	quote := word ^ ones*('"'^' ')
	backslash := word ^ ones*'\\'
	return ((quote-ones*(' '+1))&^quote | (backslash-ones)&^backslash) & (ones << 7)
}

// escape returns the length of the escape that b begins with, 0 if it is none.
func escape(b []byte) int {
	if b[0] != '\\' {
		return 0
	}
	if len(b) < 6 {
		return shortEscape(b)
	}
	n := escapes[b[1]]
	if n == 6 && foreign[b[2]]|foreign[b[3]]|foreign[b[4]]|foreign[b[5]] != 0 {
		return 0
	}
	return int(n)
}

// shortEscape is escape where there is no room for four hex digits.
func shortEscape(b []byte) int {
	if len(b) < 2 || escapes[b[1]] != 2 {
		return 0
	}
	return 2
}

// escapes is how long an escape is by the byte behind its backslash, foreign
// is 1 for what is no hex digit: tables, since nobody can guess these bytes.
var (
	escapes = [256]uint8{'"': 2, '\\': 2, '/': 2, 'b': 2, 'f': 2, 'n': 2, 'r': 2, 't': 2, 'u': 6}
	foreign = func() (table [256]uint8) {
		for c := range table {
			if !isHex(byte(c)) {
				table[c] = 1
			}
		}
		return table
	}()
)

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
