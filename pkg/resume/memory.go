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
// Memory is bounded: eight bytes a message of the overlap and of the files that
// are not finished, 900,000 messages at most; as much again for what is saved,
// and while a connection brings the overlap again.
//
// It must not know connections, files, or how a network writes its messages:
// that is network's.
package resume

import (
	"bytes"
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
	// that have a name but no time of their own: as long as all pages of missed
	// statuses may take, which the stream brings behind them.
	patience = 3 * time.Hour
	// slack is how much more than the overlap is remembered: a server's order
	// is not quite that of the times in its messages.
	slack = time.Second
	// least is how many messages are remembered in any case, for a server whose
	// clock was set back, or that is slow to tell of some.
	least = 16 << 10
	// future is how far a message's time may be ahead of both the clock and the
	// messages before it.
	future = time.Hour
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
	kind  network.Kind
	id    string // of the stream: positions of another are worth nothing
	now   func() time.Time
	began time.Time
	// skipped is told when a server began later than where the stream stood. from
	// is zero where it could only be asked for what came since to.
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
	noted    int64  // when newest was, by the clock
	latest   int64  // time of a message
	awaited  awaited
	asked    bool   // this connection was asked to begin at a position
	last     place  // where positions are exact
	scratch  []byte // a position
	text     []byte // what Save returned last
}

// place is the position of the last message that had an id of its own. It is
// too often another one to be a mark.
type place struct {
	id, position []byte
	ordinal      uint64
	at           int64
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
	return &Memory{kind: kind, id: identity(kind, rawURL), now: now, began: now(), skipped: skipped, first: 1}
}

// identity tells streams apart. A Jetstream's cursor is a time, and so good at
// every instance; Mastodon's streams differ by their parameters.
func identity(kind network.Kind, rawURL string) string {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return string(kind)
	case kind == network.Jetstream:
		return string(kind) + " " + u.Path
	case kind == network.Mastodon:
		return string(kind) + " " + u.Host + u.Path + " " + u.Query().Get("tag") + u.Query().Get("list")
	}
	return string(kind) + " " + u.Host + u.Path
}

// clock returns the time in Unix microseconds; a clock that is set moves it in
// the next process only.
func (m *Memory) clock() int64 { return m.began.UnixMicro() + m.now().Sub(m.began).Microseconds() }

// exact reports whether a position is that of one message, so that nothing
// before it is sent again.
func (m *Memory) exact() bool { return m.kind.Overlap() == 0 }

// Prepare has a connection begin where the one before it ended, and expects
// what was stored since to come again.
func (m *Memory) Prepare(u *url.URL, h http.Header) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.last.position) > 0 {
		m.newest = mark{string(m.last.position), m.last.ordinal, m.last.at}
	}
	m.kind.Ask(m.newest.position, time.UnixMicro(m.newest.at), time.UnixMicro(m.clock()), u, h)
	m.await()
	if reach := m.kind.Reach(u); m.awaited.on && reach > 0 {
		m.awaited.begins = m.clock() - reach.Microseconds()
	}
}

// Missed returns the URL by which a Mastodon is asked for what came since the
// connection before the one to u ended, nil where it cannot be.
func (m *Memory) Missed(u *url.URL) *url.URL {
	if m.kind != network.Mastodon {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return network.Timeline(u, m.newest.position)
}

// Unfilled is told that what came after a status, of those that were missed,
// cannot be had.
func (m *Memory) Unfilled(after string) {
	m.mu.Lock()
	m.asked = false
	from, to := network.StatusTime(after), m.clock()
	m.mu.Unlock()
	if from > 0 && from < to {
		m.skipped(time.UnixMicro(from), time.UnixMicro(to))
	}
}

// Fresh reports whether a message is not stored yet, and then remembers it: it
// must be stored next. id is that of its server-sent event, or of one before
// it, or where in a file it ends. always says that it is to be stored in any
// case.
func (m *Memory) Fresh(message, id []byte, always bool) bool {
	m.mu.Lock()
	if m.newest.position == "" && m.exact() && len(id) == 0 { // this server cannot be asked
		m.ring.skip()
		m.mu.Unlock()
		return true
	}
	now := m.clock()
	what := m.identify(message, now)
	var gap gap
	fresh := always || !m.comesAgain(what, now, &gap)
	switch {
	case fresh:
		m.remember(message, id, what, now)
	case m.exact(): // what comes next under this id is not the first
		m.last.id = append(m.last.id[:0], id...)
	}
	m.mu.Unlock()
	if gap.to != 0 {
		m.tell(gap)
	}
	return fresh
}

func (m *Memory) tell(g gap) {
	from := time.Time{}
	if g.from != 0 {
		from = time.UnixMicro(g.from)
	}
	m.skipped(from, time.UnixMicro(g.to))
}

// identify tells a message apart. A time that is far ahead of the clock and of
// what came before is none.
func (m *Memory) identify(message []byte, now int64) network.Identity {
	what := m.kind.Identify(message)
	if m.latest != 0 && what.At > max(now, m.latest)+future.Microseconds() {
		what.At = 0
	}
	return what
}

// remember takes in a message that is going to be stored.
func (m *Memory) remember(message, id []byte, what network.Identity, now int64) {
	at := what.At
	if at == 0 {
		at = now
	}
	m.latest = max(m.latest, at)
	m.note(message, id, what, at, now)
	if m.newest.position == "" {
		m.ring.skip()
		return
	}
	m.ring.push(what.Key, at)
	m.awaited.add(&m.ring, what)
}

// note takes down the position after a message, now and then.
func (m *Memory) note(message, id []byte, what network.Identity, at, now int64) {
	ordinal := m.ring.next + 1
	due := ordinal-m.newest.ordinal >= sampleEvery || now-m.noted >= sampleTime.Microseconds()
	if !due && !m.exact() || what.At == 0 && m.kind == network.Jetstream {
		return
	}
	m.scratch = m.kind.Position(m.scratch[:0], message, id, what.Key)
	if len(m.scratch) == 0 || m.exact() && !m.moved(id, ordinal, at) || !due {
		return
	}
	if m.kind == network.Mastodon && !m.forward(string(m.scratch), now) {
		return
	}
	m.newest = mark{string(m.scratch), ordinal, at}
	m.noted = now
	m.onWay = append(m.onWay, m.newest)
}

// forward reports whether a status is later than that of the position. Its id is
// made of the time at which it was written, and it may come hours after that:
// to go back there would bring more again than is remembered. A time that is far
// ahead of the clock and of what came before is not believed.
func (m *Memory) forward(id string, now int64) bool {
	newest := network.StatusTime(m.newest.position)
	return network.LaterID(id, m.newest.position) &&
		(newest == 0 || network.StatusTime(id) <= max(now, newest)+future.Microseconds())
}

// moved takes down where positions are exact, and reports whether this one is
// another than the last: a server goes on behind the first message of an id.
func (m *Memory) moved(id []byte, ordinal uint64, at int64) bool {
	if bytes.Equal(id, m.last.id) {
		return false
	}
	m.last.id = append(m.last.id[:0], id...)
	m.last.position = append(m.last.position[:0], m.scratch...)
	m.last.ordinal, m.last.at = ordinal, at
	return true
}
