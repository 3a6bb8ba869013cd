// Package objectkey says where an object goes in a storage that has paths: a
// template such as dt={date}/hour={hour}/{name}, checked once, and expanded for
// each file.
//
// It guarantees that
//   - a template that Parse takes expands, for whatever name, time, host and
//     stream, to a valid key (sink.ValidKey): relative, below the URL's prefix,
//     never with an empty element or one that begins with a dot;
//   - two names have two keys: the name is the whole last element.
//
// It must not know where a name's time comes from, nor what a key is put to.
package objectkey

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// Default is the template where none is given: partitions as Hive names them,
// which DuckDB and Spark read in place.
const Default = "dt={date}/hour={hour}/{name}"

// Books is the first element of the keys below which copies of the books lie;
// no template may begin with it.
const Books = "_books"

// maxField is the longest that a host's, a stream's or a prefix's field is.
const maxField = 64

// Facts are what the fields of a template stand for.
type Facts struct {
	Name   string    // of the object, as sink.SafeName returns it
	At     time.Time // of its capture
	Host   string    // the machine's name; made safe here
	Stream string    // a short name of the stream; made safe here
	Prefix string    // tweet_file_prefix
}

// fields is what may stand in braces.
var fields = []struct {
	name  string
	value func(Facts) string
}{
	{"name", func(f Facts) string { return f.Name }},
	{"prefix", func(f Facts) string { return Prefix(f.Prefix) }},
	{"host", func(f Facts) string { return Field(f.Host) }},
	{"stream", func(f Facts) string { return Field(f.Stream) }},
	{"date", func(f Facts) string { return f.At.UTC().Format("2006-01-02") }},
	{"year", func(f Facts) string { return f.At.UTC().Format("2006") }},
	{"month", func(f Facts) string { return f.At.UTC().Format("01") }},
	{"day", func(f Facts) string { return f.At.UTC().Format("02") }},
	{"hour", func(f Facts) string { return f.At.UTC().Format("15") }},
}

// Template is a checked template. The zero value is none.
type Template struct {
	parts []part
}

// part is text, or a field's value.
type part struct {
	text  string
	value func(Facts) string
}

// allowed is what a person may write, for errors.
const allowed = "elements of letters, digits, . _ - and = between slashes, none empty or beginning with a dot, " +
	"with the fields {prefix}, {date}, {year}, {month}, {day}, {hour}, {host} and {stream}, and {name} as the whole last element"

// Parse checks a template; "" is Default. The error says what is wrong and what
// is allowed.
func Parse(text string) (Template, error) {
	if text == "" {
		text = Default
	}
	t, err := split(text)
	if err == nil {
		err = t.check(text)
	}
	if err != nil {
		return Template{}, fmt.Errorf("%s; %w", allowed, err)
	}
	return t, nil
}

func split(text string) (t Template, err error) {
	for text != "" {
		open := strings.IndexAny(text, "{}")
		if open != 0 {
			if open < 0 {
				open = len(text)
			}
			t.parts, text = append(t.parts, part{text: text[:open]}), text[open:]
			continue
		}
		end := strings.IndexByte(text, '}')
		if text[0] == '}' || end < 0 {
			return t, errors.New("here a brace has no other")
		}
		value, ok := field(text[1:end])
		if !ok {
			return t, fmt.Errorf("here there is {%.40s}", text[1:end])
		}
		t.parts, text = append(t.parts, part{value: value}), text[end+1:]
	}
	return t, nil
}

func field(name string) (value func(Facts) string, ok bool) {
	for _, f := range fields {
		if f.name == name {
			return f.value, true
		}
	}
	return nil, false
}

// check expands the template with what is longest and with what is shortest:
// what is valid for both is valid for all between.
func (t Template) check(text string) error {
	elements := strings.Split(text, "/")
	last := elements[len(elements)-1]
	switch {
	case last != "{name}":
		return errors.New("else two files could get one key")
	case strings.Count(text, "{name}") > 1:
		return errors.New("here {name} stands twice")
	case elements[0] == Books:
		return fmt.Errorf("not below %s, where the copies of the books are", Books)
	}
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	long := strings.Repeat("x", maxField)
	for _, f := range []Facts{
		{Name: "x", At: at, Host: "x", Stream: "x", Prefix: "x"},
		{Name: strings.Repeat("x", 200), At: at, Host: long, Stream: long, Prefix: long},
	} {
		if key := t.Key(f); !sink.ValidKey(key) {
			return fmt.Errorf("here a key would be %.200q", key)
		}
	}
	return nil
}

// Key expands the template.
func (t Template) Key(f Facts) string {
	var key strings.Builder
	for _, p := range t.parts {
		if p.value != nil {
			key.WriteString(p.value(f))
		} else {
			key.WriteString(p.text)
		}
	}
	return key.String()
}

// Prefix is tweet_file_prefix without what only parts it from the time: the -._
// at its end.
func Prefix(prefix string) string {
	return Field(strings.TrimRight(prefix, "-._"))
}

// Field makes a machine's or a stream's name a part of a key: what is foreign
// there becomes a hyphen, nothing becomes "none".
func Field(name string) string {
	if name == "" {
		return "none"
	}
	safe := sink.SafeName(name)
	return safe[:min(len(safe), maxField)]
}
