//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package dirfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// TryLock takes the advisory lock of an open file, which ends with the file or
// the process; false when another has it. An error says that the file system
// has none.
func TryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, os.NewSyscallError("flock", err)
		}
	}
}
