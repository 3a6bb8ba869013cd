// Package redact makes foreign text and URLs fit to be shown: on terminals, in
// logs, error texts, reason and status files. Everything that a server said
// goes through Text or Body, every URL through URL.
package redact

import (
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText is the longest text from outside that is shown, in bytes.
const maxText = 200

// MaxBody is how much of an answer that is not the stream is ever read, after
// inflation, in bytes.
const MaxBody = 64 << 10

// Text returns at most 200 bytes of s with control and other unprintable
// characters escaped, so that no server moves a cursor or forges a log line.
func Text(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		piece := s[i : i+size]
		if !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.QuoteToASCII(piece)
			piece = quoted[1 : len(quoted)-1]
		}
		if b.Len()+len(piece) > maxText-len("…") {
			b.WriteString("…")
			break
		}
		b.WriteString(piece)
		i += size
	}
	return b.String()
}

// Body reads the beginning of an answer's body and returns it as Text, blanks
// folded. Of a page of HTML it returns the title, else the words.
func Body(r io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(r, MaxBody)) // what came before an error is still worth showing
	text := strings.Join(strings.Fields(string(b)), " ")
	if strings.HasPrefix(text, "<") {
		text = words(text)
	}
	return Text(text)
}

var (
	title = regexp.MustCompile(`(?i)<title[^>]*>([^<]*)`)
	tag   = regexp.MustCompile(`<[^>]*>?`)
)

// words returns what a page says, and one that says nothing as it is.
func words(page string) string {
	if found := title.FindStringSubmatch(page); found != nil && strings.TrimSpace(found[1]) != "" {
		return strings.TrimSpace(found[1])
	}
	if text := strings.Fields(tag.ReplaceAllString(page, " ")); len(text) > 0 {
		return strings.Join(text, " ")
	}
	return page
}

// URL returns raw without userinfo, query and fragment, which may hold secrets.
func URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(a URL that cannot be parsed)"
	}
	return Text((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, Opaque: u.Opaque}).String())
}
