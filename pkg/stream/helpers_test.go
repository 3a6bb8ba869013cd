package stream

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// notices collects what a source tells.
type notices struct {
	mu  sync.Mutex
	all []string
}

func (n *notices) notice(kind NoticeKind, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, string(kind)+": "+text)
}

func (n *notices) has(want string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.all, want)
}

// newSource returns a source of url with generous limits, changed by change.
func newSource(tb testing.TB, url string, change ...func(*Config)) *Source {
	tb.Helper()
	transport := Transport()
	tb.Cleanup(transport.CloseIdleConnections)
	cfg := Config{
		URL: url, Client: &http.Client{Transport: transport}, UserAgent: "stream-test/1",
		StallTimeout: 30 * time.Second, MaxMessage: 1 << 20,
	}
	for _, change := range change {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		tb.Fatalf("New(%s): %v", url, err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// serve starts a server of its own for the test.
func serve(tb testing.TB, handler http.HandlerFunc) string {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	tb.Cleanup(server.CloseClientConnections)
	return server.URL
}

// send writes and flushes each piece by itself.
func send(w http.ResponseWriter, pieces ...string) {
	for _, piece := range pieces {
		if _, err := w.Write([]byte(piece)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}

// drain reads to the end of one connection.
func drain(tb testing.TB, ctx context.Context, s *Source) ([]string, *Error) {
	tb.Helper()
	var got []string
	for {
		message, err := s.Next(ctx)
		if err == nil {
			got = append(got, string(message))
			continue
		}
		var end *Error
		if !errors.As(err, &end) {
			tb.Fatalf("after %d messages Next returned %v (%T), want an *Error", len(got), err, err)
		}
		return got, end
	}
}

// rawServer answers each connection with the next of the answers, byte for
// byte, and closes it.
func rawServer(tb testing.TB, answers ...string) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for _, answer := range answers {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 64<<10))
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

// realData returns the lines of a file of recorded messages.
func realData(tb testing.TB, name string) [][]byte {
	tb.Helper()
	dir := os.Getenv("TWITTER_STREAM_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		tb.Skipf("no recorded messages here (set TWITTER_STREAM_TEST_DATA to their directory): %v", err)
	}
	return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

func equal(tb testing.TB, what string, got, want []string) {
	tb.Helper()
	if !slices.Equal(got, want) {
		tb.Errorf("%s:\n got %.2000q\nwant %.2000q", what, got, want)
	}
}
