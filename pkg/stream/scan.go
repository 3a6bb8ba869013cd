package stream

// scanner follows the text of one JSON object and stops where the object ends
// or where it can no longer become one. It can be given the text in pieces.
// It is for the rare moments in which a line's end says nothing: the first
// line of a connection, objects glued together, the torn end.
type scanner struct {
	at     place
	inKey  bool   // the string that is being read is a key
	left   int    // hex digits of an escape still to come
	word   string // what is left of true, false or null
	nested []byte // '{' and '[' that are open
}

// place is what may come next.
type place uint8

const (
	beforeObject place = iota
	beforeFirstKey
	beforeKey
	beforeColon
	beforeValue
	beforeFirstItem
	afterValue
	inString
	inEscape
	inHex
	inWord
	numberSign  // after '-'
	numberZero  // after a leading 0
	numberInt   // in 1…
	numberPoint // after '.'
	numberFraction
	numberE // after 'e'
	numberESign
	numberExponent
)

// progress is what a scanner found.
type progress uint8

const (
	unfinished progress = iota // may still become an object
	complete                   // is one
	broken                     // can never be one
)

// maxNesting is encoding/json's.
const maxNesting = 10000

func (s *scanner) reset() { *s = scanner{nested: s.nested[:0]} }

// scan goes on with b and returns how much of it was used: up to and including
// the closing brace, up to the byte that cannot be, or all.
func (s *scanner) scan(b []byte) (int, progress) {
	for i, c := range b {
		if s.at == inString && c != '"' && c != '\\' && c >= ' ' {
			continue
		}
		switch s.step(c) {
		case complete:
			return i + 1, complete
		case broken:
			return i, broken
		}
	}
	return len(b), unfinished
}

func (s *scanner) step(c byte) progress {
	switch {
	case s.at >= numberSign:
		return s.number(c)
	case s.at >= inString:
		return expect(s.inside(c))
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		return unfinished
	}
	switch s.at {
	case beforeObject:
		return expect(c == '{' && s.open(c))
	case beforeFirstKey, beforeKey:
		if c == '}' && s.at == beforeFirstKey {
			return s.close(c)
		}
		s.at, s.inKey = inString, true
		return expect(c == '"')
	case beforeColon:
		s.at = beforeValue
		return expect(c == ':')
	case beforeFirstItem:
		if c == ']' {
			return s.close(c)
		}
		return expect(s.value(c))
	case beforeValue:
		return expect(s.value(c))
	}
	return s.after(c)
}

func expect(ok bool) progress {
	if ok {
		return unfinished
	}
	return broken
}

func (s *scanner) open(c byte) bool {
	s.nested = append(s.nested, c)
	s.at = beforeFirstKey
	if c == '[' {
		s.at = beforeFirstItem
	}
	return len(s.nested) <= maxNesting
}

func (s *scanner) close(c byte) progress {
	last := len(s.nested) - 1
	if s.nested[last] != c-2 { // in ASCII '{' and '[' stand two before '}' and ']'
		return broken
	}
	s.nested = s.nested[:last]
	s.at = afterValue
	if last == 0 {
		return complete
	}
	return unfinished
}

func (s *scanner) value(c byte) bool {
	switch {
	case c == '{' || c == '[':
		return s.open(c)
	case c == '"':
		s.at, s.inKey = inString, false
	case c == 't':
		s.at, s.word = inWord, "rue"
	case c == 'f':
		s.at, s.word = inWord, "alse"
	case c == 'n':
		s.at, s.word = inWord, "ull"
	case c == '-':
		s.at = numberSign
	case c == '0':
		s.at = numberZero
	case '1' <= c && c <= '9':
		s.at = numberInt
	default:
		return false
	}
	return true
}

func (s *scanner) after(c byte) progress {
	if c != ',' {
		return s.closing(c)
	}
	s.at = beforeKey
	if s.nested[len(s.nested)-1] == '[' {
		s.at = beforeValue
	}
	return unfinished
}

func (s *scanner) closing(c byte) progress {
	if c != '}' && c != ']' {
		return broken
	}
	return s.close(c)
}

// inside takes one byte of a string, an escape or a word.
func (s *scanner) inside(c byte) bool {
	switch s.at {
	case inString:
		switch {
		case c == '"' && s.inKey:
			s.at = beforeColon
		case c == '"':
			s.at = afterValue
		case c == '\\':
			s.at = inEscape
		}
		return c >= ' '
	case inEscape:
		s.at = inString
		switch c {
		case 'u':
			s.at, s.left = inHex, 4
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		default:
			return false
		}
		return true
	case inHex:
		if s.left--; s.left == 0 {
			s.at = inString
		}
		return isHex(c)
	}
	ok := c == s.word[0]
	if s.word = s.word[1:]; s.word == "" {
		s.at = afterValue
	}
	return ok
}

// number takes one byte of a number, or the byte after it.
func (s *scanner) number(c byte) progress {
	digit := '0' <= c && c <= '9'
	switch {
	case s.at == numberSign && c == '0':
		s.at = numberZero
	case s.at == numberSign && digit:
		s.at = numberInt
	case (s.at == numberZero || s.at == numberInt) && c == '.':
		s.at = numberPoint
	case s.at == numberInt && digit, s.at == numberFraction && digit, s.at == numberExponent && digit:
	case s.at == numberPoint && digit:
		s.at = numberFraction
	case (s.at == numberZero || s.at == numberInt || s.at == numberFraction) && (c == 'e' || c == 'E'):
		s.at = numberE
	case s.at == numberE && (c == '+' || c == '-'):
		s.at = numberESign
	case (s.at == numberE || s.at == numberESign) && digit:
		s.at = numberExponent
	case s.at == numberZero, s.at == numberInt, s.at == numberFraction, s.at == numberExponent:
		s.at = afterValue
		return s.step(c)
	default:
		return broken
	}
	return unfinished
}
