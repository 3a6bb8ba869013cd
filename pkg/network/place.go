package network

import (
	"bytes"
	"fmt"
	"strconv"
)

// Place is a position in a file.
type Place struct {
	End    int64 // behind the line of a message, its line end included
	Length int   // of that message
	key    uint64
}

// appendPlace writes one; end is the decimal number of the byte behind.
func appendPlace(dst, end []byte, length int, key uint64) []byte {
	dst = append(append(dst, end...), ' ')
	dst = append(strconv.AppendInt(dst, int64(length), 10), ' ')
	return strconv.AppendUint(dst, key, 16)
}

// ParsePlace reads what Position has written for a File; ok is false for
// anything else.
func ParsePlace(position string) (p Place, ok bool) {
	n, err := fmt.Sscanf(position, "%d %d %x", &p.End, &p.Length, &p.key)
	return p, n == 3 && err == nil && p.Length > 0 && p.End >= int64(p.Length)
}

// Behind reports whether text, which ends at the place, ends with the message
// after which the place was noted: then the file is still the same.
func (p Place) Behind(text []byte) bool {
	text = bytes.TrimRight(text, "\r\n")
	if len(text) < p.Length {
		return false
	}
	message := bytes.ReplaceAll(text[len(text)-p.Length:], []byte{'\n'}, []byte{' '}) // as it was handed out
	return File.Identify(message).Key == p.key
}
