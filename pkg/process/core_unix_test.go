//go:build unix

package process

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNoCoreDump(t *testing.T) {
	t.Parallel()
	if err := NoCoreDump(); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
		t.Errorf("RLIMIT_CORE = %+v, %v, want 0", limit, err)
	}
}
