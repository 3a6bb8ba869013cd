//go:build unix

package process

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NoCoreDump sets RLIMIT_CORE to 0: memory holds secrets.
func NoCoreDump() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("set RLIMIT_CORE to 0: %w", err)
	}
	return nil
}
