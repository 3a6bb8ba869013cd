//go:build linux

package cmd_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// load is what a benchmark sends: recorded messages if there are any.
type load struct {
	messages [][]byte
	bytes    int64 // of one round as files hold it, a line feed a message
}

func newLoad(b *testing.B) *load {
	b.Helper()
	l := &load{messages: recorded(b)}
	for _, m := range l.messages {
		l.bytes += int64(len(m)) + 1
	}
	return l
}

// recorded returns what Twitter really sent, else made-up messages.
func recorded(b *testing.B) [][]byte {
	dir := os.Getenv("TWITTER_STREAM_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	data, err := os.ReadFile(filepath.Join(dir, "tweets-v11.jsonl"))
	if err == nil {
		return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	}
	b.Logf("made-up messages are sent: %v", err)
	tw, err := sandbox.StartTwitter(sandbox.TwitterConfig{})
	if err != nil {
		b.Fatal(err)
	}
	defer tw.Close()
	var messages [][]byte
	for seq := uint64(1); seq <= 4000; seq++ {
		messages = append(messages, tw.Message(seq))
	}
	return messages
}

// rounds returns how many rounds make about so many bytes.
func (l *load) rounds(bytes int64) int { return int(max(1, bytes/l.bytes)) }

func chunk(w *bytes.Buffer, parts ...[]byte) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	fmt.Fprintf(w, "%x\r\n", size)
	for _, p := range parts {
		w.Write(p)
	}
	w.WriteString("\r\n")
}

// body is an HTTP answer that is ready for the wire: begin, then block over
// and over, then end.
type body struct{ begin, block, end []byte }

const (
	plainHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
	gzipHead  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)

// plain is a chunk a message, each ended by CRLF.
func (l *load) plain() body {
	var w bytes.Buffer
	for _, m := range l.messages {
		chunk(&w, m, []byte("\r\n"))
	}
	return body{[]byte(plainHead), w.Bytes(), []byte("0\r\n\r\n")}
}

// gzipped is the same as one gzip member, flushed after each message. What one
// round was deflated to refers to nothing before it and ends at a byte, so that
// it may be repeated; only the checksum at the end is of all rounds.
func (l *load) gzipped(b *testing.B, rounds int) body {
	b.Helper()
	var w, deflated, plain bytes.Buffer
	z, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range l.messages {
		line := append(bytes.Clone(m), '\r', '\n')
		plain.Write(line)
		if _, err := z.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			b.Fatal(err)
		}
		chunk(&w, deflated.Next(deflated.Len()))
	}
	sum := uint32(0)
	for range rounds {
		sum = crc32.Update(sum, crc32.IEEETable, plain.Bytes())
	}
	var begin, end bytes.Buffer
	begin.WriteString(gzipHead)
	chunk(&begin, []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255})
	trailer := binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0xff, 0xff}, sum) // an empty last block before it
	trailer = binary.LittleEndian.AppendUint32(trailer, uint32(plain.Len()*rounds))
	chunk(&end, trailer)
	end.WriteString("0\r\n\r\n")
	return body{begin.Bytes(), w.Bytes(), end.Bytes()}
}

// sender is a server as cheap as can be: it writes what was made ready and
// looks at nothing. Its URL answers one client at a time.
type sender struct {
	url      string
	listener net.Listener
	accepted chan time.Time // when each client was accepted
	clients  sync.WaitGroup
}

// serve answers each client by calling write with its connection.
func serve(b *testing.B, write func(net.Conn) error) *sender {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &sender{url: "http://" + listener.Addr().String() + "/1.1/statuses/sample.json", listener: listener, accepted: make(chan time.Time, 16)}
	s.clients.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.clients.Go(func() {
				defer conn.Close()
				// Else each acknowledgement would make the reader's processor do
				// the sending too, as it never has to with a distant server.
				if err := conn.(*net.TCPConn).SetWriteBuffer(1 << 20); err != nil {
					return
				}
				select {
				case s.accepted <- time.Now():
				default:
				}
				if skipRequest(conn) == nil {
					_ = write(conn) // a client that leaves has what it wants
				}
			})
		}
	})
	b.Cleanup(s.close)
	return s
}

func (s *sender) close() {
	_ = s.listener.Close()
	s.clients.Wait()
}

func skipRequest(conn net.Conn) error {
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return err
		}
	}
}

// send returns a writer of whole answers of so many rounds.
func (a body) send(rounds int) func(net.Conn) error {
	return func(conn net.Conn) error {
		if _, err := conn.Write(a.begin); err != nil {
			return err
		}
		for range rounds {
			if _, err := conn.Write(a.block); err != nil {
				return err
			}
		}
		if _, err := conn.Write(a.end); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 1)) // until the client closes
		return err
	}
}
