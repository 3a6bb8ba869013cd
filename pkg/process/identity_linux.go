package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// find reads /proc. The start time counts clock ticks since boot, so the boot
// belongs to it.
func find(pid int) (Identity, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Identity{}, false
	}
	ticks, alive := field(string(stat), started)
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

func parentOf(pid int) (int, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	text, alive := field(string(stat), parent)
	n, err := strconv.Atoi(text)
	return n, alive && err == nil
}

// Fields of a stat line (proc(5)), counted from the first behind the command.
const (
	state   = 0  // field 3
	parent  = 1  // field 4
	started = 19 // field 22
)

// field finds one in the stat line of a living process. The command in field 2
// may hold blanks and parentheses itself, so counting starts behind its last.
func field(stat string, i int) (text string, alive bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= started || strings.ContainsAny(fields[state], "ZXx") {
		return "", false
	}
	return fields[i], true
}
