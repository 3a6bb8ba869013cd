package stream

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Counts is what came, by what it was.
type Counts struct {
	Messages, KeepAlives, Garbage, Oversize, Torn uint64
	Duplicates                                    uint64            // dropped: stored already
	Undelivered                                   uint64            // from limit notices, over all connections
	Control                                       map[string]uint64 // by kind; they are Messages too
	Connects                                      uint64
	Connected                                     time.Time // since when; zero while not
	Held                                          int       // bytes of messages that may wait in the source on this connection
	Dismissed                                     bool      // this connection has brought a disconnect message
	LastByte, LastMessage                         time.Time // wall clock
	Warning                                       string    // last warning or disconnect message of the server, escaped
}

// tally keeps the counts. What moves with every message or read is atomic,
// all else is rare enough for a lock.
type tally struct {
	messages, keepAlives  atomic.Uint64
	lastByte, lastMessage atomic.Int64 // Unix nanoseconds, 0 for never

	mu   sync.Mutex
	rare Counts
}

// Counts returns what has come since New.
func (s *Source) Counts() Counts {
	t := &s.tally
	t.mu.Lock()
	counts := t.rare
	counts.Control = maps.Clone(t.rare.Control)
	t.mu.Unlock()
	counts.Messages = t.messages.Load()
	counts.KeepAlives = t.keepAlives.Load()
	counts.LastByte = wallClock(t.lastByte.Load())
	counts.LastMessage = wallClock(t.lastMessage.Load())
	return counts
}

func wallClock(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// message counts one. Its time is that of the read which brought it: asking
// the clock for each message would cost more than finding its end. It comes
// first, so that nobody sees a message counted and no time of one.
func (t *tally) message() {
	if at := t.lastByte.Load(); at != t.lastMessage.Load() {
		t.lastMessage.Store(at)
	}
	t.messages.Add(1)
}

func (t *tally) control(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rare.Control == nil {
		t.rare.Control = map[string]uint64{}
	}
	t.rare.Control[kind]++
}

func (t *tally) connected(at time.Time, held int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rare.Connects++
	t.rare.Connected, t.rare.Held = at, held
}

func (t *tally) disconnected() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rare.Connected, t.rare.Dismissed = time.Time{}, false
}

func (t *tally) duplicate() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rare.Duplicates++
}

func (t *tally) undelivered(n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rare.Undelivered += n
}

func (t *tally) warning(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rare.Warning = text
}

func (t *tally) dismissed(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rare.Warning, t.rare.Dismissed = text, true
}

func (t *tally) drop(kind drop) {
	if kind == keepAlive {
		t.keepAlives.Add(1)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch kind {
	case garbage:
		t.rare.Garbage++
	case oversize:
		t.rare.Oversize++
	case torn:
		t.rare.Torn++
	}
}
