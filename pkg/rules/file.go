// Package rules keeps the rules of X's filtered stream: it reads them from a
// file, asks the service for those that there are, and changes what differs.
//
// It guarantees that a change is idempotent (asked for again, nothing is left
// to do), that every new rule has been judged by the service before anything
// is changed, and that while a set is exchanged there are too many rules rather
// than too few, where the service has room for both.
//
// It must not know where a token comes from, nor the capture: rules may be
// changed while a stream runs, and take effect after some 20 s (X, filtered
// stream).
package rules

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/redact"
)

// Rule is one rule. ID is the service's; Line is that of the file, where it
// comes from one.
type Rule struct {
	ID    string `json:"id,omitempty"`
	Value string `json:"value"`
	Tag   string `json:"tag,omitempty"`
	Line  int    `json:"-"`
}

// maxLine is far longer than any rule, in bytes.
const maxLine = 64 << 10

// FileError is a file that does not hold rules. Its text has a line for each
// problem, with the file's name and the line's number.
type FileError struct{ Problems []string }

func (e *FileError) Error() string { return strings.Join(e.Problems, "\n") }

// ExitCode implements the exitcode table.
func (e *FileError) ExitCode() int { return exitcode.Config }

// Parse reads rules, one a line: the value, or the value, a tabulator and a
// tag, or a JSON object with "value" and "tag". Blank lines, and those that
// begin with #, are comments: a rule that begins with a hashtag is put in
// brackets, (#like this). name is shown. The error is *FileError, about all
// lines at once, or that of r.
func Parse(name string, r io.Reader) ([]Rule, error) {
	var (
		rules    []Rule
		problems []string
		seen     = map[string]int{}
		number   int
	)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		number++
		rule, err := parseLine(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if err == nil && rule.Value == "" {
			continue
		}
		rule.Line = number
		if first := seen[rule.Value]; err == nil && first > 0 {
			err = fmt.Errorf("the same rule as in line %d: the service takes it once", first)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s:%d: %v", name, number, err))
			continue
		}
		seen[rule.Value] = number
		rules = append(rules, rule)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		problems = append(problems, fmt.Sprintf("%s:%d: the line is longer than any rule", name, number+1))
	} else if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(problems) > 0 {
		return nil, &FileError{problems}
	}
	return rules, nil
}

// parseLine returns a rule without a value for a comment.
func parseLine(text string) (Rule, error) {
	text = strings.TrimSpace(text)
	var rule Rule
	switch {
	case text == "" || text[0] == '#':
		return Rule{}, nil
	case text[0] == '{':
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&rule); err != nil || decoder.More() {
			return Rule{}, errors.New(`no JSON object with "value" and "tag": ` + redact.Text(text))
		}
		rule.Value, rule.Tag = strings.TrimSpace(rule.Value), strings.TrimSpace(rule.Tag)
		if rule.Value == "" {
			return Rule{}, errors.New("a rule without a value")
		}
	default:
		value, tag, _ := strings.Cut(text, "\t")
		rule = Rule{Value: strings.TrimSpace(value), Tag: strings.TrimSpace(tag)}
	}
	rule.ID = ""
	return rule, nil
}

// Format returns the rule as a line of a file.
func (r Rule) Format() string {
	plain := Rule{Value: r.Value, Tag: r.Tag}
	line := r.Value
	if r.Tag != "" {
		line += "\t" + r.Tag
	}
	if back, err := parseLine(line); err == nil && back == plain && printable(line) {
		return line
	}
	data, err := json.Marshal(plain)
	if err != nil {
		return "" // two strings can always be written
	}
	var escaped strings.Builder
	for _, r := range string(data) {
		if unicode.IsPrint(r) {
			escaped.WriteRune(r)
			continue
		}
		for _, half := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&escaped, `\u%04x`, half)
		}
	}
	return escaped.String()
}

// printable reports whether a server's text may go to a terminal as it is.
func printable(line string) bool {
	return !strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) })
}
