package dirfs

import (
	"errors"
	"math"
	"syscall"

	"golang.org/x/sys/windows"
)

// Windows syncs no directories, so after a power cut a name may be missing
// whose file was finished; and it has neither FIFOs in directories nor the
// flag that refuses links, which a look before and after stands in for.
const (
	SyncsDirectories = false
	NeverBlock       = 0
	NoFollow         = 0
)

// IsNoRoom reports whether err says that disk or quota is full.
func IsNoRoom(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) || errors.Is(err, syscall.ENOSPC)
}

// renameNoReplace relies on MoveFileEx, which refuses unless told to replace.
func renameNoReplace(d *Dir, oldname, newname string) error {
	from, err := windows.UTF16PtrFromString(d.Path(oldname))
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(d.Path(newname))
	if err != nil {
		return err
	}
	return windows.MoveFileEx(from, to, 0)
}

func freeBytes(d *Dir) (int64, error) {
	path, err := windows.UTF16PtrFromString(d.path)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(min(free, math.MaxInt64)), nil
}
