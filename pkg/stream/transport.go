package stream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// How long the steps of a connection may take, each. What comes after them is
// watched by the stall timer alone.
const (
	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second
)

// Buffers of the transport. What waits in them has left the socket and would
// be lost by a kill, so they are small, most of all while it may come as gzip.
// On HTTP/1 the kernel's buffers are the window that keeps a distant server
// busy. On HTTP/2 it is this window of the stream: at 100 ms of distance it lets
// through 320 KB/s, or 2 MB/s of messages where they come as gzip.
const (
	readBuffer   = 64 << 10
	narrowRead   = 16 << 10
	streamWindow = 32 << 10
	frameBuffer  = 4 << 10 // of HTTP/2
	maxHeader    = 64 << 10
)

// Transport returns a transport suited for a stream: HTTP/1.1 and 2, the proxy
// from the environment, limits on connecting but none on the answer, dead
// connections found by TCP keep-alives and HTTP/2 pings, small buffers.
func Transport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return newNarrow(conn), nil
		},
		TLSHandshakeTimeout:    tlsTimeout,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        10 * time.Second,
		ReadBufferSize:         readBuffer,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamWindow,
			SendPingTimeout:           30 * time.Second,
			PingTimeout:               15 * time.Second,
		},
	}
}

// narrow never reads more at a time than its limit, which is then all that may
// wait above it, and once more in crypto/tls, which takes what it has room for.
type narrow struct {
	net.Conn
	limit atomic.Int64
}

func newNarrow(conn net.Conn) *narrow {
	n := &narrow{Conn: conn}
	n.limit.Store(narrowRead)
	return n
}

func (n *narrow) Read(p []byte) (int, error) {
	return n.Conn.Read(p[:min(int64(len(p)), n.limit.Load())])
}

// setLimit changes the limit of a connection made by Transport, which may lie
// beneath TLS. Any other is left alone.
func setLimit(conn net.Conn, limit int64) {
	for secure, ok := conn.(*tls.Conn); ok; secure, ok = conn.(*tls.Conn) { // twice behind a proxy that is reached by TLS
		conn = secure.NetConn()
	}
	if n, ok := conn.(*narrow); ok {
		n.limit.Store(limit)
	}
}
