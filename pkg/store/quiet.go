package store

import (
	"io/fs"
	"sync"
	"time"
)

// A file whose name is not of our grammar may still be written: somebody
// copies it in. It is taken when it was the same at two looks this far apart.
const quietTime = 2 * time.Second

// maxLooks bounds the memory for foreign names. The smallest are looked at;
// when those have left, others move up.
const maxLooks = 4096

// looks remembers what foreign files looked like.
type looks struct {
	mu    sync.Mutex // held through a Scan
	files map[string]look
}

// look is what a file has looked like since a time of the monotonic clock.
type look struct {
	info  fs.FileInfo
	since time.Time
}

// only forgets all names but these, and of those that were passed over as many
// as there is room for.
func (l *looks) only(names, passed []string) {
	kept := make(map[string]look, len(names))
	for _, name := range names {
		if look, ok := l.files[name]; ok {
			kept[name] = look
		}
	}
	for _, name := range passed {
		if len(kept) < maxLooks {
			kept[name] = l.files[name]
		}
	}
	l.files = kept
}

// quiet looks at a file and reports whether it has been the same for long
// enough; ErrNotRegular if it is no regular file.
func (l *looks) quiet(fsys fileSystem, name string) (bool, error) {
	now := time.Now()
	info, err := fsys.Lstat(name)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, ErrNotRegular
	}
	if old, ok := l.files[name]; ok && unchanged(fsys, old.info, info) {
		return now.Sub(old.since) >= quietTime, nil
	}
	l.files[name] = look{info, time.Now()}
	return false, nil
}

// unchanged reports whether two looks show the same file with the same content,
// as far as inode, size and modification time tell.
func unchanged(fsys fileSystem, a, b fs.FileInfo) bool {
	return fsys.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
