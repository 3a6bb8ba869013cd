package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// split returns the pieces of text as "kind:bytes", kind m, b or d; capital
// where it has a line of its own.
func split(t testing.TB, text string) (got []string) {
	t.Helper()
	err := splitPieces(strings.NewReader(text), int64(len(text)), func(p piece) error {
		kind := "mbd"[p.kind : p.kind+1]
		if p.line {
			kind = strings.ToUpper(kind)
		}
		var b bytes.Buffer
		if err := p.writeTo(&b); err != nil {
			return err
		}
		got = append(got, kind+":"+b.String())
		return nil
	})
	if err != nil {
		t.Fatalf("split %q: %v", text, err)
	}
	return got
}

func TestSplitPieces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"whole lines", "{}\n{\"a\":1}\n", []string{"M:{}", `M:{"a":1}`}},
		{"tail lacks its line end", "{}\n{\"a\":1}", []string{"M:{}", `m:{"a":1}`}},
		{"torn tail", "{}\n{\"a\":", []string{"M:{}", `d:{"a":`}},
		{"torn in the middle", "{\"a\n{}\n", []string{`d:{"a`, "M:{}"}},
		{"NULs", "{}\n\x00\x00\x00", []string{"M:{}", "d:\x00\x00\x00"}},
		{"NULs over a line end", "{}\x00\x00{}\n{}\n", []string{"m:{}", "d:\x00\x00{}", "M:{}"}},
		{"blank lines", "{}\n\n \r\n{}\n", []string{"M:{}", "B:", "B: \r", "M:{}"}},
		{"CR stays", "{}\r\n", []string{"M:{}\r"}},
		{"glued", `{"a":1}{"b":{"c":"}"}}{"d":"\"}{"}`, []string{`m:{"a":1}`, `m:{"b":{"c":"}"}}`, `m:{"d":"\"}{"}`}},
		{"glued with blanks", " {} {}\t\n", []string{"m: {}", "m: {}", "b:\t"}},
		{"glued and torn", `{"a":1}{"b":`, []string{`m:{"a":1}`, `d:{"b":`}},
		{"garbage after an object", "{}Exceeded{\"a\":1}\n", []string{"m:{}", "d:Exceeded{\"a\":1}"}},
		{"brackets match but no JSON", `{"a":1}{b}{}`, []string{`m:{"a":1}`, "d:{b}{}"}},
		{"any value", "[1]\n7\nnull\n\"x\"\n", []string{"M:[1]", "M:7", "M:null", `M:"x"`}},
		{"closing alone", "}{}\n", []string{"d:}{}"}},
		{"fragment that ends like an object", `"user":{"id":5}}` + "\n", []string{`d:"user":{"id":5}}`}},
	} {
		if got := split(t, tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%s: split %q\n got %q\nwant %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// FuzzSplitPieces: no byte is lost or moved, messages are objects, and whole
// lines that are objects stay as they are.
func FuzzSplitPieces(f *testing.F) {
	for _, seed := range []string{"{}\n{}\n", `{"a":"\"}{"}{}`, "{}\x00\n", "\n\n", `{"a":[1,{"b":2}]}{"c":`, "{}[", "\xff{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var all strings.Builder
		for _, p := range split(t, text) {
			kind, data := p[0], p[2:]
			all.WriteString(data)
			if kind == 'M' || kind == 'B' {
				all.WriteByte('\n')
			}
			data = strings.Trim(data, jsonSpace)
			object := strings.HasPrefix(data, "{") && json.Valid([]byte(data))
			if object != (kind == 'm' || kind == 'M') {
				t.Errorf("piece %q of %q: a JSON object: %v", p, text, object)
			}
		}
		if got, want := strings.ReplaceAll(all.String(), "\n", ""), strings.ReplaceAll(text, "\n", ""); got != want {
			t.Errorf("pieces of %q make %q", text, got)
		}
	})
}

// testData returns a file of real messages, or skips.
func testData(t testing.TB, name string) []byte {
	t.Helper()
	dir := os.Getenv("TWITTER_STREAM_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no real messages here: %v (TWITTER_STREAM_TEST_DATA names their directory)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The original glued its messages; real ones come apart byte for byte, over
// all borders of the buffer.
func TestSplitGluedRealMessages(t *testing.T) {
	t.Parallel()
	data := testData(t, "tweets-v11.jsonl")[:3<<20]
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	lines := bytes.Split(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\n'})
	glued := bytes.ReplaceAll(data, []byte{'\n'}, nil)
	n := 0
	err := splitPieces(bytes.NewReader(glued), int64(len(glued)), func(p piece) error {
		if n >= len(lines) || p.kind != pieceMessage || !bytes.Equal(p.data, lines[n]) {
			t.Fatalf("piece %d (kind %d, %d bytes) is not line %d", n, p.kind, p.len, n)
		}
		n++
		return nil
	})
	if err != nil || n != len(lines) {
		t.Errorf("%d pieces of %d lines, %v", n, len(lines), err)
	}
}

// repeated is a file of the given size that needs no memory.
type repeated struct {
	head, body, tail string
	size             int64
}

func (r repeated) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < r.size {
		from := r.body[max(0, off-int64(len(r.head)))%int64(len(r.body)):]
		if tail := r.size - int64(len(r.tail)); off >= tail {
			from = r.tail[off-tail:]
		} else if off < int64(len(r.head)) {
			from = r.head[off:]
		} else {
			from = from[:min(int64(len(from)), tail-off)]
		}
		m := copy(p[n:], from)
		n, off = n+m, off+int64(m)
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Memory is bounded: a line that is too long for a message is set aside in
// pieces of the buffer, a glued file of any length comes apart.
func TestSplitPiecesBounded(t *testing.T) {
	t.Parallel()
	long := repeated{head: "{}\n{\"a\":\"", body: strings.Repeat("x", 1<<20), tail: "\"}\n{}\n", size: maxWhole + 1000}
	var got []pieceKind
	if err := splitPieces(long, long.size, func(p piece) error {
		if p.kind == pieceDamaged && p.data != nil {
			t.Errorf("a line of %d bytes was read into memory", p.len)
		}
		got = append(got, p.kind)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []pieceKind{pieceMessage, pieceDamaged, pieceMessage}; !slices.Equal(got, want) {
		t.Errorf("pieces of a long line are %v, want %v", got, want)
	}
	body := `{"text":"` + strings.Repeat("y", 60_000) + `"}`
	glued := repeated{body: body, size: int64(maxWhole/len(body)+10) * int64(len(body))}
	n := 0
	if err := splitPieces(glued, glued.size, func(p piece) error {
		if p.kind != pieceMessage || string(p.data) != body {
			t.Fatalf("piece %d is %q", n, p.data)
		}
		n++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := int(glued.size) / len(body); n != want {
		t.Errorf("%d pieces, want %d", n, want)
	}
}

// The longest message that grabber_max_message allows is one here too, with the
// white space that it may have around it.
func TestSplitPiecesLongest(t *testing.T) {
	t.Parallel()
	const longest = 64 << 20
	text := repeated{head: " {\"a\":\"", body: strings.Repeat("x", 1<<20), tail: "\"}\r\n", size: longest + 3}
	err := splitPieces(text, text.size, func(p piece) error {
		if p.kind != pieceMessage || p.len != longest+2 {
			t.Errorf("a message of %d bytes is a piece of %d bytes, kind %d", longest, p.len, p.kind)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A file that cannot be read, or became shorter, says so.
func TestSplitPiecesUnreadable(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("{}\n", 1000)
	err := splitPieces(strings.NewReader(text), int64(len(text)+rand.IntN(1000)+1), func(piece) error { return nil })
	if !errors.Is(err, errUnreadable) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short file: %v", err)
	}
}
