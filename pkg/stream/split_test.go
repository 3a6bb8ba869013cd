package stream

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// split feeds in, cut at the given places, to a splitter with small buffers
// and returns what came out: messages as they are, drops by name.
func split(tb testing.TB, maxMessage int, delimited bool, in []byte, cuts ...int) []string {
	tb.Helper()
	var out []string
	s := newSplitter(maxMessage, func(kind drop, text []byte) {
		out = append(out, [...]string{"-keepalive", "-garbage", "-oversize", "-torn"}[kind])
	})
	s.buffer = newBuffer(8, maxMessage+lineEnd+1)
	s.reset(delimited)
	take := func() {
		for m := s.next(); m != nil; m = s.next() {
			out = append(out, string(m))
		}
	}
	begin := 0
	for _, end := range append(cuts, len(in)) {
		for piece := in[begin:end]; len(piece) > 0; {
			n := copy(s.room(), piece)
			if n == 0 {
				tb.Fatalf("no room for %d bytes of %q", len(piece), in)
			}
			s.add(n)
			piece = piece[n:]
			take()
		}
		begin = end
	}
	s.finish()
	take()
	return out
}

const limit = 40

var framingCases = []struct {
	name      string
	delimited bool
	in        string
	want      []string
}{
	{"CRLF", false, "{\"a\":1}\r\n{\"b\":2}\r\n", []string{`{"a":1}`, `{"b":2}`}},
	{"LF", false, "{\"a\":1}\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}},
	{"nothing", false, "", nil},
	{"keep-alives, CRLF", false, "\r\n{\"a\":1}\r\n\r\n\r\n", []string{"-keepalive", `{"a":1}`, "-keepalive", "-keepalive"}},
	{"keep-alives, LF", false, "\n{\"a\":1}\n\n \n", []string{"-keepalive", `{"a":1}`, "-keepalive", "-keepalive"}},
	{"CRLF keep-alive first settles it", false, "\r\n{\"a\":\n1}\r\n", []string{"-keepalive", `{"a": 1}`}},
	{"LF inside, CRLF", false, "{\"a\":1}\r\n{\n\"b\":\n2\n}\r\n", []string{`{"a":1}`, `{ "b": 2 }`}},
	{"LF inside the first, CRLF", false, "{\n\"b\":\n2}\r\n{\"a\":1}\r\n", []string{`{ "b": 2}`, `{"a":1}`}},
	{"LF inside the first, LF", false, "{\n\"b\":\n2}\n{\"a\":1}\n", []string{`{ "b": 2}`, `{"a":1}`}},
	{"LF in a string is no white space", false, "\r\n{\"a\":\"x\ny\"}\r\n{\"b\":2}\r\n", []string{"-keepalive", "-garbage", `{"b":2}`}},
	{"LF around a message, CRLF", false, "\r\n\n{\"a\":1}\n\r\n", []string{"-keepalive", "-keepalive", `{"a":1}`}},
	{"blanks around a message stay", false, " {\"a\":1}\t\r\n", []string{" {\"a\":1}\t"}},
	{"CRLF after LF", false, "{\"a\":1}\n{\"b\":2}\r\n{\"c\":3}\n", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
	{"CR inside", false, "{\"a\":\r1}\r\n", []string{"{\"a\":\r1}"}},
	{"plain text first, LF", false, "Exceeded\n{\"a\":1}\n", []string{"-garbage", `{"a":1}`}},
	{"plain text first, CRLF", false, "Exceeded\r\n{\"a\":\n1}\r\n", []string{"-garbage", `{"a": 1}`}},
	{"plain text first, then both", false, "Exceeded\n{\"a\":\n1}\r\n", []string{"-garbage", `{"a": 1}`}},
	{"plain text between, CRLF", false, "{\"a\":1}\r\nfoo\n{\"b\":\n2}\r\n", []string{`{"a":1}`, "-garbage", `{"b": 2}`}},
	{"broken first line swallows nothing", false, "{\"a\":tru\n{\"b\":2}\n{\"c\":3}\n", []string{"-garbage", `{"b":2}`, `{"c":3}`}},
	{"open first line swallows nothing", false, "{\"a\":\n{\"b\":2}\n{\"c\":3}\n", []string{"-garbage", `{"b":2}`, `{"c":3}`}},
	{"open first lines swallow nothing", false, "{\"a\":\n{\"x\":[\n{\"b\":2}\n{\"c\":3}\n", []string{"-garbage", "-garbage", `{"b":2}`, `{"c":3}`}},
	{"torn first line, CRLF", false, "{\"a\":\r\n{\"b\":2}\r\n", []string{"-garbage", `{"b":2}`}},
	{"no objects", false, "[1,2]\r\n42\r\n\"a\"\r\nnull\r\n{\"a\":1}\r\n", []string{"-garbage", "-garbage", "-garbage", "-garbage", `{"a":1}`}},
	{"glued", false, "{\"a\":1}{\"b\":2} {\"c\":3}\r\n", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
	{"glued, LF", false, "{\"a\":1}{\"b\":2}\n{\"c\":3}\n", []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}},
	{"glued with a torn one", false, "{\"a\":1}{\"b\":{\"c\":3}\r\n", []string{`{"a":1}`, "-garbage"}},
	{"glued by LF, CRLF", false, "\r\n{\"a\":1}\n{\"b\":\n2}\nfoo\n{\"c\":3}\r\n", []string{"-keepalive", `{"a":1}`, `{"b": 2}`, "-garbage", `{"c":3}`}},
	{"glued behind a brace", false, "}{\"a\":1}\r\n", []string{"-garbage"}},
	{"a torn message's inside is none", false, "\r\n{\"a\":[\n{\"id\":1},\n{\"id\":2}\n\r\n", []string{"-keepalive", "-garbage"}},
	{"junk after an object, undecided", false, "{\"a\":\n1}x\n{\"b\":2}\n", []string{`{"a": 1}`, "-garbage", `{"b":2}`}},
	{"whole at the end", false, "{\"a\":1}\r\n{\"b\":2}", []string{`{"a":1}`, `{"b":2}`}},
	{"whole at the end but for the LF", false, "{\"a\":1}\r\n{\"b\":2}\r", []string{`{"a":1}`, `{"b":2}`}},
	{"only one, without line end", false, "{\"a\":\n1}", []string{`{"a": 1}`}},
	{"torn at the end", false, "{\"a\":1}\r\n{\"b\":", []string{`{"a":1}`, "-torn"}},
	{"torn in a string", false, "{\"a\":1}\n{\"b\":\"x", []string{`{"a":1}`, "-torn"}},
	{"torn behind glued", false, "{\"a\":1}\r\n{\"b\":2}{\"c\"", []string{`{"a":1}`, `{"b":2}`, "-torn"}},
	{"torn over lines", false, "\r\n{\"a\":[\n{\"id\":1},\n{\"id\":2}\n", []string{"-keepalive", "-torn"}},
	{"terminated is not torn", false, "{\"a\":1}\r\n{\"b\":\r\n", []string{`{"a":1}`, "-garbage"}},
	{"text at the end", false, "{\"a\":1}\r\nbye", []string{`{"a":1}`, "-garbage"}},
	{"largest, CRLF", false, fit(limit) + "\r\n" + fit(limit) + "\r\n", []string{fit(limit), fit(limit)}},
	{"largest, LF", false, fit(limit) + "\n" + fit(limit) + "\n", []string{fit(limit), fit(limit)}},
	{"largest, no line end", false, fit(limit), []string{fit(limit)}},
	{"oversize, CRLF", false, fit(limit+1) + "\r\n{\"a\":1}\r\n", []string{"-oversize", `{"a":1}`}},
	{"oversize, LF", false, fit(limit+1) + "\n{\"a\":1}\n", []string{"-oversize", `{"a":1}`}},
	{"oversize, no line end", false, fit(limit + 1), []string{"-oversize"}},
	{"oversize by far", false, "{\"a\":1}\r\n" + fit(9*limit) + "\r\n{\"a\":1}\r\n", []string{`{"a":1}`, "-oversize", `{"a":1}`}},
	{"oversize by far, no end", false, "{\"a\":1}\r\n" + fit(9*limit), []string{`{"a":1}`, "-oversize"}},
	{"oversize with LF inside", false, "\r\n" + strings.Replace(fit(9*limit), " ", "\n", 50) + "\r\n{\"a\":1}\r\n", []string{"-keepalive", "-oversize", `{"a":1}`}},
	{"invalid", false, "{\"a\":\"\x01\"}\r\n{\"a\":\"\\q\"}\r\n{\"a\":\"\xff\"}\r\n", []string{"-garbage", "-garbage", "{\"a\":\"\xff\"}"}},

	{"lengths", true, "9\r\n{\"a\":1}\r\n\r\n10\r\n{\"b\":22}\r\n", []string{`{"a":1}`, "-keepalive", `{"b":22}`}},
	{"lengths, LF inside", true, "10\r\n{\"a\":\n1}\r\n", []string{`{"a": 1}`}},
	{"lengths, LF", true, "8\n{\"a\":1}\n9\n{\"b\":22}\n", []string{`{"a":1}`, `{"b":22}`}},
	{"length too short", true, "3\r\n{\"a\":1}\r\n9\r\n{\"b\":2}\r\n", []string{"-garbage", `{"a":1}`, `{"b":2}`}},
	{"length too long", true, "999999999\r\n{\"a\":1}\r\n9\r\n{\"b\":2}\r\n", []string{"-garbage", `{"a":1}`, `{"b":2}`}},
	{"length no number", true, "nine\r\n{\"a\":1}\r\n9\r\n{\"b\":2}\r\n", []string{"-garbage", `{"a":1}`, `{"b":2}`}},
	{"length absurd", true, "99999999999999999999\r\n{\"a\":1}\r\n", []string{"-garbage", `{"a":1}`}},
	{"length twice", true, "9\r\n9\r\n{\"a\":1}\r\n", []string{"-garbage", `{"a":1}`}},
	{"no line end before the next length", true, "7\r\n{\"a\":1}7\r\n{\"b\":2}\r\n", []string{`{"a":1}`, "-garbage", `{"b":2}`}},
	{"no lengths though asked for", true, "{\"a\":1}\r\n{\"b\":2}\r\n", []string{`{"a":1}`, `{"b":2}`}},
	{"length of an oversize one", true, "362\r\n" + fit(9*limit) + "\r\n9\r\n{\"b\":2}\r\n", []string{"-oversize", `{"b":2}`}},
	{"torn after its length", true, "9\r\n{\"a\":1}\r\n99\r\n{\"b\":", []string{`{"a":1}`, "-torn"}},
	{"a number is garbage without lengths", false, "9\r\n{\"a\":1}\r\n", []string{"-garbage", `{"a":1}`}},
}

// fit returns a valid message of n bytes.
func fit(n int) string {
	return `{"k":"` + strings.Repeat("v", (n-8)/2) + `"` + strings.Repeat(" ", n-8-(n-8)/2) + `}`
}

func TestFramingInAnyPieces(t *testing.T) {
	t.Parallel()
	for _, c := range framingCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := []byte(c.in)
			if got := split(t, limit, c.delimited, in); !slices.Equal(got, c.want) {
				t.Fatalf("in one piece:\n   in %q\n  got %q\n want %q", c.in, got, c.want)
			}
			every := make([]int, len(in))
			for i := range in {
				every[i] = i
				if got := split(t, limit, c.delimited, in, i); !slices.Equal(got, c.want) {
					t.Fatalf("cut at %d:\n   in %q\n  got %q\n want %q", i, c.in, got, c.want)
				}
			}
			if got := split(t, limit, c.delimited, in, every...); !slices.Equal(got, c.want) {
				t.Fatalf("byte by byte:\n   in %q\n  got %q\n want %q", c.in, got, c.want)
			}
		})
	}
}

// Very many lines must not be looked at anew for each: this test would take
// minutes.
func TestManyLinesAreFollowedOnce(t *testing.T) {
	t.Parallel()
	const lines = 200_000
	long := "{\"a\":[\n" + strings.Repeat("{},\n", lines) + "0]}"
	deep := strings.Repeat("{\"a\":\n", 8*lines) // each line would be followed for 10,000 more
	for name, in := range map[string]string{"whole": long + "\n", "broken late": long + "x\n", "deep": deep, "CRLF": "\r\n" + long + "x\r\n",
		"behind blanks": "\r\n" + strings.Repeat(" ", 1<<20) + long + "x\r\n"} {
		got := split(t, 16<<20, false, []byte(in+"\r\n{\"last\":1}\r\n"))
		if got[len(got)-1] != `{"last":1}` {
			t.Errorf("%s: the message behind was lost, got %.100q", name, got[len(got)-1])
		}
	}
}

// Glued objects without an LF must not each search the rest for one: this
// would take half an hour.
func TestGluedObjectsAreFollowedOnce(t *testing.T) {
	t.Parallel()
	const objects = 2 << 20
	for name, before := range map[string]string{"undecided": "", "CRLF": "\r\n", "LF": "{}\n"} {
		s := newSplitter(16<<20, func(kind drop, text []byte) {
			if kind != keepAlive {
				t.Errorf("%s: dropped %d: %.50q", name, kind, text)
			}
		})
		s.buffer = newBuffer(16<<20, 16<<20)
		s.add(copy(s.room(), before+strings.Repeat("{}", objects)+"\r\n"))
		got := 0
		for began := time.Now(); s.next() != nil; got++ {
			if got%1000 == 0 && time.Since(began) > time.Minute {
				t.Fatalf("%s: %d of %d objects in a minute", name, got, objects)
			}
		}
		if want := objects + strings.Count(before, "{}"); got != want {
			t.Errorf("%s: got %d objects, want %d", name, got, want)
		}
	}
}

// The buffer grows for a large message and no crowd gathers in it.
func TestBufferShrinksAgain(t *testing.T) {
	t.Parallel()
	var messages int
	s := newSplitter(16<<20, func(kind drop, text []byte) { t.Errorf("dropped %d: %.50q", kind, text) })
	large := bytes.Repeat([]byte(" "), 5<<20)
	copy(large, `{"large":1`)
	large[len(large)-1] = '}'
	small := []byte("{\"small\":1}\r\n")
	in := slices.Concat(small, large, []byte("\r\n"), bytes.Repeat(small, 1<<20/len(small)))
	widest := 0
	for len(in) > 0 {
		n := copy(s.room(), in)
		s.add(n)
		in = in[n:]
		for m := s.next(); m != nil; m = s.next() {
			messages++
			if len(m) < 100 {
				widest = max(widest, len(s.pending()))
			}
		}
	}
	if want := 2 + 1<<20/len(small); messages != want {
		t.Errorf("got %d messages, want %d", messages, want)
	}
	if len(s.buf) != bufferSize {
		t.Errorf("buffer is %d bytes after the large message, want %d", len(s.buf), bufferSize)
	}
	if widest > 2*bufferSize {
		t.Errorf("%d bytes of whole messages were waiting, want at most %d", widest, 2*bufferSize)
	}
}

func FuzzSplitter(f *testing.F) {
	for _, c := range framingCases {
		f.Add([]byte(c.in), c.delimited, uint8(3), uint8(limit))
	}
	f.Fuzz(func(t *testing.T, in []byte, delimited bool, step, maxMessage uint8) {
		most := int(maxMessage)*4 + 1
		whole := split(t, most, delimited, in)
		var cuts []int
		for i := int(step%32) + 1; i < len(in); i += int(step%32) + 1 {
			cuts = append(cuts, i)
		}
		if got := split(t, most, delimited, in, cuts...); !slices.Equal(got, whole) {
			t.Fatalf("pieces matter:\n   in %q\n step %d\n  got %q\nwhole %q", in, step, got, whole)
		}
		for _, out := range whole {
			if strings.HasPrefix(out, "-") {
				continue
			}
			var object map[string]any
			if !json.Valid([]byte(out)) || json.Unmarshal([]byte(out), &object) != nil || object == nil {
				t.Fatalf("no object came out: %q of %q", out, in)
			}
			if strings.ContainsRune(out, '\n') || len(out) > most {
				t.Fatalf("a line feed or more than %d bytes: %q of %q", most, out, in)
			}
		}
		for _, line := range wholeLines(in, most) {
			if !contains(whole, line) {
				t.Fatalf("lost %q of %q, got %q", line, in, whole)
			}
		}
	})
}

// wholeLines returns the lines of in that are an object each, for input in
// which nothing else can claim them: no line of it begins an object that ends
// elsewhere.
func wholeLines(in []byte, most int) []string {
	var lines []string
	for line := range bytes.SplitSeq(in, []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		switch {
		case len(line) > most:
			return nil
		case len(line) > 0 && line[0] == '{' && json.Valid(line):
			lines = append(lines, string(line))
		case bytes.ContainsAny(line, "{}"):
			return nil
		}
	}
	return lines
}

func contains(out []string, line string) bool {
	return slices.ContainsFunc(out, func(got string) bool {
		return strings.Trim(got, "\r") == strings.Trim(line, "\r") || strings.Contains(got, line)
	})
}

func FuzzIsMessage(f *testing.F) {
	for _, seed := range validSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		agree(t, in)
		agree(t, slices.Concat([]byte(`{"a":`), in, []byte(`}`)))
	})
}

// agree checks both judges against encoding/json.
func agree(t *testing.T, in []byte) {
	t.Helper()
	text := bytes.TrimLeft(in, " \t\r\n")
	object := len(text) > 0 && text[0] == '{'
	want := object && json.Valid(in)
	// As it lies in the buffer, before bytes that could complete it.
	among := slices.Concat([]byte(`{"`), in, []byte(`"}]"}}`))[2 : 2+len(in)]
	if got := isMessage(among); got != want {
		t.Fatalf("isMessage(%.200q) = %t, encoding/json says %t", in, got, want)
	}
	if !object {
		return
	}
	var s scanner
	n, found := s.scan(in)
	if got := found == complete && blank(in[n:]); got != want {
		t.Fatalf("the scanner says %d at %d of %.200q, encoding/json says %t", found, n, in, want)
	}
	if found == broken {
		// Nothing that begins with what was refused may be valid.
		if err := json.Unmarshal(in[:n+1], new(any)); err == nil || strings.Contains(err.Error(), "unexpected end") {
			t.Fatalf("the scanner refused %.200q at %d too early: encoding/json says %v", in, n, err)
		}
	}
}

func validSeeds() [][]byte {
	var seeds [][]byte
	for _, c := range framingCases {
		seeds = append(seeds, []byte(c.in))
	}
	for _, text := range []string{
		`{"a":[1,-0,0.5,1e9,-1.5E+10,2e-3],"b":{"c":null,"d":true,"e":false},"f":"\"\\\/\b\f\n\r\t\u00e9\ud83d"}`,
		`{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e}`, `{"a":+1}`, `{"a":.5}`, `{"a":1}x`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":tru}`,
		`{"a":"\u12g4"}`, `{"a":"\x"}`, `{"a":"`, `{"a":"\`, `{"a":[}`, `{"a":]}`, `{"a":[1,]}`, "{\"a\":\"\x7f\xff\x80\xed\xa0\x80\"}",
		"{\"a\":\"\x00\"}", "{\"a\":\"\x1f\"}", "{\"a\\u0000\":1}", `{"a":1` + strings.Repeat("0", 400) + `}`, "{}", "\xef\xbb\xbf{}", "{\"a\":1}\x00",
	} {
		seeds = append(seeds, []byte(text), []byte(`{"padding":"`+strings.Repeat("é", 40)+`","x":`+text+`}`))
	}
	return seeds
}

func TestJudgesAgreeWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, seed := range validSeeds() {
		agree(t, seed)
	}
	for _, depth := range []int{100, 4095, 4096, 4097, 9998, 9999, 10000, 10001} {
		agree(t, []byte(strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth)))
		agree(t, []byte(`{"a":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+"}"))
		agree(t, []byte(strings.Repeat(`{"a":`, depth)))
	}
	for n := range 300 {
		for _, form := range []string{`{"a":"%s`, `{"%s`, `{"a":%s`, `{"a":"%s\`, `{"a":"%s"}`, `{"a":"%s"`, `{%s}`, `{"a":"%s"}`, `{"a":1%s}`} {
			for _, fill := range []string{"0", " ", `\`, "é", `"`, "{", "["} {
				agree(t, []byte(strings.Replace(form, "%s", strings.Repeat(fill, n), 1)))
			}
		}
	}
	// Every pair of bytes at every kind of place.
	for _, form := range []string{`{"a":"%s"}`, `{"a":%s}`, `{"a":1}%s`, `%s{}`, `{"a":"\%s"}`, `{"a":-%s}`, `{"a":1%s}`, `{"a":1.%s}`, `{"a":1e%s}`,
		`{"a":"\u00%s"}`, `{%s"a":1}`, `{"a"%s:1}`, `{"%s":1}`, `{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%saaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1}`} {
		before, after, _ := strings.Cut(form, "%s")
		for first := range 256 {
			for _, second := range []byte("\x00\n\r \"\\,:[]{}019aAeEu-+.\x7f\xc3") {
				agree(t, slices.Concat([]byte(before), []byte{byte(first), second}, []byte(after)))
			}
		}
	}
}
