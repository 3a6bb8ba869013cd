package dirfs

import (
	"math"

	"golang.org/x/sys/unix"
)

// renameNoReplace is one atomic call on APFS and HFS+; elsewhere it fails with
// ENOTSUP, which is errors.ErrUnsupported.
func renameNoReplace(d *Dir, oldname, newname string) error {
	top := int(d.top.Fd())
	for {
		err := unix.RenameatxNp(top, oldname, top, newname, unix.RENAME_EXCL)
		if err != unix.EINTR {
			return err
		}
	}
}

func freeBytes(d *Dir) (int64, error) {
	var st unix.Statfs_t
	for {
		err := unix.Fstatfs(int(d.top.Fd()), &st)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return 0, err
		}
	}
	size := uint64(max(st.Bsize, 1))
	return int64(min(st.Bavail, math.MaxInt64/size) * size), nil
}
