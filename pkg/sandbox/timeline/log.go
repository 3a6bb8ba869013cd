package timeline

import (
	"slices"
	"sync"
	"time"
)

// Range is an unbroken run of numbers, both ends included.
type Range struct{ First, Last uint64 }

// Connection is one stream that was opened.
type Connection struct {
	Path           string // with its query
	Asked          string // the position that it asked for; "" for none
	Opened, Closed time.Time
	End            string // why it ended: "client left", "closed", a fault's name; "" while it is open
	Began          uint64 // the first event that it could have had
	Messages       uint64 // wholly handed to the socket
	Bytes          uint64 // of those messages as they are to be stored
	Handed         []Range
	Doubtful       []uint64 // begun and not finished: a client may have them or not
}

// Refusal is an answer that was no stream.
type Refusal struct {
	Time         time.Time
	Method, Path string
	Status       int // 0: no answer was given
	Why          string
}

// refusalsKept bounds the memory of a server that is hammered.
const refusalsKept = 4096

// Log is the truth about a server: who was connected from when to when, what
// they were handed, and who was refused.
type Log struct {
	mu       sync.Mutex
	conns    []*Connection
	refusals []Refusal
}

// Open notes a connection; what is in c, its times aside, is taken over.
func (l *Log) Open(c Connection) *Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Opened = time.Now()
	l.conns = append(l.conns, &c)
	return &c
}

// Handed notes that events went to the socket as a whole.
func (l *Log) Handed(c *Connection, seqs []uint64, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Messages += uint64(len(seqs))
	c.Bytes += uint64(bytes)
	for _, seq := range seqs {
		if k := len(c.Handed) - 1; k >= 0 && c.Handed[k].Last+1 == seq {
			c.Handed[k].Last = seq
		} else {
			c.Handed = append(c.Handed, Range{seq, seq})
		}
	}
}

// Doubt notes that an event was begun.
func (l *Log) Doubt(c *Connection, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Doubtful = append(c.Doubtful, seq)
}

// Close notes that a connection has ended, and why.
func (l *Log) Close(c *Connection, end string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Closed, c.End = time.Now(), end
}

// Refuse notes an answer that was no stream.
func (l *Log) Refuse(r Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.refusals) == refusalsKept {
		l.refusals = slices.Delete(l.refusals, 0, refusalsKept/2)
	}
	r.Time = time.Now()
	l.refusals = append(l.refusals, r)
}

// Connections are all that were opened, oldest first.
func (l *Log) Connections() []Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	conns := make([]Connection, len(l.conns))
	for i, c := range l.conns {
		conns[i] = *c
		conns[i].Handed = slices.Clone(c.Handed)
		conns[i].Doubtful = slices.Clone(c.Doubtful)
	}
	return conns
}

// Refusals are the last ones, oldest first.
func (l *Log) Refusals() []Refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.refusals)
}

// Live is how many connections are open.
func (l *Log) Live() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		if c.Closed.IsZero() {
			n++
		}
	}
	return n
}
