package supervisor

import "golang.org/x/sys/unix"

// awaitZombie blocks until the child has ended and leaves it to be waited for;
// false when the system cannot.
func awaitZombie(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
