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

// fullVariable asks for the whole backlogs, which take minutes.
const fullVariable = "TWITTER_STREAM_BENCH_FULL"

// haul is a backlog that is moved into a bucket.
type haul struct{ files, size int }

// newHaul is few files, or with fullVariable many, of one size.
func newHaul(few, many, size int) haul {
	if os.Getenv(fullVariable) != "" {
		return haul{many, size}
	}
	return haul{few, size}
}

// BenchmarkShipToBucket ships files of 1 MiB from memory to a real S3 server, each
// proven, receipted and removed, beside what else moves files into a bucket.
func BenchmarkShipToBucket(b *testing.B) {
	once(b, func() { compareMovers(b, newHaul(300, 5000, 1<<20)) })
}

// BenchmarkShipSmallToBucket is the same with files of 10 KiB, where what a file
// costs is all there is.
func BenchmarkShipSmallToBucket(b *testing.B) {
	once(b, func() { compareMovers(b, newHaul(5000, 20_000, 10<<10)) })
}

// mover moves a backlog into a bucket; a nil program is one that is not installed.
type mover struct {
	name string
	move func(b *testing.B, h haul, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time)
}

var movers = []mover{{"", shipToBucket}, {"rclone", rcloneMove}, {"s5cmd", s5cmdMove}, {"mover", moverMove}}

func compareMovers(b *testing.B, h haul) {
	b.Helper()
	dir := memoryDir(b, 2*int64(h.files*h.size)+1<<30)
	g := gatewayAt(b, filepath.Join(dir, "gateway"))
	runs := make([]bucketRuns, len(movers))
	for round := range benchRounds {
		for i, m := range movers {
			bucket := fmt.Sprintf("b-%d-%d", round, i)
			g.Bucket(b, bucket)
			before := cpuOf(b, g.PID)
			if p, began := m.move(b, h, dir, g, bucket); p != nil {
				runs[i].add(h, p, p.stopped.Sub(began), cpuOf(b, g.PID)-before)
				arrived(b, h, m, p, filepath.Join(g.Dir, bucket))
			}
			if err := os.RemoveAll(filepath.Join(g.Dir, bucket)); err != nil {
				b.Fatal(err)
			}
		}
	}
	for i, m := range movers {
		runs[i].report(b, m.name)
		if i > 0 {
			runs[0].compare(b, &runs[i], m.name)
		}
	}
}

// arrived wants all files in a bucket, beside the books that the uploader copies
// there.
func arrived(b *testing.B, h haul, m mover, p *program, bucket string) {
	b.Helper()
	if err := os.RemoveAll(filepath.Join(bucket, "_books")); err != nil {
		b.Fatal(err)
	}
	if n := filesBelow(b, bucket); n != h.files {
		b.Fatalf("%s: %d files in the bucket, want %d; it said:\n%s", m.name, n, h.files, &p.out)
	}
}

// bucketRuns are the runs of one mover, by turn.
type bucketRuns struct{ files, cpuPerGB, cpuPerFile, server, peak []float64 }

func (r *bucketRuns) add(h haul, p *program, took, server time.Duration) {
	r.files = append(r.files, float64(h.files)/took.Seconds())
	r.cpuPerGB = append(r.cpuPerGB, p.cpu().Seconds()/float64(h.files*h.size)*1e9)
	r.cpuPerFile = append(r.cpuPerFile, p.cpu().Seconds()/float64(h.files)*1e3)
	r.server = append(r.server, server.Seconds()/float64(h.files)*1e3)
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
	b.ReportMetric(median(r.cpuPerGB), name+"cpu-s/GB")
	b.ReportMetric(median(r.cpuPerFile), name+"cpu-ms/file")
	b.ReportMetric(median(r.server), name+"server-cpu-ms/file")
	b.ReportMetric(median(r.peak), name+"peak-MiB")
}

// compare reports how many times as good as another mover's the runs are, turn by
// turn.
func (r *bucketRuns) compare(b *testing.B, other *bucketRuns, name string) {
	if len(other.files) == 0 {
		return
	}
	b.ReportMetric(median(ratios(r.files, other.files)), "x-"+name)
	b.ReportMetric(median(ratios(other.cpuPerFile, r.cpuPerFile)), "x-"+name+"-cpu")
	b.ReportMetric(median(ratios(other.peak, r.peak)), "x-"+name+"-memory")
}

// ratios are those of what was measured in the same turn.
func ratios(over, under []float64) []float64 {
	each := make([]float64, len(over))
	for i := range each {
		each[i] = over[i] / under[i]
	}
	return each
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
func backlog(b *testing.B, h haul, dir, below string) string {
	b.Helper()
	dir, err := os.MkdirTemp(dir, "move-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) }) // it is in memory
	fillStore(b, filepath.Join(dir, below), h.files, h.size)
	return dir
}

func shipToBucket(b *testing.B, h haul, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time) {
	dir = backlog(b, h, dir, "store")
	config := benchConfig(b, dir, map[string]string{"upload_url": "s3://" + bucket + "?endpoint=" + g.URL})
	env := []string{"TWITTER_STREAM_S3_ACCESS_KEY=" + sinktest.GatewayAccess, "TWITTER_STREAM_S3_SECRET_KEY=" + sinktest.GatewaySecret}
	began := time.Now()
	p := launch(b, env, filepath.Join(bin, "uploader"), "-q", "-c", config, "--drain")
	p.wait()
	return p, began
}

func rcloneMove(b *testing.B, h haul, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time) {
	path, ok := peer("rclone")
	if !ok {
		return nil, time.Time{}
	}
	dir = backlog(b, h, dir, "files")
	config := filepath.Join(dir, "rclone.conf")
	text := fmt.Sprintf("[gw]\ntype = s3\nprovider = Other\naccess_key_id = %s\nsecret_access_key = %s\nendpoint = %s\n", sinktest.GatewayAccess, sinktest.GatewaySecret, g.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	p := launch(b, []string{noBundle}, path, "--config", config, "--s3-no-check-bucket", "move", filepath.Join(dir, "files"), "gw:"+bucket)
	p.wait()
	return p, began
}

func s5cmdMove(b *testing.B, h haul, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time) {
	path, ok := peer("s5cmd")
	if !ok {
		return nil, time.Time{}
	}
	dir = backlog(b, h, dir, "files")
	env := []string{noBundle, "AWS_ACCESS_KEY_ID=" + sinktest.GatewayAccess, "AWS_SECRET_ACCESS_KEY=" + sinktest.GatewaySecret, "AWS_REGION=us-east-1"}
	began := time.Now()
	p := launch(b, env, path, "--endpoint-url", g.URL, "mv", strings.TrimSuffix(filepath.Join(dir, "files"), "/")+"/", "s3://"+bucket+"/")
	p.wait()
	return p, began
}

// moverMove is the loop that one writes first, on the same library as ours.
func moverMove(b *testing.B, h haul, dir string, g *sinktest.Gateway, bucket string) (*program, time.Time) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	dir = backlog(b, h, dir, "files")
	env := []string{peerVariable + "=mover", "AWS_ACCESS_KEY_ID=" + sinktest.GatewayAccess, "AWS_SECRET_ACCESS_KEY=" + sinktest.GatewaySecret}
	began := time.Now()
	p := launch(b, env, self, strings.TrimPrefix(g.URL, "http://"), bucket, filepath.Join(dir, "files"))
	p.wait()
	return p, began
}
