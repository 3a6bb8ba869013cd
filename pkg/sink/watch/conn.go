package watch

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// conn tells the watch of the request that uses it about each byte that moves,
// and hides that a write failed: the transport would take that for the end,
// while the node's answer ("413") may be waiting to be read. Where none is,
// reading fails at once, and an idle connection that the node had closed is
// then known for what it is.
type conn struct {
	net.Conn
	watch  atomic.Pointer[Watch]
	queued func() int // bytes that wait in the kernel, -1 where that is unknown
	copies *sync.Pool // of *[copySize]byte
}

// copySize is how much of a body is written at a time where nothing encrypts it,
// in bytes.
const copySize = 128 << 10

func newConn(c net.Conn, copies *sync.Pool) *conn {
	return &conn{Conn: c, queued: func() int { return unsent(c) }, copies: copies}
}

// ReadFrom implements io.ReaderFrom: the transport would take a fresh buffer, and
// a small one, for each body.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	buf := c.copies.Get().(*[copySize]byte)
	defer c.copies.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{c}, r, buf[:])
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if w := c.watch.Load(); w != nil && n > 0 {
		w.touch()
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	w := c.watch.Load()
	if w == nil {
		return n, err
	}
	if err != nil {
		w.lose(err)
		return len(p), nil
	}
	if n > 0 {
		w.touch()
	}
	return n, err
}

// unsent is -1 too where there is no connection of ours.
func (c *conn) unsent() int {
	if c == nil {
		return -1
	}
	return c.queued()
}

// underlying finds our connection below TLS, nil if there is none.
func underlying(c net.Conn) *conn {
	for {
		if ours, ok := c.(*conn); ok {
			return ours
		}
		above, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = above.NetConn()
	}
}

// Transport clones the configured transport so that its connections are
// ours. It speaks HTTP/1.1 only: on HTTP/2 uploads would share a connection,
// and one that moves would hide one that stands.
func Transport(base *http.Transport, dialTimeout time.Duration) *http.Transport {
	if base == nil {
		base = http.DefaultTransport.(*http.Transport)
	}
	t := base.Clone()
	dial := t.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	copies := &sync.Pool{New: func() any { return new([copySize]byte) }}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newConn(c, copies), nil
	}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.ForceAttemptHTTP2 = false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = nil
	}
	t.MaxIdleConnsPerHost = 64  // one for each upload in flight
	t.ResponseHeaderTimeout = 0 // the watch knows better
	t.IdleConnTimeout = 30 * time.Second
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}
