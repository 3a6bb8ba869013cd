package wire

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Link is one response's way to the client. On HTTP/1.1 it is the bare
// connection, so that it can be cut anywhere and counted to the byte; on
// HTTP/2 it is what net/http offers.
type Link struct {
	conn net.Conn            // nil on HTTP/2
	in   io.Reader           // what the client may still send
	resp http.ResponseWriter // HTTP/2
	ctrl *http.ResponseController

	mu     sync.Mutex
	closed bool
}

// OpenLink answers 200 with header and leaves the body to the caller.
func OpenLink(w http.ResponseWriter, header http.Header, now time.Time, sendBuffer int) (*Link, error) {
	ctrl := http.NewResponseController(w)
	conn, rw, err := ctrl.Hijack()
	if err != nil {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusOK)
		return &Link{resp: w, ctrl: ctrl}, ctrl.Flush()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && sendBuffer > 0 {
		if err := tcp.SetWriteBuffer(sendBuffer); err != nil {
			conn.Close()
			return nil, fmt.Errorf("set the send buffer: %w", err)
		}
	}
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own for reading the request
		conn.Close()
		return nil, err
	}
	l := &Link{conn: conn, in: rw}
	if _, err := l.Write(headBytes(header, now)); err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

func headBytes(header http.Header, now time.Time) []byte {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nDate: " + now.UTC().Format(http.TimeFormat) + "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n")
	_ = header.Write(&b) // a Builder takes everything
	b.WriteString("\r\n")
	return []byte(b.String())
}

// Write puts wire bytes on the connection and returns when the system has
// taken them.
func (l *Link) Write(p []byte) (int, error) {
	if l.conn != nil {
		return l.conn.Write(p)
	}
	if _, err := l.resp.Write(p); err != nil {
		return 0, err
	}
	if err := l.ctrl.Flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Drain reads what the client sends until it goes away; it blocks.
func (l *Link) Drain(gone <-chan struct{}) {
	if l.conn == nil {
		<-gone
		return
	}
	_, _ = io.Copy(io.Discard, l.in)
}

// Interrupt ends a Write and a drain that block. It may come late: net/http
// must not be asked for anything once a response is over.
func (l *Link) Interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	past := time.Unix(1, 0)
	switch {
	case l.closed:
	case l.conn != nil:
		_ = l.conn.SetDeadline(past)
	default:
		_ = l.ctrl.SetWriteDeadline(past)
	}
}

// Close ends the connection without more bytes.
func (l *Link) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		l.conn.Close()
	}
}

// Reset ends the connection by a TCP reset: what is still in the system's
// buffers is lost.
func (l *Link) Reset() { ResetConn(l.conn) }

// ResetConn closes with a reset instead of a FIN.
func ResetConn(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	if conn != nil {
		conn.Close()
	}
}

// Raw reports whether the bare connection is written to: the body's chunks are
// the caller's to make.
func (l *Link) Raw() bool { return l.conn != nil }
