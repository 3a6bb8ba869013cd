package dirfs

import (
	"math"
	"testing"

	"golang.org/x/sys/unix"
)

// Blocks are counted in fragments, which on some file systems are smaller than
// the size of a good transfer.
func TestFreeOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   unix.Statfs_t
		want int64
	}{
		{"the same", unix.Statfs_t{Bsize: 4096, Frsize: 4096, Bavail: 10, Bfree: 20}, 40960},
		{"large transfers", unix.Statfs_t{Bsize: 1 << 20, Frsize: 4096, Bavail: 10}, 40960},
		{"no fragments", unix.Statfs_t{Bsize: 4096, Bavail: 10}, 40960},
		{"nothing told", unix.Statfs_t{Bavail: 10}, 10},
		{"more than there are numbers", unix.Statfs_t{Bsize: 512, Frsize: 1 << 20, Bavail: math.MaxUint64}, math.MaxInt64 >> 20 << 20},
	} {
		if got := freeOf(&tt.in); got != tt.want {
			t.Errorf("%s: %d bytes of %+v, want %d", tt.name, got, tt.in, tt.want)
		}
	}
}
