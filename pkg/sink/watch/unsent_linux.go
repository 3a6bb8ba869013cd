package watch

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unsent asks the kernel how many bytes of c the peer has not acknowledged.
func unsent(c net.Conn) int {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1
	}
	n := -1
	err = raw.Control(func(fd uintptr) {
		if v, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = v
		}
	})
	if err != nil {
		return -1
	}
	return n
}
