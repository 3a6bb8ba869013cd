//go:build linux

package cmd_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// backlogMany and backlogFew are how many files wait, of which backlogShip
	// are shipped to see what one costs.
	backlogMany, backlogFew = 1_000_000, 6_000
	backlogShip             = 5_000
)

// BenchmarkBacklog is whether a file costs more, and the first one takes
// longer, because a million others wait.
func BenchmarkBacklog(b *testing.B) {
	once(b, func() {
		dir := memoryDir(b, 8<<30)
		few := waitingFiles(b, dir, backlogFew)
		many := waitingFiles(b, dir, backlogMany)
		b.ReportMetric(many.first.Seconds(), "first-s")
		b.ReportMetric(many.cpu, "cpu-ms/file")
		b.ReportMetric(many.cpu/few.cpu, "x-few")
		b.ReportMetric(many.rate, "files/s")
		b.ReportMetric(many.peak, "peak-MiB")
		b.Logf("%d files wait: %+v\n%d files wait: %+v", backlogFew, few, backlogMany, many)
	})
}

type backlogCost struct {
	first time.Duration // from the start to the first upload
	cpu   float64       // milliseconds a file, after the first thousand
	rate  float64       // files a second
	peak  float64
}

func waitingFiles(b *testing.B, dir string, files int) (cost backlogCost) {
	b.Helper()
	dir, err := os.MkdirTemp(dir, "backlog-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	node := startHashingNode(b)
	config := benchConfig(b, dir, map[string]string{"upload_url": node.url})
	fillStore(b, filepath.Join(dir, "store"), files, 200)
	began := time.Now()
	p := launchOurs(b, "uploader", "-q", "-c", config)
	reached := func(n int64) time.Time {
		for node.files.Load() < n {
			if time.Since(began) > 2*time.Minute {
				b.Fatalf("%d of %d files after two minutes; the uploader said:\n%s", node.files.Load(), n, &p.out)
			}
			time.Sleep(time.Millisecond)
		}
		return time.Now()
	}
	cost.first = reached(1).Sub(began)
	at := reached(1000)
	before := cpuOf(b, p.cmd.Process.Pid)
	took := reached(backlogShip).Sub(at)
	cost.cpu = float64(cpuOf(b, p.cmd.Process.Pid)-before) / float64(time.Millisecond) / (backlogShip - 1000)
	cost.rate = (backlogShip - 1000) / took.Seconds()
	p.stop()
	cost.peak = p.peakMiB()
	return cost
}

// BenchmarkBooks is what a ledger of a million receipts costs at the start of
// the uploader and in daemon status, beside one of a thousand.
func BenchmarkBooks(b *testing.B) {
	once(b, func() {
		dir := memoryDir(b, 2<<30)
		var start, status [2]float64
		for i, receipts := range []int{1000, 1_000_000} {
			start[i], status[i] = books(b, dir, receipts)
		}
		b.ReportMetric(start[1], "start-ms")
		b.ReportMetric(start[1]/start[0], "x-start")
		b.ReportMetric(status[1], "status-ms")
		b.ReportMetric(status[1]/status[0], "x-status")
	})
}

// books returns the medians of how long an uploader that finds nothing to do,
// and a look at the status, take.
func books(b *testing.B, dir string, receipts int) (start, status float64) {
	b.Helper()
	dir, err := os.MkdirTemp(dir, "books-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	config := benchConfig(b, dir, map[string]string{"upload_url": "http://127.0.0.1:1/api/upload"})
	measure := func(name string, args ...string) float64 {
		var took []float64
		for range 7 {
			began := time.Now()
			p := launchOurs(b, name, append(args, "-q", "-c", config)...)
			<-p.ended // daemon status exits 1 where nothing runs
			took = append(took, p.stopped.Sub(began).Seconds()*1e3)
		}
		return median(took)
	}
	launchOurs(b, "uploader", "-q", "-c", config, "--drain").wait() // makes the store
	writeLedger(b, filepath.Join(dir, "store", "ledger"), receipts)
	sumUp(b, dir, config)
	return measure("uploader", "--drain"), measure("daemon", "status")
}

// sumUp has an uploader run until it has looked through the ledger, as it does in
// the background after its start, once.
func sumUp(b *testing.B, dir, config string) {
	b.Helper()
	summary := filepath.Join(dir, "store", ".state", "ledger.summary.json")
	if err := os.Remove(summary); err != nil && !os.IsNotExist(err) {
		b.Fatal(err)
	}
	p := launchOurs(b, "uploader", "-q", "-c", config)
	for began := time.Now(); !hasBytes(summary); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			b.Fatalf("no %s; the uploader said:\n%s", summary, &p.out)
		}
	}
	p.stop()
}

// writeLedger writes receipts as the uploader does, half of them last month's.
func writeLedger(b *testing.B, dir string, receipts int) {
	b.Helper()
	now := time.Now().UTC()
	for part := range 2 {
		at := time.Date(now.Year(), now.Month()-1+time.Month(part), 1, 0, 0, 0, 0, time.UTC)
		f, err := os.Create(filepath.Join(dir, at.Format("2006-01")+".jsonl"))
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriterSize(f, 1<<20)
		for i := range receipts / 2 {
			n := part*receipts/2 + i
			fmt.Fprintf(w, `{"time":%q,"name":%q,"size":1048000,"sha256":"%064x","sink":"webnode","url":"http://127.0.0.1:1/api/upload","filehash":"%064x","key":"%s","attempts":1,"by":"watch"}`+"\n",
				at.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), fileName(n), n, n+1, strings.Repeat("ab", 32))
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
