//go:build linux

package cmd_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// benchRounds is how often each competitor runs in turn; medians are reported,
// for machines are shared.
const benchRounds = 3

// once runs a benchmark that measures by itself and reports its own figures.
func once(b *testing.B, measure func()) {
	b.Helper()
	if raceEnabled {
		b.Skip("the race detector is on: its binaries are not what is measured")
	}
	for b.Loop() {
		measure()
	}
	b.ReportMetric(0, "ns/op") // says nothing here
}

// memoryDir returns a directory in memory with at least so much room, if there
// is one, else one on a disk.
func memoryDir(b *testing.B, need int64) string {
	b.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &fs); err == nil && int64(fs.Bavail)*int64(fs.Bsize) > need {
		if dir, err := os.MkdirTemp("/dev/shm", "twitter-stream-bench-"); err == nil {
			b.Cleanup(func() { _ = os.RemoveAll(dir) }) // it is in memory
			return dir
		}
	}
	b.Logf("no room in /dev/shm: the store is on a disk")
	return b.TempDir()
}

// benchConfig writes a config.ini for these keys and returns its path.
func benchConfig(b *testing.B, dir string, keys map[string]string) string {
	b.Helper()
	path, err := sandbox.WriteConfig(dir, nil, nil, keys)
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// program is a process that is measured.
type program struct {
	b       *testing.B
	cmd     *exec.Cmd
	out     bytes.Buffer
	ended   chan struct{}
	stopped time.Time    // when it had ended
	peak    atomic.Int64 // resident bytes
}

func launch(b *testing.B, env []string, path string, args ...string) *program {
	b.Helper()
	p := &program{b: b, cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState says how it ended
		p.stopped = time.Now()
		close(p.ended)
	}()
	go p.watch()
	b.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended already
		<-p.ended
	})
	return p
}

// launchOurs runs one of the three programs.
func launchOurs(b *testing.B, name string, args ...string) *program {
	b.Helper()
	return launch(b, nil, filepath.Join(bin, name), args...)
}

// watch follows the peak until the process has ended. That of rusage is no
// use: it begins with what the parent had when it forked.
func (p *program) watch() {
	for tick := time.Tick(20 * time.Millisecond); ; {
		if n := procStatus(p.cmd.Process.Pid, "VmHWM"); n > 0 {
			p.peak.Store(n)
		}
		select {
		case <-p.ended:
			return
		case <-tick:
		}
	}
}

// procStatus returns a figure of /proc/<pid>/status, in bytes.
func procStatus(pid int, key string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			n, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// wait wants exit 0.
func (p *program) wait() {
	p.b.Helper()
	select {
	case <-p.ended:
	case <-time.After(5 * time.Minute):
		p.b.Fatalf("%s does not end; it said:\n%s", p.cmd, &p.out)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.b.Fatalf("%s exited %d and said:\n%s", p.cmd, code, &p.out)
	}
}

func (p *program) stop() {
	p.b.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.b.Fatal(err)
	}
	p.wait()
}

// cpu returns what an ended process used.
func (p *program) cpu() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

func (p *program) peakMiB() float64 { return float64(p.peak.Load()) / (1 << 20) }

// remover takes finished files away, as an uploader would, and counts them.
type remover struct {
	dir   string
	bytes int64
	quit  chan struct{}
	ended chan struct{}
}

func removeFinished(dir string) *remover {
	r := &remover{dir: dir, quit: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		for tick := time.Tick(50 * time.Millisecond); ; {
			r.sweep()
			select {
			case <-r.quit:
				r.sweep()
				return
			case <-tick:
			}
		}
	}()
	return r
}

func (r *remover) sweep() {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return // not there yet
	}
	for _, entry := range entries {
		if name := entry.Name(); name[0] != '.' && isFinished(name) {
			info, err := entry.Info()
			if err == nil && os.Remove(filepath.Join(r.dir, name)) == nil {
				r.bytes += info.Size()
			}
		}
	}
}

// stop returns how many bytes of finished files there were.
func (r *remover) stop() int64 {
	close(r.quit)
	<-r.ended
	return r.bytes
}

// ownCPU is what this process, which is the sender and takes finished files
// away, has used.
func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// figures are the runs of one competitor.
type figures struct{ mbs, cpuPerGB, peak, sender []float64 }

func (f *figures) add(p *program, bytes int64, took time.Duration) float64 {
	mbs := float64(bytes) / 1e6 / took.Seconds()
	f.mbs = append(f.mbs, mbs)
	f.cpuPerGB = append(f.cpuPerGB, p.cpu().Seconds()/(float64(bytes)/1e9))
	f.peak = append(f.peak, p.peakMiB())
	return mbs
}

// median of what was measured; NaN of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
