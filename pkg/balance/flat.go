package balance

import "bytes"

// form is what a value of a flat object is.
type form int

const (
	text    form = iota // a string without escapes
	escaped             // a string with some: its raw text
	number              // a whole number
	boolean
)

// flat walks through the fields of a JSON object as our own programs write it:
// no blanks, no values within values, names without escapes. It returns false
// for everything else, valid or not, and as soon as each does: then encoding/json
// has the word. What it accepts is valid JSON.
func flat(line []byte, each func(name, value []byte, is form) bool) bool {
	if len(line) < 2 || line[0] != '{' {
		return false
	}
	at := 1
	for {
		name, is, next := quoted(line, at)
		if next < 0 || is != text || next >= len(line) || line[next] != ':' {
			return false
		}
		value, is, next := scalar(line, next+1)
		if next < 0 || next >= len(line) || !each(name, value, is) {
			return false
		}
		switch line[next] {
		case '}':
			return next == len(line)-1
		case ',':
			at = next + 1
		default:
			return false
		}
	}
}

// scalar reads a value at a place and returns where the next thing begins, -1
// if it is none.
func scalar(line []byte, at int) (value []byte, is form, next int) {
	if at >= len(line) {
		return nil, 0, -1
	}
	switch line[at] {
	case '"':
		return quoted(line, at)
	case 't', 'f':
		for _, word := range []string{"true", "false"} {
			if end := at + len(word); end <= len(line) && string(line[at:end]) == word {
				return line[at:end], boolean, end
			}
		}
		return nil, 0, -1
	}
	return whole(line, at)
}

// whole reads a whole number of at most 18 digits.
func whole(line []byte, at int) (value []byte, is form, next int) {
	end := at
	if line[end] == '-' {
		end++
	}
	first := end
	for end < len(line) && line[end] >= '0' && line[end] <= '9' {
		end++
	}
	digits := end - first
	if digits == 0 || digits > 18 || line[first] == '0' && end > at+1 {
		return nil, 0, -1
	}
	return line[at:end], number, end
}

// quoted reads a string.
func quoted(line []byte, at int) (value []byte, is form, next int) {
	if at >= len(line) || line[at] != '"' {
		return nil, 0, -1
	}
	at++
	for end := at; ; {
		quote := bytes.IndexByte(line[end:], '"')
		if quote < 0 {
			return nil, 0, -1
		}
		end += quote
		value = line[at:end]
		if is == text && bytes.IndexByte(value, '\\') < 0 {
			return value, text, plain(value, end+1)
		}
		is = escaped
		closed, ok := unescaped(value)
		if !ok {
			return nil, 0, -1
		}
		if closed {
			return value, escaped, end + 1
		}
		end++ // the quote was escaped itself
	}
}

// plain returns next for a text of printable ASCII, else -1.
func plain(value []byte, next int) int {
	for _, c := range value {
		if c < 0x20 || c >= 0x80 {
			return -1
		}
	}
	return next
}

// unescaped looks through the inside of a string up to a quote. closed is false
// where a backslash stands before that quote.
func unescaped(value []byte) (closed, ok bool) {
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c < 0x20 || c >= 0x80 {
			return false, false
		}
		if c != '\\' {
			continue
		}
		i++
		if i == len(value) {
			return false, true
		}
		switch value[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		default: // \u too: encoding/json knows about surrogates
			return false, false
		}
	}
	return true, true
}

// value of a whole number that flat has accepted.
func valueOf(digits []byte) (n int64) {
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	for _, c := range digits {
		n = 10*n + int64(c-'0')
	}
	if negative {
		return -n
	}
	return n
}
