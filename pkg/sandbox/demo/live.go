package demo

import (
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sandbox/kind"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

// liveStream is one on which things happen whether or not anybody listens.
type liveStream struct {
	kind.Server
	kind kind.Kind
	done time.Time // since when all that happened has been sent; used by one goroutine
}

// What made-up events are like.
const (
	share    = 5 * time.Millisecond
	stepBack = 3 * time.Millisecond
)

func openLive(cfg Config, k kind.Kind) (stream, error) {
	s, err := k.Start(live.Config{
		SendBuffer: sendBuffer, KeepAlive: time.Second,
		Time: timeline.Config{Rate: cfg.Rate, Share: share, StepBack: stepBack},
	})
	return &liveStream{Server: s, kind: k}, err
}

func (l *liveStream) title() string { return l.kind.Title }

func (l *liveStream) total() string { return "happened since the capture began" }

func (l *liveStream) promise() string { return l.kind.Promise }

func (l *liveStream) source() sandbox.Source { return l.kind.Source(l.Server) }

func (l *liveStream) breaks() [3]breach {
	last := breach{"the server ends the stream", "end*1"}
	if l.kind.Name == "jetstream" {
		last = breach{"the server closes the WebSocket with code 1012", "close=1012*1"}
	}
	return [3]breach{
		{"the stream breaks in the middle of an event", "half*1"},
		{"the stream's connection is reset", "reset*1"},
		last,
	}
}

// first is the first event that was to be captured, 0 before there is one.
func (l *liveStream) first() uint64 {
	for _, c := range l.Connections() {
		if len(c.Handed) > 0 {
			return c.Handed[0].First
		}
	}
	return 0
}

// sent is what has happened since the first connection.
func (l *liveStream) sent() (sent sandbox.Sent) {
	first := l.first()
	if first == 0 {
		return sent
	}
	head := l.Head()
	sent.Messages = head - first + 1
	sent.Seqs = []sandbox.Range{{First: first, Last: head}}
	const sample = 100 // events tell how long they are; each of them is made anew
	for seq := head; seq > head-min(sample, sent.Messages); seq-- {
		sent.Bytes += uint64(len(l.Message(seq)))
	}
	sent.Bytes = sent.Bytes * sent.Messages / min(sample, sent.Messages)
	return sent
}

func (l *liveStream) capturing() bool {
	conns := l.Connections()
	return len(conns) > 0 && conns[len(conns)-1].Closed.IsZero() && conns[len(conns)-1].Messages > 0
}

func (l *liveStream) rest() error {
	l.Freeze()
	return l.SetFault()
}

// settled is how long after the last event the store must have stayed empty:
// longer than what has come may stay in the working file.
const settled = 3 * time.Second

// resting reports whether the last event was sent on the connection that is
// open, a while ago.
func (l *liveStream) resting() bool {
	conns := l.Connections()
	last, had := conns[len(conns)-1], uint64(0)
	if n := len(last.Handed); n > 0 {
		had = last.Handed[n-1].Last
	}
	if !last.Closed.IsZero() || max(had+1, last.Began) <= l.Head() {
		l.done = time.Time{}
		return false
	}
	if l.done.IsZero() {
		l.done = time.Now()
	}
	return time.Since(l.done) > settled
}

func (l *liveStream) message(seq uint64) []byte { return l.Message(seq) }

func (l *liveStream) number(line []byte) (seq uint64, ok bool) { return kind.Number(l.Server, line) }

// settle looks for everything that happened from the first event that was
// found: a client that asks for more than it has missed gets some from before
// its first connection. Where a stream can be asked again, nothing may be
// missing.
func (l *liveStream) settle(t *tally, _ []kill) {
	b := t.books
	if len(b.sent.Seqs) == 0 {
		return
	}
	from, head := &b.sent.Seqs[0].First, b.sent.Seqs[0].Last
	for seq := range t.found {
		*from = min(*from, seq)
	}
	b.sent.Messages, b.sent.Bytes = head-*from+1, 0
	missed, gone := loss{why: "missed, though it could be asked for"}, loss{why: "missed, and not to be had again"}
	for seq := *from; seq <= head; seq++ {
		size := len(l.Message(seq))
		b.sent.Bytes += uint64(size)
		in := &gone
		if l.kind.Resumes && kind.Again(l.Server, seq) {
			in = &missed
		}
		if !t.found[seq] {
			in.messages++
			in.bytes += int64(size) + 1
		}
	}
	gone.limit = gone.bytes
	b.lost = append(b.lost, missed)
	if gone.messages > 0 {
		b.lost = append(b.lost, gone)
	}
	handed := uint64(0)
	for _, c := range l.Connections() {
		handed += c.Messages
	}
	if found := uint64(len(t.found)); handed > found {
		b.again = handed - found
	}
}
