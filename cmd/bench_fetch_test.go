//go:build linux

package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// fetchFiles are fetched in one run, 1 MiB each.
const fetchFiles = 300

// BenchmarkFetch fetches files of 1 MiB, each checked and on the disk under its
// name, beside rclone copy of the same objects, which syncs nothing: from a
// directory, and from versitygw where it is installed.
func BenchmarkFetch(b *testing.B) {
	b.Run("directory", func(b *testing.B) {
		once(b, func() {
			dir := memoryDir(b, 3<<30)
			archive := filepath.Join(dir, "archive")
			compareFetch(b, dir, archive, nil, archive, nil)
		})
	})
	b.Run("s3", func(b *testing.B) {
		once(b, func() {
			dir := memoryDir(b, 3<<30)
			g := gatewayAt(b, filepath.Join(dir, "gateway"))
			g.Bucket(b, "bucket")
			env := []string{"AWS_ACCESS_KEY_ID=" + sinktest.GatewayAccess, "AWS_SECRET_ACCESS_KEY=" + sinktest.GatewaySecret}
			rclone := []string{
				"RCLONE_CONFIG_GW_TYPE=s3", "RCLONE_CONFIG_GW_PROVIDER=Other", "RCLONE_CONFIG_GW_ENDPOINT=" + g.URL, "RCLONE_CONFIG_GW_REGION=us-east-1",
				"RCLONE_CONFIG_GW_ACCESS_KEY_ID=" + sinktest.GatewayAccess, "RCLONE_CONFIG_GW_SECRET_ACCESS_KEY=" + sinktest.GatewaySecret,
			}
			compareFetch(b, dir, "s3://bucket/archive?region=us-east-1&endpoint="+g.URL, env, "gw:bucket/archive", rclone)
		})
	})
}

// compareFetch ships files to a storage, and gets them back in turn.
func compareFetch(b *testing.B, dir, uploadURL string, env []string, remote string, rcloneEnv []string) {
	b.Helper()
	config := benchConfig(b, dir, map[string]string{"upload_url": uploadURL})
	fillStore(b, filepath.Join(dir, "store"), fetchFiles, 1<<20)
	uploader := filepath.Join(bin, "uploader")
	launch(b, env, uploader, "-q", "-c", config, "--drain").wait()
	var ours, theirs, ratio, cpu, theirCPU, peak, theirPeak []float64
	for range benchRounds {
		p, took := getAll(b, dir, env, uploader, "fetch", "-c", config, "--parallel", "8", "--into")
		ours, cpu, peak = append(ours, fetchFiles/took.Seconds()), append(cpu, p.cpu().Seconds()), append(peak, p.peakMiB())
		rclone, ok := peer("rclone")
		if !ok {
			continue
		}
		p, took = getAll(b, dir, append(rcloneEnv, noBundle, "RCLONE_CONFIG=/dev/null"), rclone, "copy", "--transfers", "8", remote)
		theirs, theirCPU, theirPeak = append(theirs, fetchFiles/took.Seconds()), append(theirCPU, p.cpu().Seconds()), append(theirPeak, p.peakMiB())
		ratio = append(ratio, ours[len(ours)-1]/theirs[len(theirs)-1])
	}
	b.ReportMetric(median(ours), "files/s")
	b.ReportMetric(median(cpu), "cpu-s")
	b.ReportMetric(median(peak), "peak-MiB")
	if len(theirs) > 0 {
		b.ReportMetric(median(theirs), "rclone-files/s")
		b.ReportMetric(median(theirCPU), "rclone-cpu-s")
		b.ReportMetric(median(theirPeak), "rclone-peak-MiB")
		b.ReportMetric(median(ratio), "x-rclone")
	}
}

// getAll runs a program whose last argument is the directory to fill, and counts
// what came.
func getAll(b *testing.B, dir string, env []string, path string, args ...string) (*program, time.Duration) {
	b.Helper()
	into, err := os.MkdirTemp(dir, "into-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(into)
	began := time.Now()
	p := launch(b, env, path, append(args, into)...)
	p.wait()
	came := 0
	err = filepath.WalkDir(into, func(name string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, ".jsonl") {
			came++
		}
		return err
	})
	if err != nil || came != fetchFiles {
		b.Fatalf("%s got %d files of %d (%v) and said:\n%s", path, came, fetchFiles, err, &p.out)
	}
	return p, p.stopped.Sub(began)
}
