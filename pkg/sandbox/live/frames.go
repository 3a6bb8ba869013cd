package live

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// frames carries a stream as messages of a WebSocket.
type frames struct {
	conn    *websocket.Conn
	tap     *tap
	ctx     context.Context
	cancel  context.CancelFunc
	kind    websocket.MessageType
	ends    []int // where each event added ends in the tap
	receive func(message []byte)
	drained chan struct{} // closed when the client can say no more
}

// maxReceived is the longest message that a client may send (Jetstream: 10 MB).
const maxReceived = 10_000_000

// writeTimeout is how long a client may not read (Jetstream).
const writeTimeout = 5 * time.Second

// ServeSocket answers with a stream over a WebSocket and blocks until it ends.
func (s *Server) ServeSocket(w http.ResponseWriter, r *http.Request, st Stream) {
	f := s.newFlow(r, st) // before the client can know of it
	out := &frames{kind: websocket.MessageText, receive: st.Receive, drained: make(chan struct{})}
	if st.Binary {
		out.kind = websocket.MessageBinary
	}
	taken := &taker{ResponseWriter: w, sendBuffer: s.cfg.SendBuffer}
	note(w, http.StatusSwitchingProtocols)
	conn, err := websocket.Accept(taken, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.Log.Close(f.conn, endLeft)
		return
	}
	conn.SetReadLimit(maxReceived)
	out.conn, out.tap = conn, taken.tap
	out.ctx, out.cancel = context.WithCancel(context.Background()) // the request's own ends with its takeover
	f.out = out
	f.serve(r)
}

func (c *frames) add(frame []byte) {
	c.tap.hold()
	if c.conn.Write(c.ctx, c.kind, frame) == nil { // into the tap: it does not block
		c.ends = append(c.ends, c.tap.len())
	}
}

func (c *frames) size() int { return c.tap.len() }

func (c *frames) flush(most int) (events int, err error) {
	n, err := c.tap.release(most)
	for _, end := range c.ends {
		if end <= n {
			events++
		}
	}
	c.ends = c.ends[:0]
	return events, err
}

func (c *frames) raw(b []byte) error { return c.conn.Write(c.ctx, websocket.MessageText, b) }

func (c *frames) binary(b []byte) error { return c.conn.Write(c.ctx, websocket.MessageBinary, b) }

// idle pings. The answer is not awaited: a client that has gone is found out
// by its connection.
func (c *frames) idle() error {
	go func() {
		ctx, stop := context.WithTimeout(c.ctx, writeTimeout)
		defer stop()
		_ = c.conn.Ping(ctx)
	}()
	return nil
}

// end says a close code, and gives the client time to say its own.
func (c *frames) end(code int) {
	if code == 0 {
		code = int(websocket.StatusNormalClosure)
	}
	c.tap.raw(closeFrame(code, "sandbox"))
	select { // gone at once, the connection might take the frame with it
	case <-c.drained:
	case <-time.After(lingering):
	}
}

// lingering is how long a client has to answer a close frame.
const lingering = time.Second

// closeFrame is made here because the library refuses to send some codes
// (RFC 6455, 5.5.1).
func closeFrame(code int, reason string) []byte {
	return append([]byte{0x88, byte(2 + len(reason)), byte(code >> 8), byte(code)}, reason...)
}

func (c *frames) reset() { wire.ResetConn(c.tap.Conn) }

func (c *frames) close() {
	c.cancel()
	c.tap.Conn.Close()
	_ = c.conn.CloseNow()
}

func (c *frames) drain(<-chan struct{}) {
	defer close(c.drained)
	for {
		_, message, err := c.conn.Read(c.ctx)
		if err != nil {
			return
		}
		if c.receive != nil {
			c.receive(message)
		}
	}
}

func (c *frames) interrupt() {
	_ = c.tap.Conn.SetDeadline(time.Unix(1, 0))
}

// taker takes over a connection and puts a tap into it.
type taker struct {
	http.ResponseWriter
	sendBuffer int
	tap        *tap
}

// Hijack implements http.Hijacker.
func (t *taker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok && t.sendBuffer > 0 {
		if err := tcp.SetWriteBuffer(t.sendBuffer); err != nil {
			conn.Close()
			return nil, nil, err
		}
	}
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own for reading the request
		conn.Close()
		return nil, nil, err
	}
	if err := rw.Flush(); err != nil { // the handshake's answer
		conn.Close()
		return nil, nil, err
	}
	t.tap = &tap{Conn: conn}
	return t.tap, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(t.tap, 4<<10)), nil
}

// tap is a connection whose writes can be held back, so that many messages go
// by one write that can be cut anywhere.
type tap struct {
	net.Conn

	mu   sync.Mutex
	held bool
	buf  []byte
}

// Write implements net.Conn.
func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held {
		t.buf = append(t.buf, p...)
		return len(p), nil
	}
	return t.Conn.Write(p)
}

func (t *tap) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = true
}

func (t *tap) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.buf)
}

// release writes what was held back, at most so many bytes unless below zero.
func (t *tap) release(most int) (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buf
	if most >= 0 {
		b = b[:min(most, len(b))]
	}
	n, err = t.Conn.Write(b)
	t.buf, t.held = t.buf[:0], false
	return n, err
}

// raw writes bytes that no library has made.
func (t *tap) raw(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.Conn.Write(b) // the client may have gone
}
