package stream

import (
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
// are small: with ours, what is read ahead, and those of what inflates, some 550 KiB of messages. On HTTP/1 the kernel's
// buffers are the window that keeps a distant server busy. On HTTP/2 it is
// this window of the stream: at 100 ms of distance it lets through 320 KB/s,
// or 2 MB/s of messages where they come as gzip.
const (
	readBuffer   = 24 << 10
	streamWindow = 32 << 10
	maxHeader    = 64 << 10
)

// Transport returns a transport suited for a stream: HTTP/1.1 and 2, the proxy
// from the environment, limits on connecting but none on the answer, dead
// connections found by TCP keep-alives and HTTP/2 pings, small buffers.
func Transport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
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
