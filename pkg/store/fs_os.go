package store

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

var errHeld = errors.New("another process holds the lock")

// isNoRoom reports whether err says that disk or quota is full.
func isNoRoom(err error) bool { return dirfs.IsNoRoom(err) }

// osFS is the store directory of the operating system.
type osFS struct{ *dirfs.Dir }

var _ fileSystem = osFS{}

func openOS(path string) (osFS, error) {
	d, err := dirfs.Open(path)
	return osFS{d}, err
}

func (o osFS) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	f, err := o.Dir.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // a nil *os.File would be no nil file
	}
	return f, nil
}

func (o osFS) OpenDir(name string) (dir, error) {
	d, err := o.Dir.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (o osFS) SameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) }

func (o osFS) TryLock(name string, shared bool) (heldLock, error) {
	l := flock.New(o.Path(name), flock.SetFlag(os.O_CREATE|os.O_RDWR|dirfs.NeverBlock|dirfs.NoFollow))
	try := l.TryLock
	if shared { // only looks: neither creates nor needs the right to write
		l = flock.New(o.Path(name), flock.SetFlag(os.O_RDONLY|dirfs.NeverBlock|dirfs.NoFollow))
		try = l.TryRLock
	}
	ok, err := try()
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, errHeld
	}
	return l, nil
}
