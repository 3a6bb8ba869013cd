//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package dirfs

import (
	"errors"
	"os"
)

// TryLock is for systems without flock: errors.ErrUnsupported. An open file
// cannot be removed on Windows, so that nobody takes it for abandoned.
func TryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
