package directory

import (
	"os"

	"golang.org/x/sys/unix"
)

// uncache has a file read past the cache from here on; what is cached already
// may still be used.
func uncache(f *os.File) { _, _ = unix.FcntlInt(f.Fd(), unix.F_NOCACHE, 1) }
