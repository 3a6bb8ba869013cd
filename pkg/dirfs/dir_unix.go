//go:build unix

package dirfs

import (
	"errors"
	"syscall"
)

const (
	// SyncsDirectories: a directory can be synced.
	SyncsDirectories = true
	// NeverBlock is the flag with which a name that is a FIFO never holds up an
	// open.
	NeverBlock = syscall.O_NONBLOCK
	// NoFollow is the flag that refuses links.
	NoFollow = syscall.O_NOFOLLOW
)

// IsNoRoom reports whether err says that disk or quota is full.
func IsNoRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
