package process

import (
	"fmt"
	"os"
	"strings"
)

// find reads /proc. The start time counts clock ticks since boot, so the boot
// belongs to it.
func find(pid int) (Identity, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Identity{}, false
	}
	ticks, alive := startTime(string(stat))
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || !alive {
		return Identity{}, false
	}
	exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)) // another user's is not told
	return Identity{
		PID:     pid,
		Started: strings.TrimSpace(string(boot)) + "/" + ticks,
		Exe:     strings.TrimSuffix(exe, " (deleted)"), // replaced by an upgrade while it runs
	}, true
}

// startTime finds field 22 (proc(5)) of a stat line. The command in field 2
// may hold blanks and parentheses itself, so counting starts behind its last.
func startTime(stat string) (ticks string, alive bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const state, started = 0, 19 // fields 3 and 22; the first behind the command is 3
	if len(fields) <= started || strings.ContainsAny(fields[state], "ZXx") {
		return "", false
	}
	return fields[started], true
}
