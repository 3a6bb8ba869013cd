package resume

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// event is what a server has sent.
type event struct {
	message   []byte
	id        string
	at        int64
	partition int // Wikimedia's
}

// server is a model of one: it sends what it has from where it is asked to.
type server struct {
	kind   network.Kind
	events []event
}

func newServer(kind network.Kind, n int, random *rand.Rand) *server {
	s := &server{kind: kind}
	at := int64(1_700_000_000_000_000)
	newest := [2]int64{}
	id := 0
	for i := range n {
		at += random.Int64N(3) * 200_000 // several share a time
		e := event{at: at}
		switch kind {
		case network.Jetstream:
			e.message = fmt.Appendf(nil, `{"did":"did:plc:%d","time_us":%d,"kind":"commit","commit":{"rev":"r%d","operation":"create","collection":"c","rkey":"%d"}}`, i%7, at-random.Int64N(2)*100_000, i, i)
		case network.Wikimedia:
			if random.IntN(30) == 0 { // a topic that is quiet as a rule
				e.partition = 1
			}
			newest[e.partition] = at/1000 + 1
			e.message = fmt.Appendf(nil, `{"meta":{"id":"%d","dt":"%s"}}`, i, time.UnixMicro(at).UTC().Format(time.RFC3339Nano))
			e.id = "[" + entryOf("a", newest[0]) + "," + entryOf("b", newest[1]) + "]"
		default:
			if i == 0 || random.IntN(4) > 0 { // some have no id of their own
				id = i + 1
			}
			e.id = strconv.Itoa(id)
			e.message = fmt.Appendf(nil, `{"n":%d}`, i/2) // each twice: equal bytes
		}
		s.events = append(s.events, e)
	}
	return s
}

func entryOf(topic string, ms int64) string {
	if ms == 0 {
		return fmt.Sprintf(`{"topic":"%s","partition":0,"offset":-1}`, topic)
	}
	return fmt.Sprintf(`{"topic":"%s","partition":0,"timestamp":%d}`, topic, ms)
}

// from returns which events come on a request: those that are not skipped, from
// an index on.
func (s *server) from(t *testing.T, u *url.URL, h http.Header, live int) (begin int, skipped func(int) bool) {
	id := h.Get("Last-Event-ID")
	all := func(int) bool { return false }
	switch {
	case s.kind == network.Jetstream && u.Query().Has("cursor"):
		at, err := strconv.ParseInt(u.Query().Get("cursor"), 10, 64)
		if err != nil {
			t.Fatalf("cursor: %v", err)
		}
		return s.begins(at, 0), all
	case s.kind == network.Wikimedia && id != "":
		var entries []struct{ Timestamp, Offset int64 }
		if err := json.Unmarshal([]byte(id), &entries); err != nil || len(entries) != 2 {
			t.Fatalf("Last-Event-ID %s: %v", id, err)
		}
		first := [2]int{live, live} // an offset of -1: from now on
		for p, entry := range entries {
			if entry.Offset == 0 {
				first[p] = s.begins(entry.Timestamp*1000, p)
			}
		}
		return 0, func(i int) bool { return i < first[s.events[i].partition] }
	case s.kind == network.SSE && id != "":
		n, err := strconv.Atoi(id)
		if err != nil {
			t.Fatalf("Last-Event-ID: %v", err)
		}
		return n, all
	}
	return live, all
}

// begins returns the first event of a partition that is not before at.
func (s *server) begins(at int64, partition int) int {
	for i, e := range s.events {
		if e.at >= at && e.partition == partition {
			return i
		}
	}
	return len(s.events)
}

// world is a store whose process may be killed between any two of its steps.
type world struct {
	t        *testing.T
	random   *rand.Rand
	server   *server
	clock    time.Time
	saved    []byte   // on the disk
	finished [][]byte // in finished files, in whatever order
	files    []file   // cut, not finished
	number   int      // of the last one
	covered  int      // the last one of which saved tells
	cuts     []uint64 // their numbers
	working  [][]byte // of the working file
	flight   [][]byte // in memory
	memory   *Memory
}

func (w *world) start() {
	u := "https://example.org/x"
	w.memory = New(w.server.kind, u, func() time.Time { return w.clock }, func(from, to time.Time) {
		w.t.Errorf("told of a gap from %v to %v", from, to)
	})
	if w.saved != nil {
		if err := w.memory.Load(w.saved); err != nil {
			w.t.Fatalf("Load: %v", err)
		}
	}
	left := w.files
	if len(w.working) > 0 {
		left = append(left, w.cut())
	}
	for _, file := range left {
		for _, m := range file.messages {
			if file.number > w.covered { // else it is among the saved keys
				w.memory.Recall(m)
			}
		}
	}
	w.files, w.working, w.cuts, w.flight = nil, nil, nil, nil
	for _, file := range left { // recovery comes first; killed in it, the rest is still there
		if w.random.IntN(20) == 0 {
			w.files = append(w.files, file)
		} else {
			w.save(0, left[len(left)-1].number)
			w.finished = append(w.finished, file.messages...)
		}
	}
	if len(w.files) > 0 {
		w.start()
	}
}

// cut ends the working file.
func (w *world) cut() file {
	w.number++
	f := file{w.number, w.working}
	w.working = nil
	return f
}

func (w *world) save(number uint64, covered int) {
	if data := w.memory.Save(number); data != nil {
		w.saved, w.covered = data, covered
	}
}

// file is one that was cut; their numbers stand for names, which sort.
type file struct {
	number   int
	messages [][]byte
}

// step does one of the things that may happen; false: the process is killed.
func (w *world) step() bool {
	switch w.random.IntN(12) {
	case 0, 1, 2, 3:
		if n := w.random.IntN(len(w.flight) + 1); n > 0 {
			var lines []byte
			for _, m := range w.flight[:n] {
				lines = append(append(lines, m...), '\n')
			}
			w.working, w.flight = append(w.working, w.flight[:n]...), w.flight[n:]
			w.memory.Stored(lines)
		}
	case 4:
		if len(w.working) > 0 {
			w.cuts, w.files = append(w.cuts, w.memory.Cut()), append(w.files, w.cut())
		}
	case 5, 6:
		if n := w.random.IntN(len(w.files) + 1); n > 0 {
			w.save(w.cuts[n-1], w.files[n-1].number)
			if w.random.IntN(10) == 0 {
				return false // saved, and not finished
			}
			for _, file := range w.files[:n] {
				w.finished = append(w.finished, file.messages...)
			}
			w.files, w.cuts = w.files[n:], w.cuts[n:]
		}
	case 7:
		if data := w.memory.Early(); data != nil {
			w.saved = data
		}
	case 8:
		return w.random.IntN(3) > 0
	}
	return true
}

func TestNothingLostNothingTwice(t *testing.T) {
	for _, kind := range []network.Kind{network.Jetstream, network.Wikimedia, network.SSE} {
		for seed := range uint64(40) {
			w := &world{t: t, random: rand.New(rand.NewPCG(seed, 1)), clock: time.UnixMicro(1_700_000_000_000_000)}
			w.server = newServer(kind, 300, w.random)
			w.run()
			if t.Failed() {
				t.Fatalf("%s, seed %d", kind, seed)
			}
		}
	}
}

func (w *world) run() {
	first := true
	for lives, reached := 0, 0; ; lives++ {
		w.start()
		alive := true
		for alive {
			u, h := &url.URL{Scheme: "wss", Host: "example.org", Path: "/x"}, http.Header{}
			w.memory.Prepare(u, h)
			at, skipped := w.server.from(w.t, u, h, reached)
			for ; alive && at < len(w.server.events); at++ {
				if skipped(at) {
					continue
				}
				e := w.server.events[at]
				reached = max(reached, at)
				w.clock = w.clock.Add(time.Millisecond)
				if w.memory.Fresh(e.message, []byte(e.id), false) {
					w.flight = append(w.flight, e.message)
				}
				if first { // as the first sync does
					w.flushFirst()
					first = false
				}
				if lives < 30 {
					alive = w.step()
					if w.random.IntN(40) == 0 {
						break // another connection
					}
				}
			}
			if alive && at >= len(w.server.events) {
				w.finishAll()
				w.check()
				return
			}
		}
	}
}

// flushFirst stores the first message and saves its position.
func (w *world) flushFirst() {
	for _, m := range w.flight {
		w.memory.Stored(append(bytes.Clone(m), '\n'))
	}
	w.working, w.flight = append(w.working, w.flight...), nil
	w.saved = w.memory.Early()
	if w.saved == nil {
		w.t.Error("nothing to save after the first message")
	}
}

func (w *world) finishAll() {
	for _, m := range w.flight {
		w.memory.Stored(append(bytes.Clone(m), '\n'))
	}
	w.working = append(w.working, w.flight...)
	w.save(w.memory.Cut(), w.number+1)
	for _, file := range append(w.files, w.cut()) {
		w.finished = append(w.finished, file.messages...)
	}
}

func (w *world) check() {
	count := map[string]int{}
	for _, e := range w.server.events {
		count[string(e.message)]++
	}
	for _, m := range w.finished {
		count[string(m)]--
	}
	for m, n := range count {
		if n != 0 {
			w.t.Errorf("%s: %+d (lost above zero, twice below)", m, n)
		}
	}
}

func TestAnotherStream(t *testing.T) {
	m := New(network.SSE, "https://a.example/x", nil, nil)
	m.Fresh([]byte(`{}`), []byte("1"), false)
	m.Stored([]byte("{}\n"))
	saved := m.Save(m.Cut())
	if err := New(network.SSE, "https://b.example/x", nil, nil).Load(saved); !errors.Is(err, ErrOther) {
		t.Errorf("another host: %v, want ErrOther", err)
	}
	for n := range saved {
		other := New(network.SSE, "https://a.example/x", nil, nil)
		if err := other.Load(saved[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken for a whole", n, len(saved))
		}
	}
	if err := New(network.SSE, "https://a.example/x", nil, nil).Load(saved); err != nil {
		t.Error(err)
	}
}

// A server that has forgotten what it is asked for begins later: that is told.
func TestSkippedIsTold(t *testing.T) {
	var told []time.Duration
	m := New(network.Jetstream, "wss://example.org/subscribe", nil, func(from, to time.Time) { told = append(told, to.Sub(from)) })
	message := func(at int64) []byte {
		return fmt.Appendf(nil, `{"did":"d","time_us":%d,"kind":"identity","identity":{"seq":%d}}`, at, at)
	}
	m.Fresh(message(1_700_000_000_000_000), nil, false)
	m.Prepare(&url.URL{}, http.Header{})
	m.Fresh(message(1_700_000_000_000_000), nil, false)
	m.Fresh(message(1_700_000_060_000_000), nil, false)
	if len(told) > 0 {
		t.Errorf("told of %v though the server went on where it was asked to", told)
	}
	m.Prepare(&url.URL{}, http.Header{})
	m.Fresh(message(1_700_003_660_000_000), nil, false)
	m.Fresh(message(1_700_003_661_000_000), nil, false)
	if len(told) != 1 || told[0] != time.Hour {
		t.Errorf("told of %v, want one hour", told)
	}
}

func BenchmarkFresh(b *testing.B) {
	now := time.Now()
	m := New(network.Jetstream, "wss://example.org/subscribe", func() time.Time { return now }, nil)
	line := make([]byte, 0, 1024)
	at := int64(1_700_000_000_000_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at += 10 // 100,000 a second
		line = append(line[:0], `{"did":"did:plc:abcdefghijklmnop","time_us":`...)
		line = strconv.AppendInt(line, at, 10)
		line = append(line, `,"kind":"commit","commit":{"rev":"3l4abcdef","operation":"create","collection":"app.bsky.feed.post","rkey":"`...)
		line = strconv.AppendInt(line, at, 36)
		line = append(line, `","record":{"text":"some text that is not looked at, because all that counts stands before it"}}}`+"\n"...)
		m.Fresh(line[:len(line)-1], nil, false)
		m.Stored(line)
		if i%2000 == 0 {
			m.Cut()
		}
		if i%100000 == 0 && i > 0 {
			m.Save(uint64(i / 2000))
		}
	}
}
