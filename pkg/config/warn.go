package config

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// NotWritableError says that a file of the user's could not be edited.
type NotWritableError struct {
	Path string
	Err  error
}

func (e *NotWritableError) Error() string { return fmt.Sprintf("edit %s: %v", e.Path, plain(e.Err)) }

func (e *NotWritableError) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table.
func (e *NotWritableError) ExitCode() int { return exitcode.Config }

// SetWarnOff sets warn = 0 in config.ini by editing that one line, or adding
// it where there is none; everything else stays as it is, byte for byte.
// *NotWritableError: the file stays as it was, and the caller has to remember
// elsewhere that the notice was shown.
func SetWarnOff(path string) error {
	data, err := readSmall(path)
	if err != nil {
		return &NotWritableError{path, err}
	}
	info, err := os.Stat(path)
	if err != nil {
		return &NotWritableError{path, err}
	}
	edited := warnOff(data)
	if bytes.Equal(edited, data) {
		return nil
	}
	if err := writable(path); err != nil {
		return &NotWritableError{path, err}
	}
	if err := replace(path, edited, info.Mode().Perm()); err != nil {
		return &NotWritableError{path, err}
	}
	return nil
}

// writable respects a mode that says read-only: a rename would not.
func writable(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

// warnOff returns the file with the value of warn replaced, or with a line of
// its own: below [DEFAULT], else where the keys before any section end.
func warnOff(data []byte) []byte {
	lines := scan(data)
	inDefault, header, other := true, -1, -1
	for i, l := range lines {
		switch {
		case l.kind == pair && inDefault && l.name == "warn":
			lines[i].text = l.text[:l.start] + "0" + l.text[l.end:]
			return join(data, lines)
		case l.kind == section:
			if inDefault = l.isDefault(); inDefault && header < 0 {
				header = i
			} else if !inDefault && other < 0 {
				other = i
			}
		}
	}
	at := len(lines)
	switch {
	case header >= 0:
		at = header + 1
	case other >= 0:
		at = other
	}
	return join(data, insert(lines, at, "warn = 0"))
}

// insert puts a line before lines[at], with the line end that the file has.
func insert(lines []line, at int, text string) []line {
	lineEnd := "\n"
	if len(lines) > 0 && strings.HasSuffix(lines[0].text, "\r\n") {
		lineEnd = "\r\n"
	}
	if at > 0 && !strings.HasSuffix(lines[at-1].text, "\n") {
		lines[at-1].text += lineEnd
	}
	return slices.Insert(lines, at, line{text: text + lineEnd})
}

// join returns the file made of lines, with the byte order mark that data has.
func join(data []byte, lines []line) []byte {
	var file []byte
	if bytes.HasPrefix(data, []byte(byteOrderMark)) {
		file = append(file, byteOrderMark...)
	}
	for _, l := range lines {
		file = append(file, l.text...)
	}
	return file
}
