//go:build linux

package cmd_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// captureBytes is how much one run captures.
const captureBytes = 1200 << 20

// contest is one stream, captured by one competitor after the other.
type contest struct {
	b      *testing.B
	load   *load
	sender *sender
	rounds int
	bytes  int64
}

func newContest(b *testing.B, l *load, s *sender, rounds int) *contest {
	return &contest{b, l, s, rounds, l.bytes * int64(rounds)}
}

// run measures from the moment in which the server sees the client to the end
// of the process, so that all is written, and where they do that, finished.
func (c *contest) run(f *figures, start func() *program) float64 {
	for len(c.sender.accepted) > 0 {
		<-c.sender.accepted
	}
	before := ownCPU(c.b)
	p := start()
	p.wait()
	select {
	case began := <-c.sender.accepted:
		f.sender = append(f.sender, (ownCPU(c.b)-before).Seconds()/(float64(c.bytes)/1e9))
		return f.add(p, c.bytes, p.stopped.Sub(began))
	default:
		c.b.Fatalf("%s never came; it said:\n%s", p.cmd, &p.out)
		return 0
	}
}

// grabber captures into a store in dir, with files removed as they are
// finished; nothing may be missing.
func (c *contest) grabber(f *figures, dir string, keys map[string]string) float64 {
	c.b.Helper()
	dir, err := os.MkdirTemp(dir, "grabber-")
	if err != nil {
		c.b.Fatal(err)
	}
	settings := map[string]string{"stream_url": c.sender.url, "stream_auth": "none"}
	for key, value := range keys {
		settings[key] = value
	}
	config := benchConfig(c.b, dir, settings)
	files := removeFinished(filepath.Join(dir, "store"))
	mbs := c.run(f, func() *program {
		return launchOurs(c.b, "grabber", "-q", "-c", config, "--messages", strconv.Itoa(c.rounds*len(c.load.messages)))
	})
	got := files.stop()
	if keys["grabber_compress"] != "" {
		got = c.booked(filepath.Join(dir, "store"))
	}
	if got != c.bytes {
		c.b.Fatalf("%d bytes of finished files, want %d", got, c.bytes)
	}
	return mbs
}

// booked returns how many bytes the captured book says are in the files, and
// tells how many of them were packed.
func (c *contest) booked(store string) (bytes int64) {
	c.b.Helper()
	books, err := filepath.Glob(filepath.Join(store, "ledger", "captured-*"))
	if err != nil || len(books) == 0 {
		c.b.Fatalf("no captured book: %v", err)
	}
	var files, packed, inside, size int64
	for _, book := range books {
		text, err := os.ReadFile(book)
		if err != nil {
			c.b.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, `{"kind":"file",`) {
				continue
			}
			var f struct {
				Bytes  int64
				Packed int64 `json:"packed_bytes"`
			}
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				c.b.Fatal(err)
			}
			files, bytes = files+1, bytes+f.Bytes
			if f.Packed > 0 {
				packed, inside, size = packed+1, inside+f.Bytes, size+f.Packed
			}
		}
	}
	c.b.Logf("%d of %d files were packed, to %.1f %%", packed, files, float64(size)/float64(inside)*100)
	return bytes
}

// BenchmarkCapturePacked is the capture with zstd beside the one without, in
// turns, at full rate, where compression does not keep up and gives way.
func BenchmarkCapturePacked(b *testing.B) {
	once(b, func() {
		l := newLoad(b)
		dir := memoryDir(b, 4<<30)
		rounds := l.rounds(2 * captureBytes)
		c := newContest(b, l, serve(b, l.plain().send(rounds)), rounds)
		var plain, packed figures
		var ratios []float64
		for range benchRounds {
			without := c.grabber(&plain, dir, nil)
			ratios = append(ratios, c.grabber(&packed, dir, map[string]string{"grabber_compress": "zstd"})/without)
		}
		packed.report(b)
		b.ReportMetric(median(ratios), "x-plain")
		b.ReportMetric(median(plain.mbs), "plain-MB/s")
		b.ReportMetric(median(plain.cpuPerGB), "plain-cpu-s/GB")
		b.Logf("zstd %v\nplain %v\nratios %.2f", &packed, &plain, ratios)
	})
}

// curl writes what comes to one file and checks nothing.
func (c *contest) curl(f *figures, dir string, flags ...string) (mbs float64, ok bool) {
	c.b.Helper()
	path, ok := peer("curl")
	if !ok {
		return 0, false
	}
	file := filepath.Join(dir, "curl.out")
	defer os.Remove(file)
	mbs = c.run(f, func() *program {
		return launch(c.b, nil, path, append(flags, "-sN", "--noproxy", "*", "-o", file, c.sender.url)...)
	})
	if info, err := os.Stat(file); err != nil || info.Size() != c.bytes+int64(c.rounds*len(c.load.messages)) {
		c.b.Fatalf("curl wrote %v, %v", info, err)
	}
	return mbs, true
}

// scanner is bufio.Scanner and encoding/json in a process of their own.
func (c *contest) scanner(f *figures, dir string) float64 {
	c.b.Helper()
	self, err := os.Executable()
	if err != nil {
		c.b.Fatal(err)
	}
	dir, err = os.MkdirTemp(dir, "scanner-")
	if err != nil {
		c.b.Fatal(err)
	}
	files := removeFinished(dir)
	mbs := c.run(f, func() *program {
		return launch(c.b, []string{peerVariable + "=scanner"}, self, c.sender.url, dir)
	})
	if got := files.stop(); got != c.bytes {
		c.b.Fatalf("the scanner wrote %d bytes, want %d", got, c.bytes)
	}
	return mbs
}

// inflater is klauspost's reader in a process of its own, on one processor.
func (c *contest) inflater(f *figures) float64 {
	c.b.Helper()
	self, err := os.Executable()
	if err != nil {
		c.b.Fatal(err)
	}
	return c.run(f, func() *program { return launch(c.b, []string{peerVariable + "=inflater"}, self, c.sender.url) })
}

// report reports the grabber's own figures.
func (f *figures) report(b *testing.B) {
	b.ReportMetric(median(f.mbs), "MB/s")
	b.ReportMetric(median(f.cpuPerGB), "cpu-s/GB")
	b.ReportMetric(median(f.peak), "peak-MiB")
	b.ReportMetric(median(f.sender), "sender-cpu-s/GB")
}

func (f *figures) String() string {
	return fmt.Sprintf("%.0f MB/s, %.2f CPU s/GB, %.0f MiB; the sender %.2f CPU s/GB", f.mbs, f.cpuPerGB, f.peak, f.sender)
}

// BenchmarkCapture is the whole capture path at full rate, with the store in
// memory, beside what others make of the same stream in the same minute.
func BenchmarkCapture(b *testing.B) {
	once(b, func() {
		l := newLoad(b)
		dir := memoryDir(b, 4<<30)
		rounds := l.rounds(captureBytes)
		c := newContest(b, l, serve(b, l.plain().send(rounds)), rounds)
		var grabber, curl, scanner figures
		var overCurl, overScanner []float64
		for range benchRounds {
			ours := c.grabber(&grabber, dir, nil)
			if theirs, ok := c.curl(&curl, dir); ok {
				overCurl = append(overCurl, ours/theirs)
			}
			overScanner = append(overScanner, ours/c.scanner(&scanner, dir))
		}
		grabber.report(b)
		if len(overCurl) > 0 {
			b.ReportMetric(median(overCurl), "x-curl")
			b.ReportMetric(median(curl.mbs), "curl-MB/s")
			b.ReportMetric(median(curl.cpuPerGB), "curl-cpu-s/GB")
		}
		b.ReportMetric(median(overScanner), "x-scanner")
		b.ReportMetric(median(scanner.mbs), "scanner-MB/s")
		b.ReportMetric(median(scanner.cpuPerGB), "scanner-cpu-s/GB")
		b.Logf("grabber %v\ncurl %v\nscanner %v", &grabber, &curl, &scanner)
	})
}

// BenchmarkCaptureGzip is the same stream as Twitter sends it: gzip, flushed a
// message at a time.
func BenchmarkCaptureGzip(b *testing.B) {
	once(b, func() {
		l := newLoad(b)
		dir := memoryDir(b, 4<<30)
		rounds := l.rounds(captureBytes / 2)
		wire := l.gzipped(b, rounds)
		c := newContest(b, l, serve(b, wire.send(rounds)), rounds)
		file := c.gzipFile(dir, wire)
		var grabber, curl, inflater figures
		var overCurl, overInflater, zcat, overZcat []float64
		for range benchRounds {
			ours := c.grabber(&grabber, dir, nil)
			if theirs, ok := c.curl(&curl, dir, "--compressed"); ok {
				overCurl = append(overCurl, ours/theirs)
			}
			overInflater = append(overInflater, ours/c.inflater(&inflater))
			if theirs, ok := c.zcat(file); ok {
				zcat, overZcat = append(zcat, theirs), append(overZcat, ours/theirs)
			}
		}
		grabber.report(b)
		b.ReportMetric(median(overInflater), "x-inflater")
		b.ReportMetric(median(inflater.mbs), "inflater-MB/s")
		if len(zcat) > 0 {
			b.ReportMetric(median(zcat), "zcat-MB/s")
			b.ReportMetric(median(overZcat), "x-zcat")
		}
		if len(overCurl) > 0 {
			b.ReportMetric(median(overCurl), "x-curl")
			b.ReportMetric(median(curl.mbs), "curl-MB/s")
			b.ReportMetric(median(curl.cpuPerGB), "curl-cpu-s/GB")
		}
		b.Logf("grabber %v\ncurl --compressed %v\nthe inflater alone %v", &grabber, &curl, &inflater)
	})
}

// BenchmarkCaptureDisk is the capture onto a disk, each finished file synced,
// beside dd, which syncs once at its end.
func BenchmarkCaptureDisk(b *testing.B) {
	once(b, func() {
		l := newLoad(b)
		dir := b.TempDir()
		rounds := l.rounds(captureBytes / 2)
		c := newContest(b, l, serve(b, l.plain().send(rounds)), rounds)
		var grabber figures
		var dd, overDD []float64
		for range benchRounds {
			ours := c.grabber(&grabber, dir, nil)
			if theirs, ok := ddSync(b, dir, c.bytes); ok {
				dd, overDD = append(dd, theirs), append(overDD, ours/theirs)
			}
		}
		grabber.report(b)
		if len(dd) > 0 {
			b.ReportMetric(median(overDD), "x-dd")
			b.ReportMetric(median(dd), "dd-MB/s")
		}
		b.Logf("grabber %v\ndd %.0f MB/s", &grabber, dd)
	})
}
