package demo

import "golang.org/x/sys/unix"

// parentOf reads a process's parent from the kernel.
func parentOf(pid int) (int, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0, err
	}
	return int(info.Eproc.Ppid), nil
}

// unread is not to be had here: what a killed reader had not read counts as
// lost by the kill.
func unread(int) int64 { return 0 }
