package stream

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// What has left the socket and was not asked for is what a kill takes: also
// beneath TLS it stays within two buffers.
func TestTransportReadsLittleAhead(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*httptest.Server){"HTTP": (*httptest.Server).Start, "HTTPS": (*httptest.Server).StartTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				block := make([]byte, 64<<10)
				for r.Context().Err() == nil {
					if _, err := w.Write(block); err != nil {
						return
					}
				}
			}))
			start(server)
			defer server.Close()
			transport := Transport()
			defer transport.CloseIdleConnections()
			if t, ok := server.Client().Transport.(*http.Transport); ok {
				transport.TLSClientConfig = t.TLSClientConfig
			}
			var came atomic.Int64
			dial := transport.DialContext
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return counted{conn, &came}, err
			}
			resp, err := (&http.Client{Transport: transport}).Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var taken, most int64
			for p := make([]byte, 1<<10); taken < 4<<20; {
				n, err := resp.Body.Read(p)
				if err != nil {
					t.Fatal(err)
				}
				taken += int64(n)
				most = max(most, came.Load()-taken-taken/100) // without what frames it
			}
			if most > 2*readBuffer+4<<10 { // the handshake, too
				t.Errorf("%d KiB waited in the transport", most>>10)
			}
		})
	}
}

type counted struct {
	net.Conn
	came *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.came.Add(int64(n))
	return n, err
}
