package directory

import (
	"os"

	"golang.org/x/sys/unix"
)

// uncache drops what the page cache holds of a file that is on the disk, so
// that it is read from there. It is advice: tmpfs has no disk, and other file
// systems may not listen.
func uncache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
