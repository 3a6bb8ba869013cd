package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestEndOf(t *testing.T) {
	t.Parallel()
	child := start(t, "sleeper", filepath.Join(t.TempDir(), "unused"))
	ended, stop := endOf(child.Process.Pid)
	if ended == nil {
		t.Skip("this kernel does not tell of a process's end")
	}
	defer stop()
	select {
	case <-ended:
		t.Fatal("told of the end of a living process")
	case <-time.After(50 * time.Millisecond):
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("not told of the end within 20 s")
	}

	ended, stop = endOf(os.Getpid())
	stop()
	select {
	case <-ended:
		t.Error("told of our own end")
	default:
	}
}
