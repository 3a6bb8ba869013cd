package stream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"
)

// endless serves lines over and over, a chunk a message.
func endless(tb testing.TB, lines [][]byte) string {
	tb.Helper()
	var round bytes.Buffer
	for _, line := range lines {
		fmt.Fprintf(&round, "%x\r\n%s\r\n\r\n", len(line)+2, line)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 64<<10))
				_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				for err == nil {
					_, err = conn.Write(round.Bytes())
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// average returns the mean length of a line with its line end.
func average(lines [][]byte) int64 {
	total := 0
	for _, line := range lines {
		total += len(line) + lineEnd
	}
	return int64(total / len(lines))
}

// posts returns messages of which some are control messages, as on the wire.
func posts() [][]byte {
	var lines [][]byte
	for i := range 100 {
		lines = append(lines, fmt.Appendf(nil, `{"created_at":"Wed Apr 27 18:08:01 +0000 2016","id":%d,"text":"a \u2763 b\n%0*d","user":{"id":1}}`, i, i*10, i))
		if i%7 == 0 {
			lines = append(lines, fmt.Appendf(nil, `{"delete":{"status":{"id":%d,"id_str":"%d"},"timestamp_ms":"1"}}`, i, i))
		}
	}
	return lines
}

func TestNoAllocationsPerMessage(t *testing.T) {
	lines := posts()
	s := newSource(t, endless(t, lines))
	ctx := t.Context()
	next := func() {
		if _, err := s.Next(ctx); err != nil {
			t.Fatal(err)
		}
		s.Buffered()
	}
	for range 1000 {
		next()
	}
	if got := testing.AllocsPerRun(20_000, next); got != 0 {
		t.Errorf("%v allocations a message, want 0", got)
	}
}

func BenchmarkNext(b *testing.B) {
	lines := realData(b, "tweets-v11.jsonl")
	s := newSource(b, endless(b, lines))
	ctx := b.Context()
	b.SetBytes(average(lines))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// The same stream read as most clients do.
func BenchmarkScannerAndEncodingJSON(b *testing.B) {
	lines := realData(b, "tweets-v11.jsonl")
	resp, err := http.Get(endless(b, lines))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	scanner := bufio.NewScanner(resp.Body)
	b.SetBytes(average(lines))
	b.ReportAllocs()
	for b.Loop() {
		if !scanner.Scan() || !json.Valid(scanner.Bytes()) {
			b.Fatal(scanner.Err())
		}
	}
}

// What the splitter and the judge cost without a network.
func BenchmarkSplitter(b *testing.B) {
	lines := realData(b, "tweets-v11.jsonl")
	in := append(bytes.Join(lines, []byte("\r\n")), "\r\n"...)
	s := newSplitter(16<<20, func(kind drop, text []byte) { b.Errorf("dropped %d: %.50q", kind, text) })
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := in; len(rest) > 0; {
			n := copy(s.room(), rest)
			s.add(n)
			rest = rest[n:]
			for m := s.next(); m != nil; m = s.next() {
				controlKind(m)
			}
		}
	}
}

// Recorded messages spoiled a little are judged as encoding/json does.
func TestJudgesAgreeOnSpoiledMessages(t *testing.T) {
	t.Parallel()
	lines := realData(t, "tweets-v11.jsonl")
	random := rand.New(rand.NewPCG(1, 2))
	const bytesOfInterest = "{}[]\",:\\/tfnu0123456789eE+-. \t\r\n\x00\x1f\x7f\x80\xff"
	for range 5_000 {
		line := bytes.Clone(lines[random.IntN(len(lines))])
		if random.IntN(4) == 0 {
			line = line[:1+random.IntN(len(line)-1)]
		}
		for range random.IntN(3) {
			at := random.IntN(len(line))
			c := bytesOfInterest[random.IntN(len(bytesOfInterest))]
			switch random.IntN(3) {
			case 0:
				line[at] = c
			case 1:
				line = append(line[:at+1], line[at:]...)
				line[at] = c
			default:
				line = append(line[:at], line[min(at+1+random.IntN(20), len(line)):]...)
			}
			if len(line) == 0 {
				break
			}
		}
		agree(t, line)
	}
}
