//go:build linux || darwin

package demo

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestKillsOnlyChildren(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := killChild(cmd.Process.Pid, os.Getppid()); err == nil || !strings.Contains(err.Error(), "no child of the daemon") {
		t.Errorf("a stranger's child: %v", err)
	}
	if err := killChild(cmd.Process.Pid, os.Getpid()); err != nil {
		t.Errorf("a child: %v", err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("ended by %v, want killed", err)
	}
}
