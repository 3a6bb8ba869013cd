package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// parentOf reads a process's parent from the kernel.
func parentOf(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The command's name, in brackets, may hold anything.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/stat: unexpected text", pid)
	}
	return strconv.Atoi(fields[1])
}

// unread adds up what the system holds of TCP connections to a local port:
// taken from the sender, not yet read by the other side. A killed reader has
// never had it.
func unread(port int) int64 {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return 0
	}
	defer f.Close()
	var total int64
	suffix := fmt.Sprintf(":%04X", port)
	for scan := bufio.NewScanner(f); scan.Scan(); {
		fields := strings.Fields(scan.Text())
		if len(fields) < 5 || !strings.HasSuffix(fields[1], suffix) && !strings.HasSuffix(fields[2], suffix) || fields[3] != "01" {
			continue // 01: established
		}
		tx, rx, _ := strings.Cut(fields[4], ":")
		for _, hex := range []string{tx, rx} {
			n, _ := strconv.ParseInt(hex, 16, 64)
			total += n
		}
	}
	return total
}
