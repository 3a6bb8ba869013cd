package config

import (
	"bytes"
	"regexp"
	"strings"
)

// kind is what a line of an ini file is.
type kind int

const (
	empty kind = iota // blank or a comment
	section
	pair
	garbage
)

// line is one line of an ini file, as far as one has to know it to edit it
// without touching anything else.
type line struct {
	text       string // with its line end
	kind       kind
	name       string // of the section, or of the key in lower case
	start, end int    // of the value within text, without blanks around it
}

const byteOrderMark = "\ufeff"

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

// scan splits an ini file into its lines. What Python's configparser and
// go-ini understand differently (quoted names, continued lines) is garbage:
// refusing it is better than guessing.
func scan(data []byte) []line {
	var lines []line
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	for text := range strings.Lines(string(data)) {
		lines = append(lines, scanLine(text))
	}
	return lines
}

func scanLine(text string) line {
	bare := strings.TrimSpace(text)
	if bare == "" || bare[0] == '#' || bare[0] == ';' {
		return line{text: text, kind: empty}
	}
	if bare[0] == '[' {
		if name, _, closed := strings.Cut(bare[1:], "]"); closed {
			return line{text: text, kind: section, name: name}
		}
		return line{text: text, kind: garbage}
	}
	at := strings.IndexAny(text, "=:")
	if at < 0 || !nameForm.MatchString(strings.TrimSpace(text[:at])) {
		return line{text: text, kind: garbage}
	}
	end := len(strings.TrimRightFunc(text, isBlank))
	start := max(at+1, len(text)-len(strings.TrimLeftFunc(text[at+1:], isBlank)))
	return line{
		text: text, kind: pair, name: strings.ToLower(strings.TrimSpace(text[:at])),
		start: min(start, max(end, at+1)), end: max(end, at+1),
	}
}

// isDefault reports whether keys after this section line are read.
// Python's configparser knows the name in capitals only.
func (l line) isDefault() bool { return l.name == "DEFAULT" }

// value returns the value's bytes as they stand in the file.
func (l line) value() string { return l.text[l.start:l.end] }
