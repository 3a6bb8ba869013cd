//go:build !linux && !darwin

package demo

import (
	"errors"
	"os"
	"os/exec"
)

// supported: without SIGTERM and the parent of a process there is no demo.
const supported = false

func ownGroup(*exec.Cmd) {}

func terminate(p *os.Process) error { return p.Kill() }

func killChild(pid, parent int) error { return errors.ErrUnsupported }

func unread(int) int64 { return 0 }
