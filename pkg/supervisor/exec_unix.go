//go:build unix

package supervisor

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// terminate wakes a stopped child too, which would never see a SIGTERM.
func (c *command) terminate() error {
	return errors.Join(unix.Kill(-c.PID(), unix.SIGTERM), unix.Kill(-c.PID(), unix.SIGCONT))
}

// quit has Go's runtime write the stacks of all goroutines.
func (c *command) quit() error { return unix.Kill(-c.PID(), unix.SIGQUIT) }

func (c *command) kill() error { return unix.Kill(-c.PID(), unix.SIGKILL) }

func exitOf(state *os.ProcessState) exit {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return exit{code: -1, signal: ws.Signal().String()}
	}
	return exit{code: state.ExitCode()}
}

// outsider is a process that is no child of ours, by a handle that the system
// binds to it where it can (Linux).
type outsider struct{ *os.Process }

func openProcess(pid int) (foreign, error) {
	if pid <= 1 {
		return nil, fmt.Errorf("open process %d: not one to be ended", pid)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	return outsider{p}, nil
}

// Terminate implements handle.
func (o outsider) Terminate() error {
	return errors.Join(o.Signal(unix.SIGTERM), o.Signal(unix.SIGCONT))
}
