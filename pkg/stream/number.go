package stream

import (
	"encoding/binary"
	"math/bits"
)

// pastNumber goes on behind a number: an integer without leading zeros, then
// perhaps a fraction, then perhaps an exponent (RFC 8259, 6).
func pastNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	begin := i
	i = digits(b, i)
	if i == begin || b[begin] == '0' && i > begin+1 {
		return nowhere
	}
	if i < len(b) && b[i] == '.' {
		begin = i + 1
		if i = digits(b, begin); i == begin {
			return nowhere
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		begin = i
		if i = digits(b, begin); i == begin {
			return nowhere
		}
	}
	return i
}

// digits goes on behind digits, of which there may be none. Numbers are often
// identifiers, so it looks at eight bytes at a time: with '0' taken out of it a
// digit is below ten, and what is not reaches the top bit when the rest of the
// way is added.
func digits(b []byte, i int) int {
	const ones = 0x0101010101010101
	for ; i+8 <= len(b); i += 8 {
		word := binary.LittleEndian.Uint64(b[i:]) ^ ones*'0'
		if other := (word + ones*(0x80-10) | word) & (ones << 7); other != 0 {
			return i + bits.TrailingZeros64(other)/8
		}
	}
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}
