package stream

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// feedEvents gives text to a framer of events in pieces of n bytes and returns
// the messages, with the ids that they had, and what was dropped.
func feedEvents(tb testing.TB, text string, n, maxMessage int, named bool) (messages, ids, drops []string) {
	tb.Helper()
	e := newEvents(maxMessage, func(kind drop, text []byte) {
		if kind != keepAlive {
			drops = append(drops, fmt.Sprintf("%d", kind))
		}
	})
	e.reset(named)
	take := func() {
		for m := e.next(); m != nil; m = e.next() {
			messages, ids = append(messages, string(m)), append(ids, string(e.fields.id))
		}
	}
	for len(text) > 0 {
		k := copy(e.room(), text[:min(n, len(text))])
		if k == 0 {
			tb.Fatalf("no room with %d bytes pending", len(e.pending()))
		}
		e.add(k)
		text = text[k:]
		take()
	}
	e.finish()
	take()
	return messages, ids, drops
}

func TestEvents(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for _, c := range []struct {
		name, text string
		named      bool
		want       []string
		ids        []string
		drops      []string
	}{
		{name: "one", text: "data: {\"a\":1}\n\n", want: []string{`{"a":1}`}},
		{name: "CRLF", text: "event: x\r\nid: 7\r\ndata:{\"a\":1}\r\n\r\ndata: 2\r\n\r\n", want: []string{`{"a":1}`, `2`}, ids: []string{"7", "7"}},
		{name: "CR", text: "id: 7\rdata: [1]\r\rid: 8\rdata: \"b\"\r\r", want: []string{`[1]`, `"b"`}, ids: []string{"7", "8"}},
		{name: "several lines of data", text: "data: {\"a\":\ndata: 1,\nevent: abcdefghijklmnopqrstuvwxyz\nid: 5\ndata: \"b\": 2}\n\n", want: []string{`{"a": 1, "b": 2}`}, ids: []string{"5"}},
		{name: "comments and a byte order mark", text: "\ufeff:ok\n\n:thump\n:\ndata: {}\n:inside\n\n", want: []string{`{}`}},
		{name: "an id alone", text: "id: 3\n\ndata: 1\n\n", want: []string{`1`}, ids: []string{"3"}},
		{name: "torn", text: "data: 1\n\ndata: 2\n", want: []string{`1`}, drops: []string{"3"}},
		{name: "no JSON", text: "data: hello\n\ndata: {\"a\":1}\n\n", want: []string{`{"a":1}`}, drops: []string{"1"}},
		{name: "too long", text: "data: \"" + long + "\"\n\ndata: 1\n\n", want: []string{`1`}, drops: []string{"2"}},
		{name: "too long, many lines", text: strings.Repeat("data: "+long[:999]+"\n", 300) + "\ndata: 1\n\n", want: []string{`1`}, drops: []string{"2"}},
		{name: "Mastodon", named: true, text: ":)\nevent: update\ndata: {\"id\":\"1\", \"x\": \"\\u00e9é\"}\n\n:thump\nevent: delete\ndata: 108\n\nevent: filters_changed\ndata: undefined\n\nevent: announcement\n\n",
			want: []string{`{"event":"update","payload":{"id":"1", "x": "\u00e9é"}}`, `{"event":"delete","payload":108}`, `{"event":"filters_changed","payload":null}`, `{"event":"announcement","payload":null}`}},
		{name: "a name with a quote", named: true, text: "event: a\"b\ndata: {}\n\n", drops: []string{"1"}},
	} {
		for _, n := range []int{1, 2, 3, 7, 1 << 20} {
			got, ids, drops := feedEvents(t, c.text, n, 100<<10, c.named)
			if !slices.Equal(got, c.want) || !slices.Equal(drops, c.drops) || c.ids != nil && !slices.Equal(ids, c.ids) {
				t.Errorf("%s, pieces of %d: got %.200q ids %q drops %q, want %.200q %q %q", c.name, n, got, ids, drops, c.want, c.ids, c.drops)
			}
		}
	}
}

// Recorded streams come out as a plain reading of the lines says.
func TestRecordedEvents(t *testing.T) {
	for _, name := range []string{"wikimedia.sse", "mastodon.sse"} {
		data := bytes.Join(realData(t, name), []byte("\n"))
		var want []string
		event := ""
		for line := range strings.Lines(string(data)) {
			line = strings.TrimRight(line, "\r\n")
			if rest, ok := strings.CutPrefix(line, "event: "); ok {
				event = rest
			}
			if rest, ok := strings.CutPrefix(line, "data: "); ok {
				if name == "mastodon.sse" {
					rest = `{"event":"` + event + `","payload":` + rest + `}`
				}
				want = append(want, rest)
			}
		}
		got, _, drops := feedEvents(t, string(data)+"\n\n", 100, 1<<20, name == "mastodon.sse")
		if !slices.Equal(got, want) || len(drops) > 0 {
			t.Errorf("%s: got %d messages, want %d, dropped %q", name, len(got), len(want), drops)
		}
	}
}

// Whatever comes, in whatever pieces: the same messages, each of them JSON on
// one line.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(":ok\n\nevent: message\nid: [1]\ndata: {\"a\":1}\n\n"), 3, false)
	f.Add([]byte(":)\nevent: update\rdata: {}\r\rdata: x"), 1, true)
	f.Fuzz(func(t *testing.T, data []byte, n int, named bool) {
		n = max(1, n&0xff)
		whole, wholeIDs, wholeDrops := feedEvents(t, string(data), 1<<20, 1<<10, named)
		pieces, ids, drops := feedEvents(t, string(data), n, 1<<10, named)
		if !slices.Equal(whole, pieces) || !slices.Equal(wholeIDs, ids) || !slices.Equal(wholeDrops, drops) {
			t.Fatalf("at once: %q %q %q\nin pieces of %d: %q %q %q", whole, wholeIDs, wholeDrops, n, pieces, ids, drops)
		}
		for _, m := range pieces {
			if !isJSON([]byte(m)) || bytes.ContainsAny([]byte(m), "\n") {
				t.Fatalf("not one line of JSON: %q", m)
			}
		}
	})
}

func BenchmarkEvents(b *testing.B) {
	event := []byte("event: message\nid: [{\"topic\":\"t\",\"partition\":0,\"timestamp\":1}]\ndata: {\"a\":\"" + strings.Repeat("some text of a page ", 50) + "\"}\n\n")
	block := bytes.Repeat(event, 64<<10/len(event))
	e := newEvents(1<<20, func(drop, []byte) {})
	e.reset(false)
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := block; len(rest) > 0; {
			n := copy(e.room(), rest)
			e.add(n)
			rest = rest[n:]
			for e.next() != nil {
			}
		}
	}
}
