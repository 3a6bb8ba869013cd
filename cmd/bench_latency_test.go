//go:build linux

package cmd_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	latencyRate = 1000 // messages a second
	latencyTime = 10 * time.Second
	latencyLook = 200 * time.Microsecond // how often the file is looked at
)

// BenchmarkLatency is the time from the server's write of a message to its
// being in the working file, on a disk, with syncs and cuts as configured by
// default, seen from outside.
func BenchmarkLatency(b *testing.B) {
	once(b, func() {
		l := newLoad(b)
		sent := &departures{}
		s := serve(b, func(conn net.Conn) error { return l.pace(conn, sent) })
		dir := b.TempDir()
		config := benchConfig(b, dir, map[string]string{"stream_url": s.url, "stream_auth": "none"})
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		arrived := make(chan []arrival, 1)
		go func() { arrived <- follow(ctx, filepath.Join(dir, "store", "grabber.dat")) }()
		p := launchOurs(b, "grabber", "-q", "-c", config)
		select {
		case <-p.ended:
			b.Fatalf("the grabber ended and said:\n%s", &p.out)
		case <-time.After(latencyTime + 2*time.Second):
		}
		p.stop()
		cancel()
		waits := sent.waits(<-arrived)
		if len(waits) < int(latencyTime.Seconds()*latencyRate/2) {
			b.Fatalf("only %d messages were seen; the grabber said:\n%s", len(waits), &p.out)
		}
		slices.Sort(waits)
		report := func(part float64, unit string) {
			b.ReportMetric(waits[int(float64(len(waits)-1)*part)].Seconds()*1e3, unit)
		}
		report(0.5, "p50-ms")
		report(0.99, "p99-ms")
		report(1, "max-ms")
		b.ReportMetric(p.cpu().Seconds()/latencyTime.Seconds()*100, "cpu-%")
	})
}

// departures are the messages sent: when, and where each ends in the capture.
type departures struct {
	mu   sync.Mutex
	at   []time.Time
	ends []int64
}

// pace sends messages at the rate, each by a write of its own.
func (l *load) pace(conn net.Conn, sent *departures) error {
	if _, err := conn.Write([]byte(plainHead)); err != nil {
		return err
	}
	var wire bytes.Buffer
	end, began := int64(0), time.Now()
	for i := 0; time.Since(began) < latencyTime; i++ {
		m := l.messages[i%len(l.messages)]
		end += int64(len(m)) + 1
		wire.Reset()
		chunk(&wire, m, []byte("\r\n"))
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / latencyRate)))
		sent.mu.Lock()
		sent.at, sent.ends = append(sent.at, time.Now()), append(sent.ends, end)
		sent.mu.Unlock()
		if _, err := conn.Write(wire.Bytes()); err != nil {
			return err
		}
	}
	_, err := conn.Read(make([]byte, 1)) // until the client leaves
	return err
}

// arrival says how much had been captured at a time.
type arrival struct {
	at    time.Time
	bytes int64
}

// follow notes each growth of the working file, through all that come one
// after the other under its name, until ctx ends.
func follow(ctx context.Context, path string) (seen []arrival) {
	var file *os.File
	before, last := int64(0), int64(0) // bytes of files that are cut, and of all
	for ctx.Err() == nil {
		time.Sleep(latencyLook)
		var now syscall.Stat_t
		gone := syscall.Stat(path, &now) != nil
		var ours syscall.Stat_t
		if file != nil && syscall.Fstat(int(file.Fd()), &ours) != nil {
			return seen
		}
		if total := before + ours.Size; total > last {
			seen, last = append(seen, arrival{time.Now(), total}), total
		}
		if gone || file != nil && now.Ino == ours.Ino {
			continue
		}
		if file != nil { // it was cut after its last growth, which has been noted
			before += ours.Size
			_ = file.Close() // only looked at
		}
		file, _ = os.Open(path) // a name that goes just now is looked up again
	}
	return seen
}

// waits returns how long each message took to be seen.
func (d *departures) waits(seen []arrival) (waits []time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, end := range d.ends {
		for len(seen) > 0 && seen[0].bytes < end {
			seen = seen[1:]
		}
		if len(seen) == 0 {
			break
		}
		waits = append(waits, seen[0].at.Sub(d.at[i]))
	}
	return waits
}
