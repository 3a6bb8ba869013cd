package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/process"
)

// roleVariable makes the test binary impersonate a child.
const (
	roleVariable   = "SUPERVISOR_TEST_ROLE"
	statusVariable = "SUPERVISOR_TEST_STATUS"
	orphanVariable = "SUPERVISOR_TEST_ORPHAN" // names a file with its pid
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(impersonate(role))
	}
	os.Exit(m.Run())
}

// impersonate is a child in one of its roles.
func impersonate(role string) int {
	defer time.AfterFunc(2*time.Minute, func() { os.Exit(99) }).Stop() // never survives a broken test for long
	asked := make(chan os.Signal, 1)
	if strings.HasPrefix(role, "deaf") {
		signal.Ignore(syscall.SIGTERM)
	} else {
		signal.Notify(asked, syscall.SIGTERM)
	}
	switch role {
	case "crash":
		beat(1)
		panic("made to crash")
	case "fork":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), roleVariable+"=deaf-mute")
		if err := cmd.Start(); err != nil {
			return 98
		}
		fmt.Fprintln(os.Stderr, "grandchild", cmd.Process.Pid)
		return 1
	case "daemon": // dies at once and leaves a child in a group of its own
		child, err := startProcess(Child{Path: os.Args[0], Env: append(os.Environ(), roleVariable+"=good")}, nil)
		if err != nil {
			return 96
		}
		if os.WriteFile(os.Getenv(orphanVariable), []byte(strconv.Itoa(child.PID())), 0o600) != nil {
			return 95
		}
		return 0
	case "locked":
		if _, alive := process.Find(orphanOf(os.Getenv(orphanVariable))); alive {
			return 5
		}
	case "flood":
		line := strings.Repeat("flood ", 1000) + "\n"
		for n := uint64(0); len(asked) == 0; n++ {
			os.Stderr.WriteString(line)
			if n%100 == 0 {
				beat(n)
			}
		}
		return 0
	case "deaf-hung", "deaf-mute":
		if role == "deaf-hung" {
			beat(1)
		}
		select {}
	}
	for n := uint64(1); ; n++ {
		beat(n)
		select {
		case <-asked:
			if os.WriteFile(os.Getenv(statusVariable)+cleanSuffix, nil, 0o600) != nil {
				return 94
			}
			return 0
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func orphanOf(file string) int {
	b, _ := os.ReadFile(file)
	pid, _ := strconv.Atoi(string(b))
	return pid
}

// cleanSuffix names the file, beside its status, of a child that ended well.
const cleanSuffix = ".clean"

// beat writes the status of the process that it runs in.
func beat(n uint64) {
	path := os.Getenv(statusVariable)
	text := fmt.Sprintf(`{"pid":%d,"started":"2026-01-02T03:04:05.%09dZ","state":"running","beat":%d}`, os.Getpid(), os.Getpid(), n)
	tmp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%d", os.Getpid()))
	if os.WriteFile(tmp, []byte(text), 0o600) != nil || os.Rename(tmp, path) != nil {
		os.Exit(97)
	}
}
