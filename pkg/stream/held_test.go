package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// What has left the socket and was not handed out is what a kill takes: it
// stays within what Counts tells of, by whatever way it comes.
func TestHeldIsAllThatWaits(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct {
		secure, http2 bool
		packed        int64 // what may wait to be inflated, where it is gzip
	}{
		"HTTP": {}, "HTTPS": {secure: true}, "HTTP/2": {secure: true, http2: true},
		"HTTP gzip": {packed: 36 << 10}, "HTTPS gzip": {secure: true, packed: 36 << 10}, "HTTP/2 gzip": {secure: true, http2: true, packed: 56 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(sendLines(way.packed > 0))
			server.EnableHTTP2 = way.http2
			if way.secure {
				server.StartTLS()
			} else {
				server.Start()
			}
			var came arrivals
			s := newSource(t, server.URL, func(cfg *Config) { cfg.Client = counting(t, server, &came) })
			t.Cleanup(server.Close)
			t.Cleanup(func() { _ = s.Close() })
			var taken, most int64
			for taken < 8<<20 {
				message, err := s.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				taken += int64(len(message)) + 2
				if taken>>21 > (taken-int64(len(message))-2)>>21 {
					untilStill(&came) // nobody asks for a while: all fills that can
				}
				most = max(most, came.bytes.Load()-taken-taken/400) // without what frames it
			}
			held := int64(s.Counts().Held)
			limit := held - way.packed*(inflated-1) // for what waits to be inflated was not deflated
			const handshake = 8 << 10
			if most > limit+handshake {
				t.Errorf("%d KiB waited, want at most %d", most>>10, limit>>10)
			}
			if wide := came.largest.Load() > narrowRead; wide != (way.packed == 0 && !way.http2) {
				t.Errorf("up to %d KiB are read at a time", came.largest.Load()>>10)
			}
			if held+2*(64<<10) > 1<<20 {
				t.Errorf("up to %d KiB may wait: that leaves no room for those who come behind", held>>10)
			}
		})
	}
}

// sendLines sends messages as fast as it can; gzip does not deflate them.
func sendLines(packed bool) http.HandlerFunc {
	line := append(bytes.Repeat([]byte(" "), 4<<10), "\r\n"...)
	copy(line, `{"id":1}`)
	block := bytes.Repeat(line, 64)
	return func(w http.ResponseWriter, r *http.Request) {
		var out io.Writer = w
		if packed {
			w.Header().Set("Content-Encoding", "gzip")
			z, err := gzip.NewWriterLevel(w, gzip.NoCompression)
			if err != nil {
				panic(err)
			}
			out = z
		}
		for r.Context().Err() == nil {
			if _, err := out.Write(block); err != nil {
				return
			}
		}
	}
}

// counting returns a client of Transport's that counts what it reads.
func counting(t *testing.T, server *httptest.Server, came *arrivals) *http.Client {
	t.Helper()
	transport := Transport()
	t.Cleanup(transport.CloseIdleConnections)
	if own, ok := server.Client().Transport.(*http.Transport); ok && own.TLSClientConfig != nil {
		transport.TLSClientConfig = own.TLSClientConfig
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newNarrow(counted{conn, came}), nil
	}
	return &http.Client{Transport: transport}
}

// untilStill returns when nothing has come for a while.
func untilStill(came *arrivals) {
	for before := int64(-1); came.bytes.Load() != before; time.Sleep(20 * time.Millisecond) {
		before = came.bytes.Load()
	}
}

// arrivals are the reads off the sockets.
type arrivals struct {
	bytes, largest atomic.Int64 // of all of them, of one
}

type counted struct {
	net.Conn
	came *arrivals
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.came.bytes.Add(int64(n))
	c.came.largest.Store(max(c.came.largest.Load(), int64(n))) // one connection, one reader
	return n, err
}
