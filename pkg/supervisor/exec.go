package supervisor

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"

	"github.com/storj/twitter-stream/pkg/process"
)

// command is a child started by os/exec.
type command struct {
	cmd *exec.Cmd

	mu     sync.Mutex // guards reaped
	reaped bool       // the pid may mean another process
}

// startProcess starts a child in a process group of its own, so that Ctrl-C
// reaches the daemon alone, which then stops its children in order. Its output
// goes to out without a pipe between.
func startProcess(spec Child, out *os.File) (childProcess, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append(slices.Clone(spec.Env),
		process.ParentVariable+"="+strconv.Itoa(os.Getpid()),
		"GOTRACEBACK=all") // never crash: a core would hold the credentials
	cmd.Dir = spec.Dir
	if out != nil {
		cmd.Stdout, cmd.Stderr = out, out
	}
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &command{cmd: cmd}, nil
}

func (c *command) PID() int { return c.cmd.Process.Pid }

// Wait reaps the child. While it is a zombie, its pid still means it: that is
// the moment to end what it may have left in its group.
func (c *command) Wait() exit {
	if awaitZombie(c.PID()) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = c.kill() // the group is empty but for a child that forked against the rules
		c.reaped = true
		return c.reap()
	}
	end := c.reap()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reaped = true
	return end
}

func (c *command) reap() exit {
	err := c.cmd.Wait()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return exit{err: err}
	}
	return exitOf(c.cmd.ProcessState)
}

func (c *command) Terminate() error { return c.while(c.terminate) }

func (c *command) Quit() error { return c.while(c.quit) }

func (c *command) Kill() error { return c.while(c.kill) }

// while runs send unless the child has been reaped.
func (c *command) while(send func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return os.ErrProcessDone
	}
	return send()
}
