//go:build linux

package cmd_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	idleTime      = 20 * time.Second
	idleKeepAlive = 10 * time.Second
	idleSettle    = 5 * time.Second
)

// BenchmarkIdle is what the three programs together cost while the stream
// brings keep-alives only and nothing waits to be shipped.
func BenchmarkIdle(b *testing.B) {
	once(b, func() {
		s := serve(b, keepAlives)
		node := startHashingNode(b)
		dir := b.TempDir()
		config := benchConfig(b, dir, map[string]string{"stream_url": s.url, "stream_auth": "none", "upload_url": node.url})
		p := launchOurs(b, "daemon", "-q", "-c", config)
		time.Sleep(idleSettle)
		pids := map[string]int{"daemon": p.cmd.Process.Pid}
		var status struct {
			Children []struct {
				Name string
				PID  int
			}
		}
		if !readStatus(b, filepath.Join(dir, "store"), "daemon", &status) || len(status.Children) != 2 {
			b.Fatalf("no status of a daemon with two children: %+v; it said:\n%s", status, &p.out)
		}
		for _, child := range status.Children {
			pids[child.Name] = child.PID
		}
		before, asleep := map[string]time.Duration{}, map[string]int64{}
		for name, pid := range pids {
			before[name], asleep[name] = cpuOf(b, pid), sleepsOf(b, pid)
		}
		began := time.Now()
		time.Sleep(idleTime)
		total, took := 0.0, time.Since(began)
		for name, pid := range pids {
			share := float64(cpuOf(b, pid)-before[name]) / float64(took) * 100
			b.ReportMetric(share, name+"-cpu-%")
			b.ReportMetric(float64(sleepsOf(b, pid)-asleep[name])/took.Seconds(), name+"-wakes/s")
			b.ReportMetric(float64(procStatus(pid, "VmRSS"))/(1<<20), name+"-MiB")
			total += share
		}
		b.ReportMetric(total, "cpu-%")
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.Fatal(err)
		}
		p.wait()
	})
}

// keepAlives sends nothing else.
func keepAlives(conn net.Conn) error {
	if _, err := conn.Write([]byte(plainHead)); err != nil {
		return err
	}
	for {
		if _, err := conn.Write([]byte("2\r\n\r\n\r\n")); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(idleKeepAlive)); err != nil {
			return err
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil && !os.IsTimeout(err) {
			return err // the client has left
		}
	}
}

// cpuOf returns what the threads of a process have run. The ticks of
// /proc/<pid>/stat, ten milliseconds each, would be too coarse.
func cpuOf(b *testing.B, pid int) (total time.Duration) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		b.Fatalf("process %d has no schedstat: %v", pid, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread has just ended
		}
		n, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		total += time.Duration(n)
	}
	return total
}

// sleepsOf returns how often the threads of a process have gone to sleep. Other
// than their time it is the same on a busy machine.
func sleepsOf(b *testing.B, pid int) (total int64) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		b.Fatalf("process %d has no threads: %v", pid, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread has just ended
		}
		for line := range strings.Lines(string(text)) {
			if n, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				sleeps, _ := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
				total += sleeps
			}
		}
	}
	return total
}
