//go:build linux

package cmd_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// BenchmarkMemory is the peak of resident memory, the programs' own text and
// the runtime included, in the situations that ask for most.
func BenchmarkMemory(b *testing.B) {
	b.Run("GrabberFullRate", func(b *testing.B) {
		once(b, func() {
			l := newLoad(b)
			rounds := l.rounds(captureBytes)
			c := newContest(b, l, serve(b, l.plain().send(rounds)), rounds)
			var f figures
			c.grabber(&f, memoryDir(b, 4<<30), nil)
			b.ReportMetric(f.peak[0], "peak-MiB")
		})
	})
	b.Run("GrabberHugeMessages", func(b *testing.B) {
		once(b, func() { b.ReportMetric(hugeMessages(b), "peak-MiB") })
	})
	b.Run("UploaderManyFiles", func(b *testing.B) {
		once(b, func() { b.ReportMetric(manyFiles(b), "peak-MiB") })
	})
	b.Run("UploaderPush", func(b *testing.B) {
		once(b, func() { b.ReportMetric(pushLarge(b), "peak-MiB") })
	})
}

// hugeMessages sends three messages of 15 MiB among recorded ones.
func hugeMessages(b *testing.B) float64 {
	b.Helper()
	l := newLoad(b)
	huge := append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), 15<<20)...)
	huge = append(huge, `"}`...)
	var wire bytes.Buffer
	chunk(&wire, huge, []byte("\r\n"))
	const times = 3
	plain := l.plain()
	s := serve(b, func(conn net.Conn) error {
		blocks := [][]byte{plain.begin}
		for range times {
			blocks = append(blocks, plain.block, wire.Bytes(), plain.block)
		}
		for _, block := range append(blocks, plain.end) {
			if _, err := conn.Write(block); err != nil {
				return err
			}
		}
		_, err := conn.Read(make([]byte, 1)) // until the client closes
		return err
	})
	dir := memoryDir(b, 1<<30)
	config := benchConfig(b, dir, map[string]string{"stream_url": s.url, "stream_auth": "none"})
	p := launchOurs(b, "grabber", "-q", "-c", config, "--messages", strconv.Itoa(times*(2*len(l.messages)+1)))
	p.wait()
	return p.peakMiB()
}

// manyFiles has 100,000 small files wait, and ships for a while.
func manyFiles(b *testing.B) float64 {
	b.Helper()
	const files = 100_000
	dir := memoryDir(b, 2<<30)
	node := startHashingNode(b)
	fillStore(b, filepath.Join(dir, "store"), files, 200)
	config := benchConfig(b, dir, map[string]string{"upload_url": node.url})
	p := launchOurs(b, "uploader", "-q", "-c", config)
	select {
	case <-p.ended:
		b.Fatalf("the uploader ended and said:\n%s", &p.out)
	case <-time.After(15 * time.Second):
	}
	p.stop()
	b.ReportMetric(float64(node.files.Load())/15, "files/s")
	return p.peakMiB()
}

// pushLarge pushes a sparse file of 1.5 GB.
func pushLarge(b *testing.B) float64 {
	b.Helper()
	dir := memoryDir(b, 1<<30)
	node := startHashingNode(b)
	config := benchConfig(b, dir, map[string]string{"upload_url": node.url})
	file := filepath.Join(dir, "large.bin")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	const size = 1_500_000_000
	if err := os.Truncate(file, size); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	p := launchOurs(b, "uploader", "push", "-q", "-c", config, file)
	p.wait()
	b.ReportMetric(size/1e6/p.stopped.Sub(began).Seconds(), "MB/s")
	return p.peakMiB()
}
