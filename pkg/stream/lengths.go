package stream

import "strconv"

// none is the promise that has not been made.
const none = -1

// maxDigits is how long a length may be; more digits are no length of ours.
const maxDigits = 10

// lengths follows the numbers of delimited=length: "each message is preceded
// by its length in bytes, its line end included" (Twitter, basic stream
// parameters). Lines are found by their ends all the same: a length that lies
// would else cost the messages after it, or the memory to wait for what never
// comes. So a length is only compared, and a lie reported.
type lengths struct {
	on       bool
	promised int
}

func isLength(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxDigits
}

// announce takes a line that isLength.
func (l *lengths) announce(text []byte) {
	n := int64(0)
	for _, c := range text {
		n = n*10 + int64(c-'0')
	}
	l.promised = int(min(n, 1<<31-1)) // a message is always shorter
}

func (l *lengths) forget() { l.promised = none }

// kept reports whether what was promised, if anything, is a message of this
// length, or with its line end of this raw length.
func (l *lengths) kept(length, raw int) bool {
	if l.promised == none || l.promised == length || l.promised == raw {
		l.promised = none
		return true
	}
	return false
}

// lie returns the text of a length that was not kept, and forgets it.
func (l *lengths) lie() []byte {
	text := strconv.AppendInt(nil, int64(l.promised), 10)
	l.promised = none
	return text
}
