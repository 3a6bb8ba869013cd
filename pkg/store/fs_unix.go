//go:build unix

package store

import (
	"errors"
	"syscall"
)

// Directories can be synced; a name that is a FIFO never holds up an open.
const (
	syncsDirectories = true
	neverBlock       = syscall.O_NONBLOCK
	noFollow         = syscall.O_NOFOLLOW
)

// isNoRoom reports whether err says that disk or quota is full.
func isNoRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
