//go:build unix

package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for something that takes at most a few
// seconds by contract: generous, since the machine may be busy.
const patience = 2 * time.Minute

// bin is where TestMain put the three binaries.
var bin string

// strayed counts requests that left loopback: the proxies of every process
// point to a trap, and Go never proxies loopback.
var strayed atomic.Int64

// binVariable names a directory of programs to use instead of building them: how
// the benchmarks of today measure the programs of another commit.
const binVariable = "TWITTER_STREAM_TEST_BIN"

func build(dir string) error {
	args := []string{"build", "-o", dir}
	if raceEnabled {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "./daemon", "./grabber", "./uploader")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if code, asked := runPeer(); asked {
			return code
		}
		var err error
		if bin = os.Getenv(binVariable); bin == "" {
			if bin, err = os.MkdirTemp("", "twitter-stream-bin-"); err != nil {
				panic(err)
			}
			defer os.RemoveAll(bin)
			if err := build(bin); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			strayed.Add(1)
			http.Error(w, "a test left loopback", http.StatusTeapot)
		}))
		defer trap.Close()
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
			os.Setenv(name, trap.URL)
		}
		os.Unsetenv("NO_PROXY")
		flag.Parse()
		if err := flag.Set("test.parallel", "6"); err != nil { // the tests wait for processes, not for a processor
			panic(err)
		}
		code := m.Run()
		if n := strayed.Load(); n > 0 && code == 0 {
			fmt.Fprintf(os.Stderr, "%d requests left loopback\n", n)
			code = 1
		}
		return code
	}())
}

// proc is a process that a test started.
type proc struct {
	t      testing.TB
	cmd    *exec.Cmd
	name   string
	out    *buffer
	ended  chan struct{}
	err    error
	killed bool
}

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs one of the binaries; at the test's end it is gone.
func start(t testing.TB, name string, args ...string) *proc {
	t.Helper()
	return startEnv(t, nil, name, args...)
}

func startEnv(t testing.TB, env []string, name string, args ...string) *proc {
	t.Helper()
	return startAt(t, filepath.Join(bin, name), env, args...)
}

// startAt runs the program at path.
func startAt(t testing.TB, path string, env []string, args ...string) *proc {
	t.Helper()
	p := prepare(t, path, args...)
	p.cmd.Env = append(p.cmd.Env, env...)
	p.run()
	return p
}

// prepare makes a process ready; its run starts it.
func prepare(t testing.TB, path string, args ...string) *proc {
	t.Helper()
	p := &proc{t: t, name: filepath.Base(path), out: &buffer{}, ended: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=10") // else each exit takes a second
	return p
}

// run starts the process; at the test's end it is gone.
func (p *proc) run() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended already
		<-p.ended
		if strings.Contains(p.out.String(), "DATA RACE") {
			p.t.Errorf("%s: data race:\n%s", p.name, p.out)
		}
		if p.t.Failed() && !p.killed {
			p.t.Logf("%s said:\n%s", strings.Join(p.cmd.Args, " "), p.out)
		}
	})
}

func (p *proc) pid() int { return p.cmd.Process.Pid }

func (p *proc) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("signal %s with %v: %v", p.name, sig, err)
	}
}

// wait returns the exit code, -1 after a signal.
func (p *proc) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.signal(syscall.SIGQUIT)
		p.t.Fatalf("%s did not end within %v", p.name, patience)
		return -1
	}
}

// kill ends the process as a power switch would; what it said is not shown.
func (p *proc) kill() {
	p.t.Helper()
	p.killed = true
	p.signal(syscall.SIGKILL)
	p.wait()
}

// stop asks the process to end and wants exit 0.
func (p *proc) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		p.t.Errorf("%s exited %d after SIGTERM, want 0", p.name, code)
	}
}

// run runs a binary to its end.
func run(t testing.TB, name string, args ...string) (code int, output string) {
	t.Helper()
	p := start(t, name, args...)
	code = p.wait()
	return code, p.out.String()
}

// eventually polls until ok, and fails with what after patience.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened within %v: %s", patience, what)
		}
		<-tick.C
	}
}

// readStatus decodes a status file; ok is false while there is none.
func readStatus(t testing.TB, store, name string, into any) (ok bool) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(store, ".state", name+".json"))
	if err != nil {
		return false
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Errorf("%s.json is no complete JSON: %v\n%s", name, err, data)
	}
	return true
}
