//go:build linux

package cmd_test

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 has it
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

const (
	// skeets is how many events a benchmark sends, a hundred thousand to a second
	// of their own time, and firstSkeet that of the first.
	skeets     = 2_000_000
	skeetTime  = 10 // microseconds
	firstSkeet = int64(1_700_000_000_000_000)
)

// jetstreamSender sends recorded events, each with its own time and revision,
// as fast as it can, and closes once in the middle.
type jetstreamSender struct {
	*sender
	frames [][]byte // ready but for time and revision
	times  []int    // where these are
	cut    bool     // it has closed
	bytes  int64    // of all messages as files hold them
}

func newJetstreamSender(b *testing.B) *jetstreamSender {
	s := &jetstreamSender{}
	message := []byte(`{"did":"did:plc:wq4aajammjtxdomz3e23667t","time_us":1783175888085434,"kind":"commit","commit":{"rev":"0000000000000","operation":"create","collection":"app.bsky.feed.like","rkey":"3mptbyplj5d2a","record":{"$type":"app.bsky.feed.like","createdAt":"2026-07-04T14:38:08.999Z","subject":{"cid":"bafyreiftot7eltsc3f6g4qktykmbv6jcmdmhcx5osscan6jpdxkpqcmcza","uri":"at://did:plc:r2zybk6op3ymzpz6jhqpkoy5/app.bsky.feed.post/3mpsjbtci2c2o"}},"cid":"bafyreiguce4jh7kcbmof3pmcvasifqtw24b6isakj5ve5ga2b4z4alpc4i"}}`)
	frame := append([]byte{0x81, 126}, binary.BigEndian.AppendUint16(nil, uint16(len(message)))...)
	s.frames = append(s.frames, append(frame, message...))
	s.times = append(s.times, bytes.Index(s.frames[0], []byte("1783175888085434")), bytes.Index(s.frames[0], []byte("0000000000000")))
	s.bytes = skeets * int64(len(message)+1)
	s.sender = serveRaw(b, s.answer)
	return s
}

func (s *jetstreamSender) answer(conn net.Conn, r *http.Request) error {
	if r.URL.Path != "/subscribe" {
		_, err := fmt.Fprint(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return err
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:])); err != nil {
		return err
	}
	next, last := 0, skeets
	if cursor, err := strconv.ParseInt(r.URL.Query().Get("cursor"), 10, 64); err == nil {
		next = int(max(0, (cursor-firstSkeet)/skeetTime))
	}
	if !s.cut {
		s.cut, last = true, skeets/2
	}
	frame := s.frames[0]
	out := bufio.NewWriterSize(conn, 64<<10)
	for ; next < last; next++ {
		digits(frame[s.times[0]:][:16], firstSkeet+int64(next)*skeetTime)
		digits(frame[s.times[1]:][:13], int64(next))
		if _, err := out.Write(frame); err != nil {
			return err
		}
	}
	if last == skeets/2 {
		_, _ = out.Write([]byte{0x88, 2, 0x03, 0xf4}) // 1012: restarts
		return out.Flush()
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1)) // until the client closes
	return err
}

// digits writes a number over all of to.
func digits(to []byte, n int64) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = byte('0' + n%10)
		n /= 10
	}
}

// serveRaw is serve for senders that look at the request.
func serveRaw(b *testing.B, answer func(net.Conn, *http.Request) error) *sender {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &sender{url: listener.Addr().String(), listener: listener, accepted: make(chan time.Time, 16)}
	s.clients.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.clients.Go(func() {
				defer conn.Close()
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_ = answer(conn, r) // a client that leaves has what it wants
				}
			})
		}
	})
	b.Cleanup(s.close)
	return s
}

// BenchmarkCaptureJetstream: two million events, and half a million of them once
// more after the server has closed.
func BenchmarkCaptureJetstream(b *testing.B) {
	once(b, func() {
		s := newJetstreamSender(b)
		dir := memoryDir(b, 3<<30)
		config := benchConfig(b, dir, map[string]string{"stream_url": "ws://" + s.url + "/subscribe", "stream_auth": "none"})
		captureAll(b, dir, config, skeets, s.bytes)
	})
}

// BenchmarkCaptureSSE: events of 3.5 KB with an id each.
func BenchmarkCaptureSSE(b *testing.B) {
	captureHTTP(b, "/events", map[string]string{"stream_kind": string(network.SSE), "stream_auth": "none"},
		func(i int, message []byte) (sent string, stored int) {
			return fmt.Sprintf("id: %d\ndata: %s\n\n", i, message), len(message) + 1
		})
}

// BenchmarkCaptureX: posts of 3.5 KB as API v2 sends them.
func BenchmarkCaptureX(b *testing.B) {
	captureHTTP(b, "/2/tweets/search/stream", map[string]string{"stream_token": "any"},
		func(_ int, message []byte) (sent string, stored int) {
			sent = fmt.Sprintf("{\"data\":%s}\r\n", message)
			return sent, len(sent) - 1
		})
}

// captureHTTP captures messages that a server sends as fast as it can. wire
// says how one is sent, and how many bytes of a file it becomes.
func captureHTTP(b *testing.B, path string, keys map[string]string, wire func(i int, message []byte) (sent string, stored int)) {
	once(b, func() {
		l := newLoad(b)
		rounds, stored := l.rounds(captureBytes), 0
		var block bytes.Buffer
		for i, m := range l.messages {
			sent, n := wire(i, m)
			block.WriteString(sent)
			stored += n
		}
		s := serveRaw(b, func(conn net.Conn, _ *http.Request) error {
			if _, err := fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"); err != nil {
				return err
			}
			for range rounds {
				if _, err := conn.Write(block.Bytes()); err != nil {
					return err
				}
			}
			_, err := conn.Read(make([]byte, 1))
			return err
		})
		dir := memoryDir(b, 3<<30)
		keys["stream_url"] = "http://" + s.url + path
		captureAll(b, dir, benchConfig(b, dir, keys), rounds*len(l.messages), int64(rounds*stored))
	})
}

// captureAll runs the grabber until it has so many messages; nothing may be
// missing, and nothing be there twice.
func captureAll(b *testing.B, dir, config string, messages int, want int64) {
	b.Helper()
	files := removeFinished(filepath.Join(dir, "store"))
	began := time.Now()
	p := launchOurs(b, "grabber", "-q", "-c", config, "--messages", strconv.Itoa(messages))
	p.wait()
	took := p.stopped.Sub(began).Seconds()
	if got := files.stop(); got != want {
		b.Errorf("%d bytes of finished files, want %d", got, want)
	}
	b.ReportMetric(float64(messages)/took, "messages/s")
	b.ReportMetric(float64(want)/1e6/took, "MB/s")
	b.ReportMetric(p.cpu().Seconds()/(float64(want)/1e9), "CPU-s/GB")
	b.ReportMetric(p.peakMiB(), "peak-MiB")
}
