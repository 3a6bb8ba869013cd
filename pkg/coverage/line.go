package coverage

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"time"
)

// The kinds of lines.
const (
	kindFile = "file"
	kindSpan = "span"
)

// fileStart is what the lines of files begin with, by far the most.
var fileStart = []byte(`{"kind":"file",`)

// maxPosition bounds the position in a file's line, in bytes.
const maxPosition = 4 << 10

// Line is a line of the book, of either kind; both nil for a kind that a newer
// program wrote.
type Line struct {
	File *File
	Span *Span
}

// Line returns the file's line, its end included.
func (f File) Line() []byte {
	f.First, f.Last = f.First.UTC().Truncate(time.Microsecond), f.Last.UTC().Truncate(time.Microsecond)
	if len(f.Position) > maxPosition {
		f.Position = ""
	}
	return line(struct {
		Kind string `json:"kind"`
		File
	}{kindFile, f})
}

// Line returns the span's line, its end included.
func (s Span) Line() []byte {
	return line(struct {
		Kind string `json:"kind"`
		Span
	}{kindSpan, s})
}

func line(v any) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil // finite numbers, strings and times within our era always can be
	}
	return text.Bytes()
}

// Decode reads a line of the book, without its end. The error is for people and
// quotes nothing.
func Decode(text []byte) (Line, error) {
	var head struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(text, &head); err != nil || head.Kind == "" {
		return Line{}, errors.New("not a line of the captured book: no JSON object with a kind")
	}
	switch head.Kind {
	case kindFile:
		var f File
		if json.Unmarshal(text, &f) != nil || !f.valid() {
			return Line{}, errors.New("not the line of a file: name, bytes, sha256, first or last is missing or wrong")
		}
		return Line{File: &f}, nil
	case kindSpan:
		var s Span
		if json.Unmarshal(text, &s) != nil || !s.valid() {
			return Line{}, errors.New("not the line of a span: from, to or a stretch is missing or wrong")
		}
		return Line{Span: &s}, nil
	}
	return Line{}, nil
}

// DecodeFile reads a line of the book, without its end, if it is that of a file;
// it costs less than Decode.
func DecodeFile(text []byte) (f File, ok bool) {
	if !bytes.HasPrefix(text, fileStart) {
		return File{}, false
	}
	return f, json.Unmarshal(text, &f) == nil && f.valid()
}

func (f *File) valid() bool {
	return f.Name != "" && f.Bytes >= 0 && len(f.SHA256) == 64 && !f.First.IsZero() && !f.Last.IsZero()
}

// maxSpan bounds what is believed: a span ends with its day, but for a disk
// that was full.
const maxSpan = 400 * 24 * time.Hour

func (s *Span) valid() bool {
	if s.From.IsZero() || s.From.Year() < 1970 || s.To.Year() > 9998 || s.To.Before(s.From) || s.To.Sub(s.From) > maxSpan {
		return false
	}
	if len(s.Messages) > int(maxSpan/time.Minute) || len(s.Bytes) > int(maxSpan/time.Minute) || !isSpan(math.Abs(s.Clock)) {
		return false
	}
	for _, stretches := range s.Gaps {
		if !validStretches(stretches) {
			return false
		}
	}
	return validStretches(s.Filled)
}

func validStretches(all []Stretch) bool {
	for _, s := range all {
		if !isSpan(math.Abs(s[0])) || !isSpan(s[1]) {
			return false
		}
	}
	return true
}

// isSpan reports whether so many seconds can be told by a time.Duration, with
// room to add two of them.
func isSpan(seconds float64) bool { return seconds >= 0 && seconds < 100*365*24*3600 }

// seconds prints to the millisecond, which is as true as it gets.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds*1000)) * time.Millisecond
}

// stretch is what lies between two times, for a span.
func (s *Span) stretch(from, to time.Time) Stretch {
	return Stretch{seconds(from.Sub(s.From)), seconds(to.Sub(from))}
}

// times is the way back.
func (s *Span) times(of Stretch) (from, to time.Time) {
	from = s.From.Add(duration(of[0]))
	return from, from.Add(duration(of[1]))
}

// miss adds a gap.
func (s *Span) miss(why Reason, from, to time.Time) {
	if !to.After(from) {
		return
	}
	if s.Gaps == nil {
		s.Gaps = map[Reason][]Stretch{}
	}
	s.Gaps[why] = append(s.Gaps[why], s.stretch(from, to))
}

// count adds what was stored in the minute of a time.
func (s *Span) count(at time.Time, messages, bytes uint64) {
	minute := int(at.Truncate(time.Minute).Sub(s.From.Truncate(time.Minute)) / time.Minute)
	if messages == 0 && bytes == 0 || minute < 0 || minute > int(maxSpan/time.Minute) {
		return
	}
	for len(s.Messages) <= minute {
		s.Messages, s.Bytes = append(s.Messages, 0), append(s.Bytes, 0)
	}
	s.Messages[minute] += messages
	s.Bytes[minute] += bytes
}

// spread adds what was stored between two times, as if it had come evenly.
func (s *Span) spread(from, to time.Time, messages, bytes uint64) {
	for from.Before(to) {
		end := from.Truncate(time.Minute).Add(time.Minute)
		if !end.Before(to) {
			break
		}
		part := end.Sub(from).Seconds() / to.Sub(from).Seconds()
		m, b := uint64(part*float64(messages)), uint64(part*float64(bytes))
		s.count(from, m, b)
		from, messages, bytes = end, messages-m, bytes-b
	}
	s.count(to, messages, bytes)
}

// quiet reports whether a span has nothing to tell but that it was.
func (s *Span) quiet() bool {
	return len(s.Messages) == 0 && len(s.Gaps) == 0 && len(s.Filled) == 0 && s.Withheld == 0
}

// wall is a time as the book writes it.
func wall(t time.Time) time.Time { return t.Round(0).UTC().Truncate(time.Millisecond) }
