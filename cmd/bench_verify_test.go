//go:build linux

package cmd_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

// BenchmarkVerify balances books of a million files, all shipped;
// TWITTER_STREAM_TEST_FILES is another number of them.
func BenchmarkVerify(b *testing.B) {
	files, err := strconv.Atoi(os.Getenv("TWITTER_STREAM_TEST_FILES"))
	if err != nil {
		files = 1_000_000
	}
	once(b, func() {
		dir := memoryDir(b, 2<<30)
		config := benchConfig(b, dir, map[string]string{"upload_url": "https://node.example.com/api/upload"})
		spool, err := store.Open(store.Config{Dir: filepath.Join(dir, "store"), Prefix: prefix, WorkingName: "grabber.dat", Create: true})
		if err != nil {
			b.Fatal(err)
		}
		defer spool.Close()
		writeBooks(b, filepath.Join(dir, "store", "ledger"), files)
		begin := time.Now()
		p := launchOurs(b, "uploader", "-q", "-c", config, "verify")
		p.wait()
		took := p.stopped.Sub(begin).Seconds()
		cpu := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
		b.ReportMetric(took, "s")
		b.ReportMetric(cpu.Seconds(), "CPU-s")
		b.ReportMetric(p.peakMiB(), "peak-MiB")
		b.Logf("%s", &p.out)
	})
}

// writeBooks writes the books of n files, with lines as long as they are with a
// position and a key.
func writeBooks(b *testing.B, dir string, n int) {
	b.Helper()
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	write := func(book string, line func(out *bufio.Writer, name, hash string, i int)) {
		f, err := os.Create(filepath.Join(dir, book))
		if err != nil {
			b.Fatal(err)
		}
		out := bufio.NewWriterSize(f, 1<<20)
		for i := range n {
			at := begin.Add(time.Duration(i) * time.Second)
			name := prefix + at.Format("20060102T150405.000000Z") + fmt.Sprintf("-%06d.jsonl", i%1_000_000)
			line(out, name, fmt.Sprintf("%x", sha256.Sum256([]byte(name))), i)
		}
		if err := out.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	write("captured-2026-11.ndjson", func(out *bufio.Writer, name, hash string, i int) {
		fmt.Fprintf(out, `{"kind":"file","name":"%s","messages":300,"bytes":%d,"sha256":"%s","first":"2026-11-01T00:00:00.000001Z","last":"2026-11-01T00:00:01.000001Z","position":"[{\"topic\":\"eqiad.mediawiki.recentchange\",\"partition\":0,\"offset\":5123456789}]"}`+"\n",
			name, 1_000_000+i, hash)
	})
	write("2026-11.jsonl", func(out *bufio.Writer, name, hash string, i int) {
		fmt.Fprintf(out, `{"time":"2026-11-01T00:00:02.123456789Z","name":"%s","size":%d,"sha256":"%s","sink":"webnode","url":"https://node.example.com/api/upload","filehash":"%s","key":"%s","attempts":1,"by":"watch"}`+"\n",
			name, 1_000_000+i, hash, hash, hash)
	})
}
