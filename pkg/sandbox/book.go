package sandbox

import (
	"slices"
	"sync"
	"time"
)

// Range is an unbroken run of sequence numbers, both ends included.
type Range struct{ First, Last uint64 }

// Sent is what a Twitter has sent.
type Sent struct {
	Messages uint64 // wholly handed to the sockets
	Bytes    uint64 // of those messages, without line ends
	Seqs     []Range
	// Doubtful are messages that were begun and not finished (a cut, a client
	// that went away) or are meant to be refused (oversize): a client may have
	// them or not. Their numbers are not used again.
	Doubtful []uint64
}

// Connection is one stream that was opened.
type Connection struct {
	Opened, Closed time.Time // Closed is zero while it is open
	Messages       uint64    // wholly handed to the socket
	Seqs           []Range   // of those
	Gzip           bool
	End            string // why it ended: "client left", "evicted", a fault's name, "closed", "no more messages"
}

// Attempt is one request that a server has answered.
type Attempt struct {
	Time         time.Time
	Method, Path string
	UserAgent    string
	Status       int // 0: no answer was given
}

// attemptsKept bounds the memory of a server that is hammered.
const attemptsKept = 4096

// book remembers what a Twitter has sent.
type book struct {
	now func() time.Time

	mu       sync.Mutex
	next     uint64 // number of the next message, from 1
	limit    uint64 // how many there may be; 0: no limit
	ended    bool   // the supply has no more
	sent     Sent
	special  map[uint64][]byte // messages that are not the supply's
	conns    []*Connection
	attempts []Attempt
}

func newBook(limit uint64) *book {
	return &book{now: time.Now, next: 1, limit: limit, special: map[uint64][]byte{}}
}

// reserve takes up to n numbers and returns the first of them and how many.
func (b *book) reserve(n int) (first uint64, got int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit > 0 {
		n = int(min(uint64(n), b.limit-min(b.limit, b.next-1)))
	}
	first = b.next
	b.next += uint64(n)
	return first, n
}

// exhausted reports whether all messages have been given out.
func (b *book) exhausted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended || b.limit > 0 && b.next > b.limit
}

// end says that the supply has no more.
func (b *book) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}

// reserveSpecial takes a number for a message that is made with it.
func (b *book) reserveSpecial(make func(seq uint64) []byte) (seq uint64, msg []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seq = b.next
	b.next++
	if b.limit > 0 {
		b.limit++ // the supply's own messages do not become fewer
	}
	msg = make(seq)
	b.special[seq] = msg
	return seq, msg
}

// handed records that messages from first on were wholly written to c.
func (b *book) handed(c *Connection, first uint64, n int, bytes int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent.Messages += uint64(n)
	b.sent.Bytes += uint64(bytes)
	c.Messages += uint64(n)
	b.sent.Seqs = extend(b.sent.Seqs, first, n)
	c.Seqs = extend(c.Seqs, first, n)
}

func extend(ranges []Range, first uint64, n int) []Range {
	last := first + uint64(n) - 1
	if k := len(ranges) - 1; k >= 0 && ranges[k].Last+1 == first {
		ranges[k].Last = last
		return ranges
	}
	return append(ranges, Range{first, last})
}

// doubtful records that a message was begun, or is not meant to arrive.
func (b *book) doubtful(seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent.Doubtful = append(b.sent.Doubtful, seq)
}

func (b *book) open(gzip bool) *Connection {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &Connection{Opened: b.now(), Gzip: gzip}
	b.conns = append(b.conns, c)
	return c
}

func (b *book) close(c *Connection, end string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.Closed, c.End = b.now(), end
}

func (b *book) attempt(a Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.attempts) == attemptsKept {
		b.attempts = slices.Delete(b.attempts, 0, attemptsKept/2)
	}
	b.attempts = append(b.attempts, a)
}

// snapshot returns copies of everything.
func (b *book) snapshot() (Sent, []Connection, []Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sent := b.sent
	sent.Seqs, sent.Doubtful = slices.Clone(sent.Seqs), slices.Clone(sent.Doubtful)
	conns := make([]Connection, len(b.conns))
	for i, c := range b.conns {
		conns[i] = *c
		conns[i].Seqs = slices.Clone(c.Seqs)
	}
	return sent, conns, slices.Clone(b.attempts)
}

func (b *book) specialMessage(seq uint64) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	msg, ok := b.special[seq]
	return msg, ok
}
