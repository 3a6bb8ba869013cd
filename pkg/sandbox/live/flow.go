package live

import (
	"net/http"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

// Why a stream ended, beside the names of faults.
const (
	endLeft     = "client left"
	endClosed   = "closed"
	endLifetime = "lifetime"
)

// What goes out by one write, so that a fault or a stop is noticed soon; and
// how soon a new event is, which decides how many go together.
const (
	batchEvents = 512
	batchBytes  = 256 << 10
	tick        = time.Millisecond
)

// carrier is how a stream's bytes travel. Its methods belong to one goroutine,
// but for drain and interrupt.
type carrier interface {
	add(frame []byte)                       // one more event
	size() int                              // bytes added
	flush(most int) (events int, err error) // most < 0: all; events that are wholly gone
	raw(b []byte) error                     // bytes out of turn
	idle() error                            // a sign of life
	end(code int)                           // in good order
	reset()                                 // by a TCP reset
	close()                                 // without a word
	drain(stopped <-chan struct{})          // reads until the client leaves
	interrupt()                             // ends a write or a drain that blocks
}

// flow is one live stream. Its run is the only writer of the connection.
type flow struct {
	s    *Server
	st   Stream
	out  carrier
	conn *timeline.Connection

	next     uint64
	began    time.Time
	lastByte time.Time
	sent     int // bytes of events
	buf      []byte
	seqs     []uint64
	sizes    []int

	once            sync.Once
	why             string
	arg             string // of the fault that ended it
	stopped         chan struct{}
	silent, stalled uint64 // settings of the faults in which these began
}

// serve runs a flow from its admission to its end.
func (f *flow) serve(r *http.Request) {
	if f.s.admit(r.Context(), f) != nil {
		f.s.Log.Close(f.conn, endClosed)
		return
	}
	defer f.s.leave(f)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		f.out.drain(f.stopped)
		f.stop(endLeft)
	}()
	why := f.send()
	if why == "" { // stopped, or a write failed: the client has gone
		f.stop(endLeft)
		why = f.why
	}
	f.farewell(why)
	f.s.Log.Close(f.conn, why)
	if f.st.Left != nil {
		f.st.Left()
	}
	f.stop(why)
	f.out.close()
	<-drained
}

// farewell says why, to whom it is listening.
func (f *flow) farewell(why string) {
	if f.st.Farewell == nil {
		return
	}
	if words := f.st.Farewell(why, f.arg); words != nil && f.out.raw(words) == nil {
		f.out.end(0)
	}
}

// stop makes run end, now if it writes to a client that does not read.
func (f *flow) stop(why string) {
	f.once.Do(func() {
		f.why = why
		close(f.stopped)
		if why == endLeft || why == endClosed {
			f.out.interrupt()
			return
		}
		time.AfterFunc(time.Second, f.out.interrupt) // time to say why, unless the client is not listening
	})
}

// send returns why the stream ended; "" when it was stopped or cut off.
func (f *flow) send() string {
	if f.st.Ready != nil {
		select {
		case <-f.st.Ready():
		case <-f.stopped:
			return ""
		}
	}
	for {
		select {
		case <-f.stopped:
			return ""
		default:
		}
		changed := f.s.Faults.Changed()
		if why, over := f.fault(); over {
			return why
		}
		if f.st.Lifetime > 0 && time.Since(f.began) >= f.st.Lifetime {
			f.out.end(0)
			return endLifetime
		}
		wait, why := f.step()
		if wait < 0 {
			return why
		}
		f.pause(wait, changed)
	}
}

// step does what is due and returns how long nothing is; below zero the
// stream has ended.
func (f *flow) step() (wait time.Duration, why string) {
	switch until := f.s.Timeline.Until(f.next); {
	case f.held("stall", &f.stalled):
		return time.Hour, ""
	case f.held("silent", &f.silent):
		return f.keepAlive(), ""
	case until > 0:
		wait = min(max(until, tick), f.keepAlive())
		if f.st.Lifetime > 0 {
			wait = min(wait, max(0, f.st.Lifetime-time.Since(f.began)))
		}
		return wait, ""
	}
	return f.events()
}

// events sends what has happened, up to a batch.
func (f *flow) events() (wait time.Duration, why string) {
	head, most := f.s.Timeline.Head(), batchEvents
	slow, limited := f.s.Faults.Peek("slow")
	if limited {
		most = 1
		f.s.Faults.Take("slow")
	}
	for looked := 0; f.next <= head && len(f.seqs) < most && f.out.size() < batchBytes && looked < 64*batchEvents; looked++ {
		frame, size, ok := f.st.Event(f.buf[:0], f.next)
		f.buf = frame
		if ok {
			f.seqs, f.sizes = append(f.seqs, f.next), append(f.sizes, size)
			f.out.add(frame)
		}
		f.next++
	}
	bytes := f.out.size()
	why, ok := f.flush()
	switch {
	case !ok:
		return -1, why
	case limited:
		return time.Duration(float64(bytes) / float64(max(1, number(slow, 10_000))) * float64(time.Second)), ""
	}
	return 0, ""
}

// flush writes what has been added and notes what is gone.
func (f *flow) flush() (why string, ok bool) {
	if len(f.seqs) == 0 {
		return "", true
	}
	most, total := -1, f.out.size()
	if arg, on := f.s.Faults.Peek("bytes"); on && f.sent+total > number(arg, 0) {
		f.s.Faults.Take("bytes")
		most, why = max(0, number(arg, 0)-f.sent), "bytes"
	}
	events, err := f.out.flush(most)
	f.lastByte = time.Now()
	f.sent += total
	bytes := 0
	for _, size := range f.sizes[:events] {
		bytes += size
	}
	f.s.Log.Handed(f.conn, f.seqs[:events], bytes)
	if events < len(f.seqs) {
		f.s.Log.Doubt(f.conn, f.seqs[events])
	}
	f.seqs, f.sizes = f.seqs[:0], f.sizes[:0]
	return why, err == nil && why == ""
}

// held reports whether a lasting fault is on. Once it has taken hold of a
// connection, it stays until the faults are set anew.
func (f *flow) held(name string, since *uint64) bool {
	setting := f.s.Faults.Setting()
	if *since == setting {
		return true
	}
	_, on := f.s.Faults.Take(name)
	if on {
		*since = setting
	}
	return on
}

// pause waits, unless something happens.
func (f *flow) pause(wait time.Duration, changed <-chan struct{}) {
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-f.stopped:
	}
}

// keepAlive gives a sign of life if it is time for one, and returns how long
// until the next; below zero the client has gone.
func (f *flow) keepAlive() time.Duration {
	every := f.s.network.KeepAlive
	if every <= 0 {
		return time.Hour
	}
	if rest := every - time.Since(f.lastByte); rest > 0 {
		return rest
	}
	if f.out.idle() != nil {
		return -1
	}
	f.lastByte = time.Now()
	return every
}
