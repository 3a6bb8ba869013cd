//go:build unix

package dirfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// lister returns the same open directory as a file that does not know where it
// came from: one that was opened in an os.Root asks the system for each name's
// type again, though the listing has it, which is most of the time that a
// large directory takes. It closes f.
func lister(f *os.File, path string) (*os.File, error) {
	defer f.Close() //nolint:errcheck // only read
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}
