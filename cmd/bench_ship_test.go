//go:build linux

package cmd_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shipFiles are shipped in one run, 1 MiB each.
const shipFiles = 500

// fileName is a name as the grabber gives them.
func fileName(i int) string {
	at := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second)
	return fmt.Sprintf("Sodefaksd231-%s-%06d.jsonl", at.Format("20060102T150405.000000Z"), i)
}

// fillStore puts n files into a directory; each differs from the others.
func fillStore(b *testing.B, dir string, n, size int) {
	b.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		line := fmt.Appendf(nil, `{"n":%d,"text":"`, i)
		line = append(line, bytes.Repeat([]byte("x"), max(0, size-len(line)-3))...)
		line = append(line, "\"}\n"...)
		if err := os.WriteFile(filepath.Join(dir, fileName(i)), line, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShip ships files of 1 MiB from memory to a cheap node, each proven,
// receipted and removed, beside eight parallel transfers of curl, which prove
// and note nothing, and the original, which sends one after the other.
func BenchmarkShip(b *testing.B) {
	once(b, func() {
		dir := memoryDir(b, 2<<30)
		node := startHashingNode(b)
		var ours, theirs, ratio, cpu, peak, first, overFirst []float64
		for range benchRounds {
			took, p := shipOurs(b, dir, node)
			ours = append(ours, shipFiles/took.Seconds())
			cpu = append(cpu, p.cpu().Seconds()/(shipFiles<<20)*1e9)
			peak = append(peak, p.peakMiB())
			if took, ok := shipCurl(b, dir, node); ok {
				theirs = append(theirs, shipFiles/took.Seconds())
				ratio = append(ratio, ours[len(ours)-1]/theirs[len(theirs)-1])
			}
			if took, p := shipOriginal(b, dir, node); p != nil {
				first = append(first, shipFiles/took.Seconds())
				overFirst = append(overFirst, ours[len(ours)-1]/first[len(first)-1])
			}
		}
		b.ReportMetric(median(ours), "files/s")
		b.ReportMetric(median(cpu), "cpu-s/GB")
		b.ReportMetric(median(peak), "peak-MiB")
		if len(theirs) > 0 {
			b.ReportMetric(median(theirs), "curl-files/s")
			b.ReportMetric(median(ratio), "x-curl")
		}
		if len(first) > 0 {
			b.ReportMetric(median(first), "original-files/s")
			b.ReportMetric(median(overFirst), "x-original")
		}
	})
}

func shipOurs(b *testing.B, dir string, node *hashingNode) (time.Duration, *program) {
	b.Helper()
	dir, err := os.MkdirTemp(dir, "ship-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	config := benchConfig(b, dir, map[string]string{"upload_url": node.url})
	fillStore(b, filepath.Join(dir, "store"), shipFiles, 1<<20)
	before, began := node.files.Load(), time.Now()
	p := launchOurs(b, "uploader", "-q", "-c", config, "--drain")
	p.wait()
	if got := node.files.Load() - before; got != shipFiles {
		b.Fatalf("the node got %d files, want %d", got, shipFiles)
	}
	return p.stopped.Sub(began), p
}

func shipCurl(b *testing.B, dir string, node *hashingNode) (took time.Duration, ok bool) {
	b.Helper()
	path, ok := peer("curl")
	if !ok {
		return 0, false
	}
	dir, err := os.MkdirTemp(dir, "curl-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	fillStore(b, dir, shipFiles, 1<<20)
	var each []string
	for i := range shipFiles {
		each = append(each, fmt.Sprintf("form = \"file=@%s\"\nurl = %q\noutput = /dev/null\n", filepath.Join(dir, fileName(i)), node.url))
	}
	settings := filepath.Join(dir, "curl.config")
	text := "parallel\nparallel-max = 8\nsilent\nfail\nnoproxy = \"*\"\n" + strings.Join(each, "next\nsilent\nfail\nnoproxy = \"*\"\n")
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	before, began := node.files.Load(), time.Now()
	p := launch(b, nil, path, "-K", settings)
	p.wait()
	if got := node.files.Load() - before; got != shipFiles {
		b.Fatalf("the node got %d files of curl, want %d", got, shipFiles)
	}
	return p.stopped.Sub(began), true
}
