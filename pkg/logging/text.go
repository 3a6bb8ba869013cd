package logging

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sirupsen/logrus"
	"golang.org/x/term"
)

// style is how text looks: short times and colours are for terminals, where
// somebody is watching; elsewhere the day matters and colours are in the way.
type style struct {
	timeFormat string
	colours    bool
}

func styleOf(w io.Writer) style {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return style{timeFormat: time.TimeOnly, colours: true}
	}
	return style{timeFormat: time.RFC3339}
}

// looks are the levels' names and colours.
var looks = map[logrus.Level]struct{ name, colour string }{
	logrus.ErrorLevel: {"error", "\x1b[31m"},
	logrus.WarnLevel:  {"warn", "\x1b[33m"},
	logrus.InfoLevel:  {"info", ""},
	logrus.DebugLevel: {"debug", "\x1b[2m"},
}

// text returns the record as one line for people: time, level, who, message,
// key=value in the keys' order.
func (r record) text(s style) string {
	look, ok := looks[r.level]
	if !ok {
		look = looks[logrus.ErrorLevel]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-5s %s: %s", r.time.Local().Format(s.timeFormat), look.name, escape(r.component), escape(r.message))
	for _, key := range slices.Sorted(maps.Keys(r.fields)) {
		fmt.Fprintf(&b, " %s=%s", escape(key), word(r.fields[key]))
	}
	if s.colours && look.colour != "" {
		return look.colour + b.String() + "\x1b[0m\n"
	}
	return b.String() + "\n"
}

// word returns a value so that it cannot be mistaken for several.
func word(value any) string {
	text := fmt.Sprint(value)
	if text == "" || strings.ContainsAny(text, " =\"'`") || escape(text) != text {
		return strconv.Quote(text)
	}
	return text
}

// escape returns text with everything escaped that a terminal might act upon.
func escape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		piece := text[i : i+size]
		if !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.QuoteToASCII(piece)
			piece = quoted[1 : len(quoted)-1]
		}
		b.WriteString(piece)
		i += size
	}
	return b.String()
}
