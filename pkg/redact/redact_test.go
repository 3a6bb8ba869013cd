package redact

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Überlast, try later", "Überlast, try later"},
		{"control", "a\x1b[2Jb\r\nc\x00", `a\x1b[2Jb\r\nc\x00`},
		{"bidi override", "a\u202eb", `a\u202eb`},
		{"not utf-8", "a\xffb", `a\xffb`},
		{"quotes stay", `say "hi"`, `say "hi"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Text(tt.in); got != tt.want {
				t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"https://me:secret@node.example/api/upload?key=abc#frag", "https://node.example/api/upload"},
		{"http://127.0.0.1:80/x", "http://127.0.0.1:80/x"},
		{"http://[::1", "(a URL that cannot be parsed)"},
	} {
		if got := URL(tt.in); got != tt.want {
			t.Errorf("URL(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestBodyFoldsBlanksAndIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"no  room\r\n here\n", "no room here"},
		{"1 < 2", "1 < 2"},
		{"<h1>\n  no </h1>\n", "no"},
		{"<html><head><TITLE lang=en>\n 502  Bad </title></head><body>nginx", "502 Bad"},
		{"<title> </title><p>one<p class='x'>two <b", "one two"},
		{strings.Repeat("<p>Ⱥ", 3) + "<title>grows in lower case</title>", "grows in lower case"},
		{"<html>", "<html>"},
	} {
		if got := Body(strings.NewReader(tt.in)); got != tt.want {
			t.Errorf("Body(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	endless := strings.NewReader(strings.Repeat("x", 10*MaxBody))
	if got := Body(endless); len(got) > maxText || endless.Len() != 9*MaxBody {
		t.Errorf("Body returned %d bytes and left %d", len(got), endless.Len())
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b]0;title\x07")
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if len(got) > maxText || !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\r\n\x00") {
			t.Errorf("Text(%q) = %q", s, got)
		}
	})
}
