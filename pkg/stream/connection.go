package stream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// busyMargin is how much longer than its own timer a wait for the network may
// take before something must be wrong with this process.
const busyMargin = 10 * time.Second

// ErrStall is in the Error of a connection, or of a request, on which no byte
// came for the stall timeout.
var ErrStall = errors.New("no byte came in time")

// connection is one answered request. It lives in the goroutine of Next; only
// its timer and the end of the caller's context cancel it from elsewhere, and
// a fast stream is read by the goroutine of its readAhead.
type connection struct {
	conn   net.Conn // nil where it is not known
	body   io.ReadCloser
	reader io.Reader  // what to read from: body, inflated where needed
	ahead  *readAhead // reader, where it is one
	cancel context.CancelCauseFunc
	cause  func() error // why cancel was called

	since time.Time // of the answer; monotonic
	stall time.Duration
	timer *time.Timer
	now   func() time.Time
	tally *tally

	mu      sync.Mutex // guards the two that follow
	waiting bool       // for the network
	closeBy time.Time  // when set: the server has been given until then to close

	watched   <-chan struct{} // Done of the context that may cancel
	unwatch   func() bool
	socket    bool   // a WebSocket
	bounded   bool   // HTTP tells the end of the body from a cut
	blank     bool   // a keep-alive has come
	kept      bool   // and a message after it
	html      bool   // the answer calls itself a page
	foreign   int    // bytes of garbage
	messages  uint64 // handed out, disconnect messages aside
	limit     uint64 // greatest count of the limit messages so far
	firstLine string // first garbage, escaped
	farewell  *Error // what the server said the end means, if it did
	ended     error  // why no more can be read
	held      int    // most bytes of messages that wait between the socket and Next
	regular   bool   // a file that can be read again
	came      int64  // bytes that went to the framer; of a file also those that were passed over
}

// open sends the request and waits for the answer's header, no longer than
// the stall timeout. The context of the request is not ctx itself, so that an
// end of ctx leaves readable what has been read off the socket already.
func (s *Source) open(ctx context.Context) (*connection, *http.Response, error) {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	c := &connection{
		cancel: cancel, cause: func() error { return context.Cause(inner) },
		stall: s.cfg.StallTimeout, now: s.cfg.Now, tally: &s.tally, held: bufferSize,
	}
	c.timer = time.AfterFunc(c.stall, func() { cancel(ErrStall) })
	c.watch(ctx)
	resp, err := c.dial(inner, s)
	if err != nil {
		cause := c.cause()
		c.close()
		if cause != nil {
			err = cause
		}
		return nil, nil, err
	}
	c.timer.Stop()
	c.since = time.Now()
	c.reader = wire{c, c.body}
	if resp == nil {
		return c, nil, nil
	}
	c.html = strings.Contains(resp.Header.Get("Content-Type"), "html")
	encoding := strings.ToLower(resp.Header.Get("Content-Encoding"))
	gzip := encoding == "gzip" || encoding == "x-gzip"
	if gzip {
		c.reader = newInflater(c.reader)
	}
	if resp.ProtoMajor < 2 && !c.socket { // HTTP/2 has a goroutine that reads, and a small window
		c.ahead = newReadAhead(c.reader)
		c.reader = c.ahead
	}
	c.settle(resp, gzip)
	return c, resp, nil
}

// dial makes the request, and sets the body. A file has no answer.
func (c *connection) dial(ctx context.Context, s *Source) (resp *http.Response, err error) {
	if s.request.path != "" {
		return nil, c.openFile(ctx, s)
	}
	req, err := s.request.make(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { c.conn = got.Conn },
	}))
	if err != nil {
		return nil, err
	}
	// A connection left over from before may be a dead one.
	s.cfg.Client.CloseIdleConnections()
	dictionary := s.dictionary(ctx, req.URL)
	if dictionary != nil {
		askPacked(req.URL)
	}
	if !strings.HasPrefix(req.URL.Scheme, "ws") {
		resp, err := s.cfg.Client.Do(req)
		if err == nil {
			c.body = resp.Body
		}
		return resp, err
	}
	var conn *websocket.Conn
	conn, resp, err = openSocket(ctx, s.cfg.Client, req, c.pinged)
	switch {
	case err != nil:
		return nil, err
	case conn == nil:
		c.body = resp.Body
	default:
		c.socket = true
		var u *unpacker
		if dictionary != nil {
			if u, err = newUnpacker(dictionary, s.cfg.MaxMessage); err != nil {
				return nil, errors.Join(err, conn.CloseNow())
			}
		}
		c.body = &socket{conn: conn, ctx: ctx, unpacker: u, dropped: s.dropped}
	}
	return resp, nil
}

// pinged takes a ping for a sign of life, like a keep-alive.
func (c *connection) pinged() {
	c.wait(true)
	c.tally.drop(keepAlive)
}

// watch makes the end of ctx cancel the connection; cheap when it does already.
func (c *connection) watch(ctx context.Context) {
	if c.unwatch != nil && c.watched == ctx.Done() {
		return
	}
	if c.unwatch != nil {
		c.unwatch()
	}
	c.watched = ctx.Done()
	c.unwatch = context.AfterFunc(ctx, func() { c.cancel(ctx.Err()) })
}

// read reads once. The error is what ended the connection: ErrStall or that
// of ctx where these did.
func (c *connection) read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	if err != nil && c.cause() != nil {
		err = c.cause()
	}
	return n, err
}

// wire reads the body as it came. The stall timer runs only while it waits: a
// pause of the caller is none of the server's doing.
type wire struct {
	*connection
	body io.Reader
}

func (w wire) Read(p []byte) (int, error) {
	if w.ahead != nil {
		w.ahead.announce()
	}
	w.wait(true)
	n, err := w.body.Read(p)
	w.wait(false)
	if n > 0 {
		w.tally.lastByte.Store(w.now().UnixNano())
	}
	return n, err
}

// wait begins or ends a wait for the network.
func (c *connection) wait(begins bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting = begins; begins {
		c.timer.Reset(c.patience())
	} else {
		c.timer.Stop()
	}
}

// closeIn gives the server some time to close, or to say the rest.
func (c *connection) closeIn(some time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeBy = time.Now().Add(some)
	if c.waiting {
		c.timer.Reset(c.patience())
	}
}

// patience is how long a read may take that begins now, c.mu held.
func (c *connection) patience() time.Duration {
	if c.closeBy.IsZero() {
		return c.stall
	}
	return min(c.stall, max(0, time.Until(c.closeBy)))
}

func (c *connection) close() {
	c.timer.Stop()
	c.unwatch()
	c.cancel(context.Canceled)
	if c.body != nil {
		_ = c.body.Close() // nothing was written; all that counts has been read
	}
	if c.ahead != nil {
		c.ahead.stop()
	}
}
