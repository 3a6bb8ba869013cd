package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// boot asks for the name of this boot session.
func boot() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

// uptime reads the clock that, on this system, goes on while the machine
// sleeps (clock_gettime(3)).
func uptime() time.Duration {
	var up unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &up) != nil {
		return 0
	}
	return time.Duration(up.Nano())
}
