package dirfs

import (
	"cmp"
	"math"

	"golang.org/x/sys/unix"
)

// renameNoReplace is one atomic call where the file system has it; elsewhere
// it fails with EINVAL or with ENOSYS, which is errors.ErrUnsupported.
func renameNoReplace(d *Dir, oldname, newname string) error {
	top := int(d.top.Fd())
	for {
		err := unix.Renameat2(top, oldname, top, newname, unix.RENAME_NOREPLACE)
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
	return freeOf(&st), nil
}

// freeOf counts in fragments, as the blocks are (statvfs); f_bsize is the size
// of a good transfer, and larger on some network file systems.
func freeOf(st *unix.Statfs_t) int64 {
	size := uint64(max(cmp.Or(st.Frsize, st.Bsize), 1))
	return int64(min(st.Bavail, math.MaxInt64/size) * size)
}
