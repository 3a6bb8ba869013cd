package overview

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ got, want string }{
		{span(-time.Hour), "0.0s"},
		{span(1234 * time.Millisecond), "1.2s"},
		{span(59 * time.Second), "59s"},
		{span(61 * time.Second), "1m01s"},
		{span(3*time.Hour + 4*time.Minute), "3h04m"},
		{span(50 * time.Hour), "2d02h"},
		{size(0), "0 B"},
		{size(1536), "1.5 KiB"},
		{size(5 << 40), "5.0 TiB"},
		{number(0), "0"},
		{number(999), "999"},
		{number(-1000), "-1,000"},
		{number(-100), "-100"},
		{number(uint64(1234567)), "1,234,567"},
		{plural(1, "file"), "1 file"},
		{plural(1000, "file"), "1,000 files"},
		{ascii("a\x1b\u00e9\"\\"), `a\x1b\u00e9"\`},
		{printable("a\x1b\u00e9\u202e\"\\"), "a\\x1b\u00e9\\u202e\"\\"},
		{strings.Join(wrap("aa bb cccccccc d", 5), "|"), "aa bb|ccccc|ccc d"},
		{strings.Join(wrap("", 5), "|"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add("paused", "why\x1b[2J", "line\nbreak")
	f.Fuzz(func(t *testing.T, state, detail, problem string) {
		v := View{Problems: []string{problem}}
		v.Grabber.State, v.Grabber.Detail, v.Grabber.LastError = state, detail, problem
		for _, colour := range []bool{false, true} {
			var out bytes.Buffer
			if err := v.Table(&out, colour); err != nil {
				t.Fatal(err)
			}
			clean := strings.NewReplacer(red, "", green, "", yellow, "", plain, "").Replace(out.String())
			for line := range strings.Lines(clean) {
				if utf8.RuneCountInString(line) > columns+1 || strings.ContainsAny(line, "\x1b\r\x00") || !utf8.ValidString(line) {
					t.Errorf("line %q of %q, %q, %q", line, state, detail, problem)
				}
			}
		}
	})
}
