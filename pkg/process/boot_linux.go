package process

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// boot reads the kernel's name for this boot, and the clock that goes on while
// the machine sleeps.
func boot() (string, time.Duration) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var up unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return "", 0
	}
	return strings.TrimSpace(string(id)), time.Duration(up.Nano())
}
