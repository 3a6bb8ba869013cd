package demo

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// killLimit is what a SIGKILL of the grabber may lose of what it had read, in
// bytes (one larger message aside, and the made-up ones are smaller).
const killLimit = 1 << 20

// books is the proof.
type books struct {
	title   string // of what there was to capture
	sent    sandbox.Sent
	objects int
	fetched int64 // bytes, compared
	onNode  int   // messages
	inStore int
	lost    []loss
	again   uint64   // messages that were sent more than once, and are there once
	cut     int      // messages that a drop cut in two and that are nowhere
	twice   []uint64 // numbers of messages
	wrong   []string // sentences: what is not as it must be
}

// loss is what one end of a connection lost: the last messages sent on it.
type loss struct {
	why      string
	messages int
	bytes    int64
	limit    int64
}

func (b *books) balanced() bool {
	for _, l := range b.lost {
		if l.bytes > l.limit {
			return false
		}
	}
	return len(b.twice) == 0 && len(b.wrong) == 0 && b.lostMessages()+b.found() == int(b.sent.Messages)+b.doubtfulFound()
}

func (b *books) lostMessages() (n int) {
	for _, l := range b.lost {
		n += l.messages
	}
	return n
}

func (b *books) found() int { return b.onNode + b.inStore }

// doubtfulFound are messages that were cut off while being sent, and arrived.
func (b *books) doubtfulFound() int { return len(b.sent.Doubtful) - b.cut }

// tally marks which messages have been found.
type tally struct {
	message func(seq uint64) []byte
	number  func(line []byte) (seq uint64, ok bool)
	found   map[uint64]bool
	books   *books
}

// count goes through the lines of a file and returns how many messages it
// holds. where names it.
func (t *tally) count(content []byte, where string) (messages int) {
	for line := range bytes.Lines(content) {
		body, whole := bytes.CutSuffix(line, []byte("\n"))
		seq, ok := t.number(body)
		if !ok || !whole {
			t.books.wrong = append(t.books.wrong, fmt.Sprintf("%s: a line is no message: %.60q", where, line))
			continue
		}
		want := bytes.ReplaceAll(t.message(seq), []byte("\n"), []byte(" "))
		if !bytes.Equal(body, want) {
			t.books.wrong = append(t.books.wrong, fmt.Sprintf("%s: message %d is not what was sent", where, seq))
		}
		if t.found[seq] {
			t.books.twice = append(t.books.twice, seq)
			continue
		}
		t.found[seq] = true
		messages++
	}
	return messages
}

// settle compares what was found with what was sent, connection by connection.
// What one has lost must be the last that was sent on it: anything else would
// have been lost elsewhere.
func (t *tally) settle(conns []sandbox.Connection, kills []kill) {
	sent := map[uint64]bool{}
	for _, c := range conns {
		seqs := expand(c.Seqs)
		for _, seq := range seqs {
			sent[seq] = true
		}
		t.ending(c, seqs, kills)
	}
	for _, seq := range t.books.sent.Doubtful {
		sent[seq] = true
		if !t.found[seq] {
			t.books.cut++
		}
	}
	for seq := range t.found {
		if !sent[seq] {
			t.books.wrong = append(t.books.wrong, fmt.Sprintf("message %d was found and never sent", seq))
		}
	}
}

// ending accounts for the messages missing of one connection.
func (t *tally) ending(c sandbox.Connection, seqs []uint64, kills []kill) {
	l := loss{}
	l.why, l.limit = cause(c, kills)
	for i := len(seqs) - 1; i >= 0 && !t.found[seqs[i]]; i-- {
		l.messages++
		l.bytes += int64(len(t.message(seqs[i]))) + 1
	}
	for _, seq := range seqs[:len(seqs)-l.messages] {
		if !t.found[seq] {
			t.books.wrong = append(t.books.wrong, fmt.Sprintf("message %d is missing from the middle of a connection", seq))
		}
	}
	if l.messages > 0 || l.limit > 0 {
		t.books.lost = append(t.books.lost, l)
	}
}

// cause says why a connection's last messages may be missing, and how many
// bytes of them.
func cause(c sandbox.Connection, kills []kill) (why string, limit int64) {
	for _, k := range kills {
		if k.name == "grabber" && !c.Closed.IsZero() && c.Opened.Before(k.at) && c.Closed.Sub(k.at).Abs() < 5*time.Second && c.Closed.After(k.at) {
			return fmt.Sprintf("lost with grabber %d (SIGKILL)", k.pid), killLimit + k.unread
		}
	}
	if c.End == "reset" {
		return "cut off on the socket (reset)", 2 * sendBuffer
	}
	return "lost at \"" + c.End + "\"", 0
}

func expand(ranges []sandbox.Range) (seqs []uint64) {
	for _, r := range ranges {
		for seq := r.First; seq <= r.Last; seq++ {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs
}
