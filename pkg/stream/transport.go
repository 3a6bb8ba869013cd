package stream

import (
	"context"
	"net"
	"net/http"
	"time"
)

// How long the steps of a connection may take, each. What comes after them is
// watched by the stall timer alone.
const (
	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second
)

// Buffers of the transport. What waits in them has left the socket and would
// be lost by a kill, and gzip makes it seven to thirteen times as much, so they
// are small: 16 KiB here, as much again beneath TLS, which reads more than it
// was asked for, and 4 KiB of what inflates are 470 KiB of messages; with its
// window, what is read ahead and the read buffer some 750 KiB. On HTTP/1 the
// kernel's buffers are the window that keeps a distant server busy. On HTTP/2
// it is this window of the stream: at 100 ms of distance it lets through
// 320 KB/s, or 2 MB/s of messages where they come as gzip.
const (
	readBuffer   = 16 << 10
	streamWindow = 32 << 10
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
			return narrow{conn}, nil
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

// narrow never reads more at a time than waits in the transport: crypto/tls
// would take all that it has room for, up to four records.
type narrow struct{ net.Conn }

func (n narrow) Read(p []byte) (int, error) { return n.Conn.Read(p[:min(len(p), readBuffer)]) }
