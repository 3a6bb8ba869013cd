//go:build linux

package cmd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// requestsLoop is the loop that one writes first in Python.
const requestsLoop = `
import json, os, requests, sys
url, to = sys.argv[1:]
n = size = 0
out = None
for line in requests.get(url, stream=True).iter_lines(chunk_size=65536):
    if not line:
        continue
    json.loads(line)
    if out and size + len(line) + 1 > 1 << 20:
        out.close()
        os.rename(out.name, out.name[:-4] + "jsonl")
        out = None
    if not out:
        n, size = n + 1, 0
        out = open(os.path.join(to, "python-%06d.part" % n), "wb")
    out.write(line + b"\n")
    size += len(line) + 1
out.close()
os.rename(out.name, out.name[:-4] + "jsonl")
`

// originalKeys are the original's settings, as its config.py hands them on; its
// versions spell quiet in two ways.
const originalKeys = `{
    "stream_url": url, "upload_url": url, "grabber_storage_directory": store, "grabber_temp_file": "grabber.dat", "grabber_cut_size": 1024,
    "grabber_retries": 2, "upload_retries": 5, "tweet_file_prefix": "Sodefaksd231-", "verbosity": False, "quiet": True, "quite": True,
}`

const originalGrabber = `
import sys
sys.path.insert(0, sys.argv[1])
url, store = sys.argv[2:]
from grabber import Grabber
Grabber(` + originalKeys + `, None).consume_tweets()
`

// originalUploader ends when the original would sleep, having found no file.
const originalUploader = `
import sys, time
sys.path.insert(0, sys.argv[1])
url, store = sys.argv[2:]
from uploader import Uploader
def asleep(seconds):
    sys.exit(0)
time.sleep = asleep
Uploader(` + originalKeys + `).upload_files()
`

// script runs one of these; it goes round no proxy and writes nothing beside what
// it imports.
func script(b *testing.B, python, text string, args ...string) *program {
	b.Helper()
	return launch(b, []string{"NO_PROXY=*", "no_proxy=*", "PYTHONDONTWRITEBYTECODE=1"}, python, append([]string{"-c", text}, args...)...)
}

// BenchmarkCaptureScripts is the capture beside what Python makes of the same
// stream: a loop over requests, and the original. They take a small share of what
// the others are measured by.
func BenchmarkCaptureScripts(b *testing.B) {
	once(b, func() {
		l := newLoad(b)
		dir := memoryDir(b, 2<<30)
		rounds := l.rounds(captureBytes / 6)
		c := newContest(b, l, serve(b, l.plain().send(rounds)), rounds)
		var grabber, loop, first figures
		var overLoop, overFirst []float64
		for range benchRounds {
			ours := c.grabber(&grabber, dir, nil)
			if theirs, ok := c.requests(&loop, dir); ok {
				overLoop = append(overLoop, ours/theirs)
			}
			if theirs, ok := c.original(&first, dir); ok {
				overFirst = append(overFirst, ours/theirs)
			}
		}
		grabber.report(b)
		loop.beside(b, "python", overLoop)
		first.beside(b, "original", overFirst)
	})
}

// beside reports a peer's figures, and ours over them.
func (f *figures) beside(b *testing.B, name string, over []float64) {
	if len(over) == 0 {
		return
	}
	b.ReportMetric(median(over), "x-"+name)
	b.ReportMetric(median(f.mbs), name+"-MB/s")
	b.ReportMetric(median(f.cpuPerGB), name+"-cpu-s/GB")
	b.ReportMetric(median(f.peak), name+"-peak-MiB")
}

func (c *contest) requests(f *figures, dir string) (mbs float64, ok bool) {
	c.b.Helper()
	path, ok := python()
	if !ok {
		return 0, false
	}
	dir, err := os.MkdirTemp(dir, "python-")
	if err != nil {
		c.b.Fatal(err)
	}
	files := removeFinished(dir)
	mbs = c.run(f, func() *program { return script(c.b, path, requestsLoop, c.sender.url, dir) })
	if got := files.stop(); got != c.bytes {
		c.b.Fatalf("the Python loop wrote %d bytes, want %d", got, c.bytes)
	}
	return mbs, true
}

// original does not ask how much there is in the end: it loses its last file, and
// all line ends.
func (c *contest) original(f *figures, dir string) (mbs float64, ok bool) {
	c.b.Helper()
	from, path, ok := original()
	if !ok {
		return 0, false
	}
	dir, err := os.MkdirTemp(dir, "original-")
	if err != nil {
		c.b.Fatal(err)
	}
	defer os.RemoveAll(dir) // it is in memory
	return c.run(f, func() *program { return script(c.b, path, originalGrabber, from, c.sender.url, dir) }), true
}

// shipOriginal ships with the original, one file after the other.
func shipOriginal(b *testing.B, dir string, node *hashingNode) (took time.Duration, p *program) {
	b.Helper()
	from, path, ok := original()
	if !ok {
		return 0, nil
	}
	dir, err := os.MkdirTemp(dir, "original-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	fillStore(b, dir, shipFiles, 1<<20)
	before, began := node.files.Load(), time.Now()
	p = script(b, path, originalUploader, from, node.url, dir)
	p.wait()
	if got := node.files.Load() - before; got != shipFiles {
		b.Fatalf("the node got %d files of the original, want %d", got, shipFiles)
	}
	return p.stopped.Sub(began), p
}

// zcat inflates what the sender sends, from a file in memory and on one processor.
func (c *contest) zcat(file string) (mbs float64, ok bool) {
	c.b.Helper()
	path, ok := peer("zcat")
	if !ok {
		return 0, false
	}
	began := time.Now()
	p := launch(c.b, nil, "/bin/sh", "-c", `exec "$0" "$1" >/dev/null`, path, file)
	p.wait()
	return float64(c.bytes) / 1e6 / p.stopped.Sub(began).Seconds(), true
}

// gzipFile writes what a client gets out of the chunks of a body to a file.
func (c *contest) gzipFile(dir string, a body) string {
	c.b.Helper()
	parts := []io.Reader{bytes.NewReader(a.begin)}
	for range c.rounds {
		parts = append(parts, bytes.NewReader(a.block))
	}
	res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(append(parts, bytes.NewReader(a.end))...)), nil)
	if err != nil {
		c.b.Fatal(err)
	}
	defer res.Body.Close()
	file, err := os.Create(filepath.Join(dir, "stream.gz"))
	if err != nil {
		c.b.Fatal(err)
	}
	if _, err := io.Copy(file, res.Body); err != nil {
		c.b.Fatal(fmt.Errorf("write %s: %w", file.Name(), err))
	}
	if err := file.Close(); err != nil {
		c.b.Fatal(err)
	}
	return file.Name()
}

// ddSync writes as much by dd conv=fdatasync.
func ddSync(b *testing.B, dir string, bytes int64) (mbs float64, ok bool) {
	b.Helper()
	path, ok := peer("dd")
	if !ok {
		return 0, false
	}
	file := filepath.Join(dir, "dd.out")
	defer os.Remove(file)
	began := time.Now()
	count := bytes >> 20
	launch(b, nil, path, "if=/dev/zero", "of="+file, "bs=1M", "count="+strconv.FormatInt(count, 10), "conv=fdatasync").wait()
	return float64(count<<20) / 1e6 / time.Since(began).Seconds(), true
}
