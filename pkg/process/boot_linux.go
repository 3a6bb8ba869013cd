package process

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// boot reads the kernel's name for this boot.
func boot() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// uptime reads the clock that goes on while the machine sleeps.
func uptime() time.Duration {
	var up unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return 0
	}
	return time.Duration(up.Nano())
}
