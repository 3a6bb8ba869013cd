package process

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// zombie is SZOMB of sys/proc.h.
const zombie = 5

// find asks the kernel for its process table's entry.
func find(pid int) (Identity, bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(info.Proc.P_pid) != pid || info.Proc.P_stat == zombie {
		return Identity{}, false
	}
	started := info.Proc.P_starttime
	return Identity{PID: pid, Started: fmt.Sprintf("%d.%06d", started.Sec, started.Usec), Exe: executable(pid)}, true
}

func parentOf(pid int) (int, bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(info.Proc.P_pid) != pid || info.Proc.P_stat == zombie {
		return 0, false
	}
	return int(info.Eproc.Ppid), true
}

// executable returns the path that the process was started by: it stands
// behind the argument count in the process's arguments, ended by a NUL.
func executable(pid int) string {
	const count = 4
	args, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(args) < count {
		return ""
	}
	path, _, _ := bytes.Cut(args[count:], []byte{0})
	return string(path)
}
