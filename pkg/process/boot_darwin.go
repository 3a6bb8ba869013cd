package process

import (
	"time"

	"golang.org/x/sys/unix"
)

// boot asks for the name of this boot session, and for the clock that, on this
// system, goes on while the machine sleeps (clock_gettime(3)).
func boot() (string, time.Duration) {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	var up unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &up) != nil {
		return "", 0
	}
	return id, time.Duration(up.Nano())
}
