package process

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// endOf returns a channel that is closed when the process that has pid now
// ends, nil where the kernel does not tell (before 5.10, or forbidden), and
// what ends the watch. To be woken costs nothing until then, whereas looking
// five times a second was a third of what an idle child used.
func endOf(pid int) (ended <-chan struct{}, stop func()) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, func() {}
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	conn, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // fails where the runtime cannot wait for it
	}
	if err != nil {
		_ = file.Close() // only watched
		return nil, func() {}
	}
	closed, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		if conn.Read(hasEnded) == nil { // else stop was called
			close(closed)
		}
	}()
	return closed, func() {
		_ = file.Close() // only watched
		<-left
	}
}

func hasEnded(fd uintptr) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}
