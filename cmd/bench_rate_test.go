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

// rateTime is how long a rate is kept up, after a second to settle.
const rateTime = 10 * time.Second

// BenchmarkRate is what the grabber costs at the rates of real streams, its store
// on a disk: 60 messages a second are Twitter's sample of one in a hundred,
// 5,700 all of Twitter on average (2013).
func BenchmarkRate(b *testing.B) {
	for _, rate := range []int{60, 5700} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			once(b, func() { b.ReportMetric(costAt(b, rate), "cpu-%") })
		})
	}
}

// costAt returns the share of a processor that the grabber takes at a rate.
func costAt(b *testing.B, rate int) float64 {
	b.Helper()
	l := newLoad(b)
	s := serve(b, func(conn net.Conn) error { return l.keepUp(conn, rate) })
	config := benchConfig(b, b.TempDir(), map[string]string{"stream_url": s.url, "stream_auth": "none"})
	p := launchOurs(b, "grabber", "-q", "-c", config)
	<-s.accepted
	time.Sleep(time.Second)
	before, began := cpuOf(b, p.cmd.Process.Pid), time.Now()
	time.Sleep(rateTime)
	share := float64(cpuOf(b, p.cmd.Process.Pid)-before) / float64(time.Since(began)) * 100
	p.stop()
	return share
}

// keepUp sends messages at a rate until the client leaves: each by itself, or
// all that are due when the system's timers are coarser than that.
func (l *load) keepUp(conn net.Conn, rate int) error {
	if _, err := conn.Write([]byte(plainHead)); err != nil {
		return err
	}
	var wire bytes.Buffer
	began := time.Now()
	for sent := 0; ; {
		due := int(time.Since(began).Seconds() * float64(rate))
		wire.Reset()
		for ; sent < due; sent++ {
			chunk(&wire, l.messages[sent%len(l.messages)], []byte("\r\n"))
		}
		if _, err := conn.Write(wire.Bytes()); err != nil {
			return err
		}
		time.Sleep(time.Until(began.Add(time.Duration(sent+1) * time.Second / time.Duration(rate))))
	}
}

// BenchmarkStart is the time from the start of the grabber to its first message
// being in the store, with a server that sends at once.
func BenchmarkStart(b *testing.B) {
	once(b, func() {
		l := newLoad(b)
		s := serve(b, func(conn net.Conn) error { return l.keepUp(conn, 1000) })
		var took []float64
		for range 7 {
			dir := b.TempDir()
			config := benchConfig(b, dir, map[string]string{"stream_url": s.url, "stream_auth": "none"})
			began := time.Now()
			p := launchOurs(b, "grabber", "-q", "-c", config)
			for !hasBytes(filepath.Join(dir, "store", "grabber.dat")) {
				if time.Since(began) > time.Minute {
					b.Fatalf("no message; the grabber said:\n%s", &p.out)
				}
				time.Sleep(latencyLook)
			}
			took = append(took, time.Since(began).Seconds()*1e3)
			p.stop()
		}
		b.ReportMetric(median(took), "start-ms")
	})
}

func hasBytes(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// BenchmarkSize is what the three programs take on a disk, stripped as make
// build does it.
func BenchmarkSize(b *testing.B) {
	once(b, func() {
		dir, total := b.TempDir(), int64(0)
		args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", dir + "/", "./daemon", "./grabber", "./uploader"}
		launch(b, nil, "go", args...).wait()
		for _, name := range []string{"daemon", "grabber", "uploader"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				b.Fatal(err)
			}
			total += info.Size()
		}
		b.ReportMetric(float64(total)/(1<<20), "MiB")
	})
}
