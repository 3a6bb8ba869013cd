package stream

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/storj/twitter-stream/pkg/network"
)

// at has a file begun at a position, and notes those that are reached.
func at(position string, reached *[]string) func(*Config) {
	return func(c *Config) {
		c.Kind = network.File
		c.Prepare = func(_ *url.URL, h http.Header) { h.Set("Last-Event-ID", position) }
		c.Fresh = func(message, id []byte, _ bool) bool {
			key := network.File.Identify(message).Key
			*reached = append(*reached, string(network.File.Position(nil, message, id, key)))
			return true
		}
	}
}

// A file goes on behind any of its messages, packed or not, whatever line ends
// it has; one that was replaced is read from its beginning.
func TestFileGoesOn(t *testing.T) {
	plain := "{\"a\":1}\n\n{\"a\":2}  \n[3,\"ü\"]\n" + `{"long":"` + string(bytes.Repeat([]byte("x"), 100<<10)) + "\"}\n7\n{\"last\":1}"
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(plain))
	_ = z.Close()
	for name, data := range map[string][]byte{"plain": []byte(plain), "gzip": packed.Bytes()} {
		path := filepath.Join(t.TempDir(), "messages")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var places, ignored []string
		all, _ := read(newSource(t, "file://"+path, at("", &places)))
		if len(all) != 6 || len(places) != 6 {
			t.Fatalf("%s: %d messages, %d places", name, len(all), len(places))
		}
		for i, place := range places {
			got, err := read(newSource(t, "file://"+path, at(place, &ignored)))
			if !slices.Equal(got, all[i+1:]) || err == nil {
				t.Errorf("%s: behind message %d (%s) come %.200q", name, i, place, got)
			}
		}
		if err := os.WriteFile(path, bytes.Replace(data, []byte("a"), []byte("b"), 1), 0o600); err != nil || name != "plain" {
			continue
		}
		if got, _ := read(newSource(t, "file://"+path, at(places[0], &ignored))); len(got) != 6 {
			t.Errorf("of a file that was replaced come %d messages, want all", len(got))
		}
		for _, nonsense := range []string{"x", "999999 3 1", "-5 3 1", "5 9 1", "10 3", places[5] + "0"} {
			if got, _ := read(newSource(t, "file://"+path, at(nonsense, &ignored))); len(got) != 6 {
				t.Errorf("behind %q come %d messages, want all", nonsense, len(got))
			}
		}
	}
}

// Of a line that holds several messages none but the last is a place to go on.
func TestFileOfGluedMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(path, []byte("{\"a\":1}\n{\"a\":2}{\"a\":3}{\"a\":4}\n{\"a\":5}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var ids []string
	got, _ := read(newSource(t, "file://"+path, func(c *Config) {
		c.Kind = network.File
		c.Fresh = func(_, id []byte, _ bool) bool { ids = append(ids, string(id)); return true }
	}))
	if len(got) != 5 || ids[0] != "8" || ids[1] != "8" || ids[2] != "8" || ids[4] != "38" {
		t.Errorf("%q at %q", got, ids)
	}
}

func TestCanaries(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i, domain := range []string{"en.wikipedia.org", "canary", "canary"} {
			send(w, fmt.Sprintf("id: [%d]\ndata: {\"meta\":{\"domain\":\"%s\",\"id\":\"%d\"}}\n\n", i, domain, i))
		}
	})
	for drop, want := range map[bool]int{false: 3, true: 1} {
		s := newSource(t, address, kind(network.Wikimedia), func(c *Config) { c.DropCanaries = drop })
		got, err := read(s)
		var end *Error
		if len(got) != want || s.Counts().Control["canary"] != 2 {
			t.Errorf("dropped %v: %d messages, %v", drop, len(got), s.Counts().Control)
		}
		if !errors.As(err, &end) || !end.Usual || end.Messages != 3 { // it is cut so after 15 minutes
			t.Errorf("the end is %+v", end)
		}
	}
}
