package sandbox

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// Why a connection ended, beside the names of faults.
const (
	endLeft    = "client left"
	endEvicted = "evicted"
	endClosed  = "closed"
	endNoMore  = "no more messages"
)

// feed is one live stream. Its run is the only writer of the connection.
type feed struct {
	t         *Twitter
	link      *wire.Link
	token     string
	delimited bool
	warnings  bool // stall_warnings was asked for
	lineEnd   string
	enc       *wire.Encoder
	pace      pacer
	conn      *Connection
	lastByte  time.Time

	once    sync.Once
	why     string        // why stop was called, set before stopped is closed
	stopped chan struct{} // closed when run shall end
	buf     []byte
	framed  []byte

	silent, stalled uint64 // settings of the faults in which these began
}

// batchMessages and batchBytes bound what goes out by one write, so that a
// fault or a stop is noticed soon.
const (
	batchMessages = 64
	batchBytes    = 128 << 10
)

func newFeed(t *Twitter, l *wire.Link, r *http.Request, token string, zip bool, asked url.Values) *feed {
	f := &feed{
		t: t, link: l, token: token, lineEnd: "\r\n",
		delimited: asked.Get("delimited") == "length",
		warnings:  asked.Get("stall_warnings") == "true",
		enc:       wire.NewEncoder(zip, l.Raw(), t.cfg.ChunkBytes),
		pace:      pacer{rate: t.cfg.Rate, start: time.Now()},
		lastByte:  time.Now(),
		stopped:   make(chan struct{}),
	}
	if _, on := t.faults.Take("lf"); on {
		f.lineEnd = "\n"
	}
	if !l.Raw() {
		done := r.Context().Done()
		go func() {
			select {
			case <-done:
				f.stop(endLeft)
			case <-f.stopped:
			}
		}()
	}
	return f
}

// stop makes run end, now if it writes to a client that does not read.
func (f *feed) stop(why string) {
	f.once.Do(func() {
		f.why = why
		close(f.stopped)
		if why != endEvicted {
			f.link.Interrupt()
			return
		}
		// Time to say why, unless the client is not listening.
		time.AfterFunc(time.Second, f.link.Interrupt)
	})
}

// run sends until the stream ends and records why it did.
func (f *feed) run() {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		f.link.Drain(f.stopped)
		f.stop(endLeft)
	}()
	why := f.send()
	if why == "" { // stopped, or a write failed: the client has gone
		f.stop(endLeft)
		why = f.why
	}
	if why == endEvicted {
		f.disconnect(7, "admin logout")
	}
	f.t.book.close(f.conn, why)
	f.stop(why)
	f.link.Close()
	<-drained
}

// send returns why the stream ended; "" when it was stopped or cut off.
func (f *feed) send() string {
	for {
		select {
		case <-f.stopped:
			return ""
		default:
		}
		changed := f.t.faults.Changed()
		if why, over := f.fault(); over {
			return why
		}
		var wait time.Duration
		switch n, next := f.pace.due(time.Now()); {
		case f.held("stall", &f.stalled):
			wait = time.Hour
		case f.held("silent", &f.silent) || f.t.book.exhausted() && f.conn.Messages == 0:
			wait = f.keepAlive()
		case f.t.book.exhausted():
			f.finish()
			return endNoMore
		case n > 0:
			if !f.messages(n) {
				return ""
			}
		default:
			wait = min(next, f.keepAlive())
		}
		if wait < 0 {
			return ""
		}
		f.pause(wait, changed)
	}
}

// held reports whether a lasting fault is on. Once it has taken hold of a
// connection, it stays until the faults are set anew.
func (f *feed) held(name string, since *uint64) bool {
	setting := f.t.faults.Setting()
	if *since == setting {
		return true
	}
	_, on := f.t.faults.Take(name)
	if on {
		*since = setting
	}
	return on
}

// pause waits, unless something happens.
func (f *feed) pause(wait time.Duration, changed <-chan struct{}) {
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

// keepAlive sends a blank line if it is time for one, and returns how long
// until the next; below zero the client has gone.
func (f *feed) keepAlive() time.Duration {
	if rest := f.t.cfg.KeepAlive - time.Since(f.lastByte); rest > 0 {
		return rest
	}
	f.enc.Add([]byte(f.lineEnd))
	if !f.write(f.enc.Batch()) {
		return -1
	}
	return f.t.cfg.KeepAlive
}

// messages sends up to n messages by one write; false: the client has gone.
func (f *feed) messages(n int) bool {
	first, n := f.t.book.reserve(min(n, batchMessages))
	f.pace.given += float64(n)
	sizes := make([]int, 0, batchMessages)
	for seq, end := first, first+uint64(n); seq < end; seq++ {
		msg, ok := f.t.supply.append(f.buf[:0], seq)
		f.buf = msg
		if !ok {
			f.t.book.end()
			break
		}
		sizes = append(sizes, len(msg))
		f.enc.Add(f.frame(msg))
		if f.enc.Len() > batchBytes && !f.flush(&first, &sizes) {
			return false
		}
	}
	return f.flush(&first, &sizes)
}

// flush writes what has been added: messages from *first on, of these sizes.
func (f *feed) flush(first *uint64, sizes *[]int) bool {
	wire := f.enc.Batch()
	n, err := f.link.Write(wire)
	f.lastByte = time.Now()
	gone, bytes := f.enc.Gone(n), 0
	for _, size := range (*sizes)[:gone] {
		bytes += size
	}
	f.t.book.handed(f.conn, *first, gone, bytes)
	if gone < len(*sizes) {
		f.t.book.doubtful(*first + uint64(gone))
	}
	*first += uint64(len(*sizes))
	*sizes = (*sizes)[:0]
	return err == nil
}

// frame is a message as the client asked for it, valid until the next call.
// delimited=length counts the line end too (Twitter, request parameters).
func (f *feed) frame(msg []byte) []byte {
	b := f.framed[:0]
	if f.delimited {
		b = strconv.AppendInt(b, int64(len(msg)+len(f.lineEnd)), 10)
		b = append(b, f.lineEnd...)
	}
	f.framed = append(append(b, msg...), f.lineEnd...)
	return f.framed
}

// write puts wire bytes out; false: the client has gone.
func (f *feed) write(wire []byte) bool {
	_, err := f.link.Write(wire)
	f.lastByte = time.Now()
	return err == nil
}

// finish ends the response in good order.
func (f *feed) finish() { f.write(f.enc.Finish()) }
