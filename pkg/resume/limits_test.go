package resume

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

const start = int64(1_700_000_000_000_000)

func skeet(n int, at int64) []byte {
	return fmt.Appendf(nil, `{"did":"d","time_us":%d,"kind":"commit","commit":{"rev":"%d","operation":"create","collection":"c","rkey":"k"}}`, at, n)
}

// fixed is a clock that stands still.
func fixed() time.Time { return time.UnixMicro(start) }

// store has m believe that what Fresh let through is in a finished file.
func store(m *Memory, messages int) []byte {
	lines := make([]byte, messages)
	for i := range lines {
		lines[i] = '\n'
	}
	m.Stored(lines)
	return m.Save(m.Cut())
}

// A server that ignores Last-Event-ID sends what is new: it may look like what
// is stored, and none of it may be dropped for long.
func TestServerThatGoesOnElsewhere(t *testing.T) {
	m := New(network.SSE, "https://example.org/x", fixed, nil)
	for i := range 50 {
		m.Fresh([]byte(`{"tick":1}`), fmt.Append(nil, i), false)
	}
	m.Prepare(&url.URL{}, http.Header{})
	for i := range 50 {
		if !m.Fresh([]byte(`{"tick":1}`), fmt.Append(nil, 1000+i), false) {
			t.Fatalf("message %d after the connection was dropped, though the server has its id", i)
		}
	}
	saved := store(m, 64) // the first position is behind
	m = New(network.SSE, "https://example.org/x", fixed, nil)
	if err := m.Load(saved); err != nil {
		t.Fatal(err)
	}
	m.Prepare(&url.URL{}, http.Header{})
	dropped := 0
	for i := range 1000 {
		if !m.Fresh(fmt.Appendf(nil, `{"tick":%d}`, i%300), fmt.Append(nil, 5000+i), false) {
			dropped++
		}
	}
	if dropped > 1 {
		t.Errorf("%d new messages were dropped", dropped)
	}
}

// Messages without an id after the last that had one come again, and once.
func TestMessagesWithoutIDs(t *testing.T) {
	m := New(network.SSE, "https://example.org/x", fixed, nil)
	for i := range 200 {
		m.Fresh(fmt.Appendf(nil, `{"n":%d}`, i), []byte("only"), false)
	}
	m.Prepare(&url.URL{}, http.Header{})
	for i := 1; i < 210; i++ {
		if fresh := m.Fresh(fmt.Appendf(nil, `{"n":%d}`, i), []byte("only"), false); fresh != (i >= 200) {
			t.Fatalf("message %d: fresh %v", i, fresh)
		}
	}
}

// What Mastodon's stream brings comes once: two deletions of one id are two.
func TestOnlyStatusesComeAgain(t *testing.T) {
	m := New(network.Mastodon, "https://example.org/api/v1/streaming/public", fixed, nil)
	events := []string{
		`{"event":"update","payload":{"id":"110000000000000001"}}`,
		`{"event":"status.update","payload":{"id":"110000000000000001","edited_at":"2024"}}`,
		`{"event":"delete","payload":110000000000000001}`,
		`{"event":"filters_changed","payload":null}`,
	}
	for round := range 2 {
		u := &url.URL{}
		m.Prepare(u, http.Header{})
		for i, e := range events {
			if fresh, want := m.Fresh([]byte(e), nil, false), i > 0 || round == 0; fresh != want {
				t.Errorf("%s: fresh %v, want %v", e, fresh, want)
			}
		}
	}
	stream, err := url.Parse("https://example.org/api/v1/streaming/public")
	if err != nil {
		t.Fatal(err)
	}
	var gap time.Duration
	m.skipped = func(from, to time.Time) { gap = to.Sub(from) }
	m.Prepare(&url.URL{}, http.Header{})
	if m.Unfilled("110000000000000001"); gap != time.UnixMicro(start).Sub(time.UnixMilli(110000000000000001>>16)) || m.Asked() {
		t.Errorf("told of a gap of %v, asked %v", gap, m.Asked())
	}
	if missed := m.Missed(stream); missed == nil || missed.Query().Get("min_id") != fmt.Sprint(int64(110000000000000001-10_000<<16)) {
		t.Errorf("missed %v", missed)
	}
}

// One message from the year 3000 moves no position and drops no key.
func TestMessageFromTheFuture(t *testing.T) {
	m := New(network.Jetstream, "wss://example.org/subscribe", fixed, func(from, to time.Time) { t.Errorf("told of a gap from %v to %v", from, to) })
	for i := range 200 {
		at := start + int64(i)*1000
		if i%10 == 5 {
			at = 32_503_680_000_000_000
		}
		m.Fresh(skeet(i, at), nil, false)
	}
	saved := store(m, 200)
	m = New(network.Jetstream, "wss://example.org/subscribe", fixed, nil)
	if err := m.Load(saved); err != nil {
		t.Fatal(err)
	}
	u := &url.URL{}
	m.Prepare(u, http.Header{})
	var cursor int64
	if _, err := fmt.Sscan(u.Query().Get("cursor"), &cursor); err != nil || cursor > start || cursor < start-6_000_000 {
		t.Errorf("asked for %s, want five seconds before %d", u.RawQuery, start)
	}
	for i := range 200 {
		if m.Fresh(skeet(i, start+int64(i)*1000), nil, false) {
			t.Fatalf("message %d was stored already", i)
		}
	}
}

// A server whose clock is set back sends old times for new messages: none is
// lost, and what comes again is known.
func TestTimeThatStepsBack(t *testing.T) {
	m := New(network.Jetstream, "wss://example.org/subscribe", fixed, nil)
	var messages [][]byte
	for i := range 2000 {
		at := start + int64(i)*10_000
		if i >= 1000 {
			at -= 30_000_000
		}
		messages = append(messages, skeet(i, at))
		m.Fresh(messages[i], nil, false)
		if i%100 == 99 {
			store(m, 100)
		}
	}
	u := &url.URL{}
	m.Prepare(u, http.Header{})
	if u.Query().Get("cursor") > fmt.Sprint(start+1999*10_000-34_000_000) {
		t.Errorf("asked for %s: what has an older time would be lost", u.RawQuery)
	}
	for i, message := range messages {
		if m.Fresh(message, nil, false) {
			t.Fatalf("message %d was stored already", i)
		}
	}
}

// However many messages come, whatever their times, memory is bounded.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("millions of messages")
	}
	m := New(network.Jetstream, "wss://example.org/subscribe", fixed, nil)
	const all = maxKeys + maxKeys/8
	for i := range all { // all of one time
		if i == maxKeys {
			m.Prepare(&url.URL{}, http.Header{})
		}
		if !m.Fresh(skeet(i, start), nil, false) {
			t.Fatalf("message %d was dropped", i)
		}
	}
	saved := store(m, all)
	if n := len(m.ring.keys); n != maxRing {
		t.Errorf("room for %d keys, want %d", n, maxRing)
	}
	if n := len(m.awaited.index.slots); n != maxRing {
		t.Errorf("an index of %d slots, want %d", n, maxRing)
	}
	if n := len(saved); n > 9*maxKeys {
		t.Errorf("%d bytes are saved", n)
	}
	m.Prepare(&url.URL{}, http.Header{})
	if m.Fresh(skeet(all-1, start), nil, false) || m.Fresh(skeet(all-maxKeys+1, start), nil, false) {
		t.Error("a message of the last million was stored twice")
	}
	if err := New(network.Jetstream, "wss://example.org/subscribe", fixed, nil).Load(saved); err != nil {
		t.Error(err)
	}
}

// An id that no header can carry is no position: no request could be made.
func TestUnfitIDs(t *testing.T) {
	for _, id := range []string{"a\x01", "a\x7f", "\xff", string(make([]byte, 5000))} {
		m := New(network.SSE, "https://example.org/x", fixed, nil)
		m.Fresh([]byte(`{}`), []byte("1"), false)
		m.Fresh([]byte(`{"a":1}`), []byte(id), false)
		h := http.Header{}
		m.Prepare(&url.URL{}, h)
		if got := h.Get("Last-Event-ID"); got != "1" {
			t.Errorf("after the id %.20q Last-Event-ID is %.20q, want that before", id, got)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	m := New(network.Jetstream, "wss://example.org/subscribe", nil, nil)
	message := skeet(1, start)
	m.Fresh(message, nil, false)
	if n := testing.AllocsPerRun(1000, func() { m.kind.Identify(message) }); n != 0 {
		t.Errorf("%v allocations to tell a message apart", n)
	}
	m.Prepare(&url.URL{}, http.Header{})
	if n := testing.AllocsPerRun(1000, func() { m.Fresh(message, nil, false) }); n != 0 {
		t.Errorf("%v allocations a message that is stored already", n)
	}
}
