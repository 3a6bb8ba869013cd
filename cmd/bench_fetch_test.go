//go:build linux

package cmd_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
			endpoint := startGateway(b, dir)
			const access, secret = "bench", "not-a-secret-of-anybody"
			env := []string{"AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + secret}
			rclone := []string{
				"RCLONE_CONFIG_GW_TYPE=s3", "RCLONE_CONFIG_GW_PROVIDER=Other", "RCLONE_CONFIG_GW_ENDPOINT=" + endpoint, "RCLONE_CONFIG_GW_REGION=us-east-1",
				"RCLONE_CONFIG_GW_ACCESS_KEY_ID=" + access, "RCLONE_CONFIG_GW_SECRET_ACCESS_KEY=" + secret,
			}
			compareFetch(b, dir, "s3://bucket/archive?region=us-east-1&endpoint="+endpoint, env, "gw:bucket/archive", rclone)
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
		rclone := benchTool("rclone")
		if rclone == "" {
			b.Log("no rclone on this machine, no comparison with it")
			continue
		}
		p, took = getAll(b, dir, append(rcloneEnv, "RCLONE_CONFIG=/dev/null"), rclone, "copy", "--transfers", "8", remote)
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

// benchTool is where a program is that .ci/run or a person may have installed.
func benchTool(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	path := filepath.Join(cache, "twitter-stream-tools", name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// startGateway starts versitygw with one bucket, and skips without it.
func startGateway(b *testing.B, dir string) (endpoint string) {
	b.Helper()
	path := benchTool("versitygw")
	if path == "" {
		b.Skip("versitygw is not installed: no S3 server to fetch from")
	}
	data, meta := filepath.Join(dir, "gateway"), filepath.Join(dir, "meta")
	for _, name := range []string{filepath.Join(data, "bucket"), meta} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			b.Fatal(err)
		}
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // versitygw takes no open one
	env := []string{"ROOT_ACCESS_KEY=bench", "ROOT_SECRET_KEY=not-a-secret-of-anybody"}
	p := launch(b, env, path, "--port", addr, "--quiet", "--keep-alive", "posix", "--sidecar", meta, data)
	eventually(b, "the gateway listens", func() bool {
		select {
		case <-p.ended:
			b.Fatalf("versitygw ended:\n%s", &p.out)
		default:
		}
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return "http://" + addr
}
