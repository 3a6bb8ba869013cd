//go:build linux || darwin

package demo

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

const supported = true

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// killChild kills pid by SIGKILL, if it is a child of parent: a status file
// may be old, and its pid somebody else's by now.
func killChild(pid, parent int) error {
	got, err := parentOf(pid)
	if err != nil {
		return fmt.Errorf("kill %d: %w", pid, err)
	}
	if got != parent {
		return fmt.Errorf("kill %d: it is no child of the daemon (%d) but of %d", pid, parent, got)
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}
