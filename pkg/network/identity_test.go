package network

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded returns the messages of a file of recorded ones, Mastodon's as they
// are stored; none where there is no such file.
func recorded(tb testing.TB, name string) (messages [][]byte) {
	tb.Helper()
	dir := os.Getenv("TWITTER_STREAM_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		tb.Logf("no recorded messages here: %v", err)
		return nil
	}
	event := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if text, ok := strings.CutPrefix(line, "event: "); ok {
			event = text
		}
		text, isData := strings.CutPrefix(line, "data: ")
		switch {
		case name == "mastodon.sse" && isData:
			messages = append(messages, []byte(`{"event":"`+event+`","payload":`+text+`}`))
		case isData || strings.HasPrefix(line, "{"):
			messages = append(messages, []byte(text))
		}
	}
	return messages
}

var files = map[string]Kind{
	"jetstream.jsonl": Jetstream, "mastodon.sse": Mastodon, "wikimedia.sse": Wikimedia,
	"tweets-v2.jsonl": X, "tweets-v2-derived.jsonl": X, "tweets-v2-control.jsonl": X,
}

// Each recorded message has a key of its own, which it keeps when it is written
// with other white space and another order of members.
func TestRecordedMessagesAreToldApart(t *testing.T) {
	for name, kind := range files {
		seen, named := map[uint64]string{}, 0
		for _, message := range recorded(t, name) {
			id := kind.Identify(message)
			if id.Key == 0 {
				continue
			}
			if other, twice := seen[id.Key]; twice && idOf(t, other) != idOf(t, string(message)) {
				t.Errorf("%s: one key for\n%.300s\n%.300s", name, other, message)
			}
			seen[id.Key] = string(message)
			if !id.Named {
				continue
			}
			named++
			if again := kind.Identify(shuffled(t, message)); again.Key != id.Key {
				t.Errorf("%s: other white space makes another message of\n%.300s", name, message)
			}
		}
		t.Logf("%s: %d keys, %d messages with names", name, len(seen), named)
	}
}

// idOf returns data.id of a post, which the recorded files hold more than once.
func idOf(t *testing.T, message string) string {
	t.Helper()
	var m struct{ Data struct{ ID string } }
	if err := json.Unmarshal([]byte(message), &m); err != nil || m.Data.ID == "" {
		return message
	}
	return m.Data.ID
}

// shuffled writes an object with its members sorted and on lines of their own.
func shuffled(t *testing.T, message []byte) []byte {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(message))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("  ", "\t")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestIdentify(t *testing.T) {
	const commit = `{"did":"d","time_us":%,"kind":"commit","commit":{"rev":"r","operation":"create","collection":"c","rkey":"k"}}`
	for _, c := range []struct {
		name string
		kind Kind
		a, b string
		same bool
	}{
		{"the time is no part of a name", Jetstream, strings.Replace(commit, "%", "1", 1), strings.Replace(commit, "%", "2", 1), true},
		{"another revision", Jetstream, commit, strings.Replace(commit, `"r"`, `"s"`, 1), false},
		{"another operation", Jetstream, commit, strings.Replace(commit, "create", "delete", 1), false},
		{"the record is no part of a name", Jetstream, commit, strings.Replace(commit, `"k"`, `"k","record":{"rev":"x"}`, 1), true},
		{"the sequence", Jetstream, `{"did":"d","kind":"account","account":{"seq":1}}`, `{"did":"d","kind":"account","account":{"seq":2}}`, false},
		{"no sequence", Jetstream, `{"did":"d","kind":"identity","identity":{"handle":"a"}}`, `{"did":"d","kind":"identity","identity":{"handle":"b"}}`, false},
		{"parts that run into each other", Jetstream, `{"did":"da","kind":"b","account":{"seq":1}}`, `{"did":"d","kind":"ab","account":{"seq":1}}`, false},
		{"a post and its edit", X, `{"data":{"id":"1"}}`, `{"data":{"id":"2","edit_history_tweet_ids":["1","2"]}}`, false},
		{"metrics", X, `{"data":{"id":"1","n":1}}`, `{"includes":{"id":"3"},"data":{"n":2,"id":"1"}}`, true},
		{"no id", X, `{"data":{"n":1}}`, `{"data":{"n":2}}`, false},
		{"meta.id", Wikimedia, `{"id":7,"meta":{"dt":"2024-01-01T00:00:00Z","id":"a"}}`, `{"meta":{"id":"a"},"id":8}`, true},
		{"an id elsewhere", Wikimedia, `{"id":7,"meta":{}}`, `{"id":7,"meta":{"x":1}}`, false},
		{"a status that was boosted since", Mastodon, `{"event":"update","payload":{"id":"1","n":1}}`, `{"event":"update","payload":{"id":"1","n":2}}`, true},
		{"bytes", SSE, `{"a":1}`, `{"a":1 }`, false},
	} {
		a, b := c.kind.Identify([]byte(c.a)), c.kind.Identify([]byte(c.b))
		if (a.Key == b.Key) != c.same {
			t.Errorf("%s: the same key %v, want %v", c.name, a.Key == b.Key, c.same)
		}
	}
	for _, text := range []string{
		`{"event":"delete","payload":1}`, `{"event":"status.update","payload":{"id":"1"}}`, `{"event":"update","payload":{}}`,
		`{"event":"notification","payload":{"id":"1"}}`, `[]`,
	} {
		if id := Mastodon.Identify([]byte(text)); id.Key != 0 {
			t.Errorf("%s has a key, but comes once only", text)
		}
	}
	if id := Wikimedia.Identify([]byte(`{"meta":{"id":"a","dt":"2024-01-01T00:00:00.5Z"}}`)); id.At != 1704067200_500000 {
		t.Errorf("meta.dt is %d", id.At)
	}
}

func TestCanary(t *testing.T) {
	for text, want := range map[string]bool{
		`{"meta":{"domain":"canary","id":"1"}}`:  true,
		`{"meta":{"domain":"en.wikipedia.org"}}`: false, `{"domain":"canary"}`: false, `7`: false,
	} {
		if got := Wikimedia.Canary([]byte(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if Jetstream.Canary([]byte(`{"meta":{"domain":"canary"}}`)) {
		t.Error("a canary of Jetstream")
	}
}

// Whatever comes, nothing panics, and a key is the same each time.
func FuzzIdentify(f *testing.F) {
	for name := range files {
		for i, message := range recorded(f, name) {
			if i < 20 {
				f.Add(message)
			}
		}
	}
	f.Add([]byte(`{"meta":{"id":`))
	f.Add([]byte("{\"a\\"))
	kinds := []Kind{Twitter, X, Jetstream, Mastodon, Wikimedia, JSON, File}
	f.Fuzz(func(t *testing.T, message []byte) {
		message = bytes.TrimSpace(message)
		for _, kind := range kinds {
			id := kind.Identify(message)
			if id != kind.Identify(bytes.Clone(message)) {
				t.Fatal("two names for one message")
			}
			kind.Canary(message)
			position := kind.Position(nil, message, []byte("7"), id.Key)
			if len(position) > maxPosition {
				t.Fatalf("a position of %d bytes", len(position))
			}
			if p, ok := ParsePlace(string(position)); ok && kind == File && int64(len(message)) <= p.End && !p.Behind(append(message, '\n')) {
				t.Fatal("a message is not found again")
			}
		}
	})
}
