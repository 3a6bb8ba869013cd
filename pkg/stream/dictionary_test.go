package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/network"
)

func skeets() (all [][]byte) {
	for i := range 200 {
		all = append(all, fmt.Appendf(nil, `{"did":"did:plc:%d","kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.post","rkey":"%d"}}`, i*7919, i*104729))
	}
	return all
}

func buildDictionary(tb testing.TB, id uint32) []byte {
	tb.Helper()
	samples := skeets()
	d, err := zstd.BuildDict(zstd.BuildDictOptions{ID: id, Contents: samples, History: bytes.Join(samples[:50], nil), Offsets: [3]int{1, 4, 8}})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// jetstream packs by packer where it is asked to, and hands out what offer says.
func jetstream(t *testing.T, packer []byte, offer http.HandlerFunc, refuses bool) (address string, asked *[]string) {
	asked = &[]string{}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderDict(packer))
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.String())
		packed := r.URL.Query().Get("compress") == "true"
		switch {
		case r.URL.Path == dictionaryPath:
			offer(w, r)
			return
		case packed && refuses:
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		for _, message := range skeets()[:3] {
			if packed {
				_ = c.Write(context.Background(), websocket.MessageBinary, encoder.EncodeAll(message, nil))
			} else {
				_ = c.Write(context.Background(), websocket.MessageText, message)
			}
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
	})
	return "ws" + strings.TrimPrefix(url, "http") + "/subscribe", asked
}

// A dictionary that the server offers is used; whatever else it says leads to
// plain messages, and to no refusal.
func TestDictionaryOfTheServer(t *testing.T) {
	right, other := buildDictionary(t, 1612007021), buildDictionary(t, 99)
	hands := func(d []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(d) }
	}
	for name, c := range map[string]struct {
		offer   http.HandlerFunc
		refuses bool
		tries   int // connections until messages come
		packed  bool
	}{
		"offered": {offer: hands(right), tries: 1, packed: true},
		"only by id": {offer: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("id") != "1612007021" {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write(right)
		}, tries: 1, packed: true},
		"only as the current one": {offer: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("id") {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write(right)
		}, tries: 1, packed: true},
		"none":   {offer: http.NotFound, tries: 1},
		"a page": {offer: hands([]byte("<html>hello")), tries: 1},
		"torn":   {offer: hands(right[:40]), tries: 1},
		"endless": {offer: func(w http.ResponseWriter, _ *http.Request) {
			for range 6 << 10 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, tries: 1},
		"another one": {offer: hands(other), tries: 2},
		"refused":     {offer: hands(right), refuses: true, tries: 2},
	} {
		address, asked := jetstream(t, right, c.offer, c.refuses)
		s := newSource(t, address, kind(network.Jetstream))
		var got []string
		for try := 1; try <= c.tries; try++ {
			messages, err := read(s)
			got = append(got, messages...)
			var end *Error
			if !errors.As(err, &end) || end.Kind != Network {
				t.Errorf("%s, try %d: ended with %v", name, try, err)
			}
		}
		var want []string
		for _, m := range skeets()[:3] {
			want = append(want, string(m))
		}
		last := (*asked)[len(*asked)-1]
		if !slices.Equal(got, want) || strings.Contains(last, "compress=true") != c.packed {
			t.Errorf("%s: %d messages, asked for %q", name, len(got), *asked)
		}
		before := len(*asked)
		_, _ = read(s)
		if len(*asked) != before+1 {
			t.Errorf("%s: asked again for the dictionary: %q", name, (*asked)[before:])
		}
	}
}

// compress in the URL is the user's own.
func TestDictionaryIsNotForced(t *testing.T) {
	address, asked := jetstream(t, buildDictionary(t, 7), http.NotFound, false)
	got, _ := read(newSource(t, address+"?compress=false", kind(network.Jetstream)))
	if len(got) != 3 || len(*asked) != 1 {
		t.Errorf("%d messages, asked for %q", len(got), *asked)
	}
}
