//go:build linux

package cmd_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// bucketFiles are shipped in one run, 1 MiB each.
const bucketFiles = 300

// BenchmarkShipToBucket ships files of 1 MiB from memory to a real S3 server, each
// proven, receipted and removed, beside what else moves files into a bucket.
func BenchmarkShipToBucket(b *testing.B) {
	once(b, func() {
		dir := memoryDir(b, 2<<30)
		served := filepath.Join(dir, "gateway")
		if err := os.Mkdir(served, 0o700); err != nil {
			b.Fatal(err)
		}
		g := sinktest.NewGatewayAt(b, served)
		movers := []mover{{"", shipToBucket}, {"rclone", rcloneMove}, {"s5cmd", s5cmdMove}}
		runs := make([]bucketRuns, len(movers))
		for round := range benchRounds {
			for i, m := range movers {
				bucket := fmt.Sprintf("b-%d-%d", round, i)
				g.Bucket(b, bucket)
				p, began := m.move(b, dir, g, bucket)
				if p != nil {
					runs[i].add(p, p.stopped.Sub(began))
					if err := os.RemoveAll(filepath.Join(g.Dir, bucket, "_books")); err != nil { // what the uploader copies of its ledger
						b.Fatal(err)
					}
					holds := filesBelow(b, filepath.Join(g.Dir, bucket))
					if holds != bucketFiles {
						b.Fatalf("%s: %d files in the bucket, want %d; it said:\n%s", m.name, holds, bucketFiles, &p.out)
					}
				}
				if err := os.RemoveAll(filepath.Join(g.Dir, bucket)); err != nil {
					b.Fatal(err)
				}
			}
		}
		for i, m := range movers {
			runs[i].report(b, m.name)
		}
		for i, m := range movers[1:] {
			if len(runs[i+1].files) > 0 {
				b.ReportMetric(median(runs[0].files)/median(runs[i+1].files), "x-"+m.name)
			}
		}
	})
}

// mover moves a backlog into a bucket; a nil program is one that is not installed.
type mover struct {
	name string
	move func(b *testing.B, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time)
}

// bucketRuns are the runs of one mover.
type bucketRuns struct{ files, cpu, peak []float64 }

func (r *bucketRuns) add(p *program, took time.Duration) {
	r.files = append(r.files, bucketFiles/took.Seconds())
	r.cpu = append(r.cpu, p.cpu().Seconds()/(bucketFiles<<20)*1e9)
	r.peak = append(r.peak, p.peakMiB())
}

func (r *bucketRuns) report(b *testing.B, name string) {
	if len(r.files) == 0 {
		return
	}
	if name != "" {
		name += "-"
	}
	b.ReportMetric(median(r.files), name+"files/s")
	b.ReportMetric(median(r.cpu), name+"cpu-s/GB")
	b.ReportMetric(median(r.peak), name+"peak-MiB")
}

func filesBelow(b *testing.B, dir string) (n int) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name()[0] != '.' {
			n++
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// backlog is a directory of files that wait, and how it is removed.
func backlog(b *testing.B, dir, below string) string {
	b.Helper()
	dir, err := os.MkdirTemp(dir, "move-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) }) // it is in memory
	fillStore(b, filepath.Join(dir, below), bucketFiles, 1<<20)
	return dir
}

func shipToBucket(b *testing.B, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time) {
	dir = backlog(b, dir, "store")
	config := benchConfig(b, dir, map[string]string{"upload_url": "s3://" + bucket + "?endpoint=" + g.URL})
	env := []string{"TWITTER_STREAM_S3_ACCESS_KEY=" + sinktest.GatewayAccess, "TWITTER_STREAM_S3_SECRET_KEY=" + sinktest.GatewaySecret}
	began := time.Now()
	p := launch(b, env, filepath.Join(bin, "uploader"), "-q", "-c", config, "--drain")
	p.wait()
	return p, began
}

func rcloneMove(b *testing.B, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time) {
	path := sinktest.Tool("rclone", "TWITTER_STREAM_TEST_RCLONE")
	if path == "" {
		b.Log("no rclone on this machine, no comparison with it")
		return nil, time.Time{}
	}
	dir = backlog(b, dir, "files")
	config := filepath.Join(dir, "rclone.conf")
	text := fmt.Sprintf("[gw]\ntype = s3\nprovider = Other\naccess_key_id = %s\nsecret_access_key = %s\nendpoint = %s\n", sinktest.GatewayAccess, sinktest.GatewaySecret, g.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	p := launch(b, nil, path, "--config", config, "--s3-no-check-bucket", "move", filepath.Join(dir, "files"), "gw:"+bucket)
	p.wait()
	return p, began
}

func s5cmdMove(b *testing.B, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time) {
	path := sinktest.Tool("s5cmd", "TWITTER_STREAM_TEST_S5CMD")
	if path == "" {
		b.Log("no s5cmd on this machine, no comparison with it")
		return nil, time.Time{}
	}
	dir = backlog(b, dir, "files")
	env := []string{"AWS_ACCESS_KEY_ID=" + sinktest.GatewayAccess, "AWS_SECRET_ACCESS_KEY=" + sinktest.GatewaySecret, "AWS_REGION=us-east-1"}
	began := time.Now()
	p := launch(b, env, path, "--endpoint-url", g.URL, "mv", strings.TrimSuffix(filepath.Join(dir, "files"), "/")+"/", "s3://"+bucket+"/")
	p.wait()
	return p, began
}
