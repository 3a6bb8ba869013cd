// Package resume remembers where a stream stands and which of its last
// messages are stored, so that a capture goes on after a broken connection or
// a kill without losing a message and without storing one twice.
//
// A reader asks Fresh of every message and Prepare before every connection;
// the store tells by Stored, Cut and Save what has become of them. Between the
// two stand the keys of the last messages, in the order in which they came.
//
// It guarantees that the position which Save hands out is never ahead of what
// is stored in finished files, that it comes with the keys of all that was
// stored since then, and that what a server sends again is dropped once for
// each stored copy (or always, where the network gives its messages names).
// Memory is bounded: 16 bytes a message of the overlap and of the files that
// are not finished, a million messages at most.
//
// It must not know connections, files, or how a network writes its messages:
// that is network's.
package resume

import (
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

const (
	// sampleEvery and sampleTime are how often a position is noted. What comes
	// after the last one is asked for again, and known by its key.
	sampleEvery = 64
	sampleTime  = 10 * time.Millisecond
	// patience is how long after a connection began messages may come again
	// that have no time of their own.
	patience = 10 * time.Minute
	// slack is how much more than the overlap is remembered: a server's order
	// is not quite that of the times in its messages.
	slack = time.Second
)

// mark is a position and how many messages had come by then.
type mark struct {
	position string
	ordinal  uint64
	at       int64 // the stream's time there, or that of arrival; Unix microseconds
}

// cut is the end of a file.
type cut struct {
	ordinal uint64 // so many messages are in files that end here or before
	mark    mark   // the last position by then
}

// Memory is what is known of one stream. Prepare and Fresh belong to the one
// goroutine that reads, the rest to the store's; they may run at once.
type Memory struct {
	kind network.Kind
	id   string // of the stream: positions of another are worth nothing
	now  func() time.Time
	// skipped is told when a server began later than it was asked to.
	skipped func(from, to time.Time)

	mu       sync.Mutex // guards what follows
	ring     ring
	newest   mark   // the last position noted
	onWay    []mark // those that are not stored yet
	stored   uint64 // messages
	behind   mark   // the last position that is stored
	cuts     []cut
	first    uint64 // number of cuts[0]
	saved    mark
	recalled uint64 // messages that dead processes left, the first ones
	noted    time.Time
	latest   int64     // time of a message
	again    seen      // what may come again on this connection
	until    time.Time // and until when, where messages have no time
	asked    mark      // where this connection was asked to begin
	judged   bool      // whether it did has been looked at
	scratch  []byte
}

// New returns the memory of a stream that nothing is known of yet. skipped may
// be nil.
func New(kind network.Kind, rawURL string, now func() time.Time, skipped func(from, to time.Time)) *Memory {
	if now == nil {
		now = time.Now
	}
	if skipped == nil {
		skipped = func(time.Time, time.Time) {}
	}
	return &Memory{kind: kind, id: identity(kind, rawURL), now: now, skipped: skipped, first: 1}
}

// identity tells streams apart. A Jetstream's cursor is a time, and so good at
// every instance.
func identity(kind network.Kind, rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return string(kind)
	}
	if kind == network.Jetstream {
		return string(kind) + " " + u.Path
	}
	return string(kind) + " " + u.Host + u.Path
}

// Prepare has a connection begin where the one before it ended, and expects
// what was stored since to come again.
func (m *Memory) Prepare(u *url.URL, h http.Header) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.kind.Ask(m.newest.position, time.UnixMicro(m.newest.at), now, u, h)
	m.again.clear()
	if m.newest.position == "" {
		return
	}
	m.ring.each(func(ordinal uint64, e entry) {
		if m.comesAfter(m.newest, ordinal, e) {
			m.again.add(e.key)
		}
	})
	m.asked, m.judged, m.until = m.newest, false, now.Add(patience)
	m.asked.at = max(m.asked.at, m.latest)
}

// comesAfter reports whether a message may come again on a connection that
// begins at a position.
func (m *Memory) comesAfter(position mark, ordinal uint64, e entry) bool {
	overlap := m.kind.Overlap()
	return ordinal >= position.ordinal || overlap > 0 && e.at >= position.at-(overlap+slack).Microseconds()
}

// Fresh reports whether a message is not stored yet, and then remembers it: it
// must be stored next. id is that of its server-sent event, or of one before
// it. always says that it is to be stored in any case.
func (m *Memory) Fresh(message, id []byte, always bool) bool {
	key, at := m.kind.Identify(message)
	now := m.now()
	timed := at != 0
	if !timed {
		at = now.UnixMicro()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.again.used() && !always && m.comesAgain(key, at, timed, now) {
		return false
	}
	m.latest = max(m.latest, at)
	m.note(message, id, at, now)
	if m.newest.position == "" { // this server cannot be asked
		m.ring.skip()
		return true
	}
	m.ring.push(entry{key, at})
	return true
}

// comesAgain looks whether a message of this connection is known already.
//
// Another instance of a server may have stamped the same messages with later
// times: they are looked for a while after the overlap is over.
func (m *Memory) comesAgain(key uint64, at int64, timed bool, now time.Time) bool {
	overlap := m.kind.Overlap().Microseconds()
	if !m.judged && timed && at > m.asked.at+overlap { // of what should come again, nothing came first
		m.judged = true
		m.skipped(time.UnixMicro(m.asked.at), time.UnixMicro(at))
	}
	switch {
	case timed && at > m.asked.at+3*overlap, !timed && now.After(m.until):
		m.again.clear()
		return false
	case !m.named():
		return m.again.take(key)
	case m.again.has(key):
		m.judged = true
		return true
	case !timed || at <= m.asked.at+overlap:
		m.again.add(key) // a server may repeat itself
	}
	return false
}

// named reports whether the network's messages have names: then the same name
// is the same message. Else two may be alike, and only as many are dropped as
// are stored.
func (m *Memory) named() bool {
	switch m.kind {
	case network.Jetstream, network.Mastodon, network.Wikimedia, network.X:
		return true
	}
	return false
}

// note takes down the position after a message, now and then.
func (m *Memory) note(message, id []byte, at int64, now time.Time) {
	ordinal := m.ring.next() + 1
	if ordinal-m.newest.ordinal < sampleEvery && now.Sub(m.noted) < sampleTime {
		return
	}
	m.scratch = m.kind.Position(m.scratch[:0], message, id)
	if len(m.scratch) == 0 {
		return
	}
	m.newest = mark{string(m.scratch), ordinal, at}
	m.noted = now
	m.onWay = append(m.onWay, m.newest)
}
