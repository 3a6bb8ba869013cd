package supervisor

import (
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// ownGroup lets Ctrl-Break be sent to the child alone.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// terminate is Ctrl-Break, which Go shows to the child as an interrupt. It
// needs a console that both share.
func (c *command) terminate() error {
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(c.PID()))
}

// quit cannot be had here: there is no signal for a stack dump.
func (c *command) quit() error { return nil }

func (c *command) kill() error { return c.cmd.Process.Kill() }

func exitOf(state *os.ProcessState) exit { return exit{code: state.ExitCode()} }

// outsider is a process that is no child of ours, by its handle.
type outsider struct{ *os.Process }

func openProcess(pid int) (foreign, error) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	return outsider{p}, nil
}

// Terminate cannot ask politely here, and does nothing.
func (o outsider) Terminate() error { return nil }
