package demo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// process is the real daemon.
type process struct {
	cmd  *exec.Cmd
	said string        // file of what it prints
	done chan struct{} // closed when it has ended
	err  error         // of its end, once done is closed
}

// stopPatience is how long the daemon may take to stop its children and end.
const stopPatience = 30 * time.Second

// start runs the daemon in dir. What it prints goes to a file: a pipe would
// end it together with the demo.
func start(daemon, dir string, environ []string) (*process, error) {
	p := &process{said: filepath.Join(dir, "daemon.out"), done: make(chan struct{})}
	out, err := os.OpenFile(p.said, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(daemon, "-c", filepath.Join(dir, "config.ini"))
	p.cmd.Dir, p.cmd.Env = dir, sandbox.CleanEnviron(environ)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	ownGroup(p.cmd) // Ctrl-C is the demo's, which then stops the daemon in order
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", daemon, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended reports an end that nobody asked for, with the last that was said.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("the daemon ended by itself (%v); it said last:\n%s", p.cmd.ProcessState, p.last())
	default:
		return nil
	}
}

// last returns the last lines that the daemon printed.
func (p *process) last() string {
	b, err := os.ReadFile(p.said)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}

// end stops the daemon as an operator would, and by force if that takes too
// long. The error says how it ended if not by exit 0. It is idempotent.
func (p *process) end() error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	if err := terminate(p.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the daemon: %w", err)
	}
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("the daemon did not stop within %v; it said last:\n%s", stopPatience, p.last())
	}
	if p.err != nil {
		return fmt.Errorf("the daemon stopped with %w; it said last:\n%s", p.err, p.last())
	}
	return nil
}
