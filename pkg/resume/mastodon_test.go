package resume

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// The id of a status is made of the time at which it was written. One that comes
// an hour late must not take the position back by an hour: more would come again
// than is remembered.
func TestLateStatusMovesNoPosition(t *testing.T) {
	m := New(network.Mastodon, "https://example.org/api/v1/streaming/public", fixed, nil)
	stream, err := url.Parse("https://example.org/api/v1/streaming/public")
	if err != nil {
		t.Fatal(err)
	}
	const base = int64(110_000_000_000_000_000)
	update := func(id int64) []byte { return fmt.Appendf(nil, `{"event":"update","payload":{"id":"%d"}}`, id) }
	for i := range int64(sampleEvery) {
		m.Fresh(update(base+i<<16), nil, false)
	}
	m.Fresh(update(base-3_600_000<<16), nil, false) // the next position is due with it
	m.Prepare(&url.URL{}, http.Header{})
	var from int64
	if _, err := fmt.Sscan(m.Missed(stream).Query().Get("min_id"), &from); err != nil || from < base-10_000<<16 {
		t.Errorf("asks for what came after %d, want at most ten seconds before %d", from, base)
	}
	saved := bytes.Clone(store(m, sampleEvery+1))
	m.Fresh(update(base+365*24*3_600_000<<16), nil, false)
	if store(m, 1); m.Position() != fmt.Sprint(base) {
		t.Errorf("a status of next year takes the position to %s", m.Position())
	}
	m = New(network.Mastodon, "https://example.org/api/v1/streaming/public", fixed, nil)
	if err := m.Load(saved); err != nil {
		t.Fatal(err)
	}
	if m.Fresh(update(base-7_200_000<<16), nil, false); m.Position() != fmt.Sprint(base) {
		t.Errorf("stands at %s, want %d", m.Position(), base)
	}
}

// A deletion never comes again: none is taken for one, though what was awaited
// is forgotten and its place in the ring belongs to another deletion.
func TestNoDeletionIsTakenForAnother(t *testing.T) {
	now := time.UnixMicro(start)
	m := New(network.Mastodon, "https://example.org/api/v1/streaming/public", func() time.Time { return now }, nil)
	for i := range int64(2 * least) { // many enough to have some in each part of the index
		m.Fresh(fmt.Appendf(nil, `{"event":"update","payload":{"id":"%d"}}`, 110_000_000_000_000_000+i), nil, false)
	}
	m.Prepare(&url.URL{}, http.Header{})
	for i := range 8 * least {
		now = now.Add(time.Millisecond)
		if !m.Fresh(fmt.Appendf(nil, `{"event":"delete","payload":%d}`, i), nil, false) {
			t.Fatalf("deletion %d was dropped", i)
		}
		if i%1000 == 999 {
			m.Fresh(fmt.Appendf(nil, `{"event":"update","payload":{"id":"%d"}}`, int64(110_000_000_001_000_000)+int64(i)), nil, false)
			store(m, 1001)
		}
	}
}

// What pages bring waits in the stream, too, however long the pages take.
func TestFillingMayTakeLong(t *testing.T) {
	now := time.UnixMicro(start)
	m := New(network.Mastodon, "https://example.org/api/v1/streaming/public", func() time.Time { return now }, nil)
	update := func(n int64) []byte {
		return fmt.Appendf(nil, `{"event":"update","payload":{"id":"%d"}}`, 110_000_000_000_000_000+n)
	}
	m.Fresh(update(0), nil, false)
	m.Prepare(&url.URL{}, http.Header{})
	for i := range int64(10_000) { // 250 pages
		now = now.Add(150 * time.Millisecond)
		m.Fresh(update(1+i), nil, false)
	}
	for i := range int64(1000) {
		if m.Fresh(update(9001+i), nil, false) {
			t.Fatalf("status %d is stored twice", 9001+i)
		}
	}
}
