package store

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// memFile is an open file of a memFS.
type memFile struct {
	m      *memFS
	n      *memNode
	name   string
	flag   int
	off    int64
	closed bool
	broken error // a failed fsync: another one would lie, so it is a fault of ours
}

func (f *memFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.off)
	f.off += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (f *memFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.m.do("read", f.name, func() error {
		if f.closed {
			return fs.ErrClosed
		}
		if off < int64(len(f.n.data)) {
			n = copy(p, f.n.data[off:])
		}
		return nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *memFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.flag&os.O_APPEND != 0 {
		f.off = int64(len(f.n.data))
	}
	n, err := f.write(p, f.off)
	f.off += int64(n)
	return n, err
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.write(p, off)
}

func (f *memFile) write(p []byte, off int64) (int, error) {
	half, after, err := f.m.step("write", f.name)
	switch {
	case err != nil:
		return 0, err
	case f.closed:
		return 0, fs.ErrClosed
	case f.flag&(os.O_WRONLY|os.O_RDWR) == 0:
		return 0, syscall.EBADF
	}
	if half {
		p = p[:len(p)/2]
	}
	if grows := off + int64(len(p)) - int64(len(f.n.data)); grows > f.m.room() {
		p = p[:max(0, int64(len(p))-(grows-f.m.room()))]
		err = &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	f.n.own()
	if short := off + int64(len(p)) - int64(len(f.n.data)); short > 0 {
		f.n.data = append(f.n.data, make([]byte, short)...)
	}
	copy(f.n.data[off:], p)
	f.n.mtime = time.Now()
	if after {
		return 0, errDead
	}
	return len(p), err
}

func (f *memFile) Seek(off int64, whence int) (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		off += f.off
	case io.SeekEnd:
		off += int64(len(f.n.data))
	}
	f.off = off
	return off, nil
}

func (f *memFile) Truncate(size int64) error {
	return f.m.do("truncate", f.name, func() error {
		data := slices.Clone(f.n.data[:min(size, int64(len(f.n.data)))])
		f.n.data, f.n.shared = append(data, make([]byte, size-int64(len(data)))...), false
		return nil
	})
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	snapshot := f.n.share()
	delay := f.m.syncDelay
	f.m.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	err := f.m.do("sync", f.name, func() error {
		switch {
		case f.closed:
			return fs.ErrClosed
		case f.broken != nil:
			panic("fsync of " + f.name + " after a failed one")
		case f.m.lie != nil && f.m.lie(f.m.log[len(f.m.log)-1]):
			return nil
		}
		f.n.synced = snapshot
		return nil
	})
	if err != nil && !errors.Is(err, errDead) {
		f.broken = err
	}
	return err
}

func (f *memFile) Stat() (info fs.FileInfo, err error) {
	err = f.m.do("fstat", f.name, func() error {
		info = f.n.info(f.name)
		return nil
	})
	return info, err
}

// Close is no operation that fails: nothing may rely on its error.
func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	f.m.opened--
	return nil
}

type memInfo struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
	node  *memNode
}

func (n *memNode) info(name string) fs.FileInfo {
	return memInfo{name, int64(len(n.data)), n.mode, n.mtime, n}
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return i.mtime }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return i.node }

// What a power cut does to names that were not synced.
type namesFate int

const (
	namesLost namesFate = iota // creations, renames and removals are undone
	namesKept                  // the journal had just been written
)

// What a power cut does to content that was not synced.
type contentFate int

const (
	contentLost contentFate = iota // the file is as it was when last synced
	contentNULs                    // it has its length, but not its bytes
	contentTorn                    // half of the new bytes are there
	contentKept                    // it happened to be written
)

// restart is what a new process finds after the old one's end.
func (m *memFS) restart() *memFS { return m.next(namesKept, contentKept, false) }

// powerCut is what a new process finds after the machine's end.
func (m *memFS) powerCut(names namesFate, content contentFate) *memFS {
	return m.next(names, content, true)
}

// powerCuts returns all that a power cut may leave, by what it did.
func (m *memFS) powerCuts() map[string]*memFS {
	all := map[string]*memFS{}
	for n, names := range []string{"names lost", "names kept"} {
		for c, content := range []string{"content lost", "content NULs", "content torn", "content kept"} {
			all[names+", "+content] = m.powerCut(namesFate(n), contentFate(c))
		}
	}
	return all
}

func (m *memFS) next(names namesFate, content contentFate, power bool) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[*memNode]*memNode{} // a node of two names stays one
	var survive func(n *memNode) *memNode
	survive = func(n *memNode) *memNode {
		if s := seen[n]; s != nil {
			return s
		}
		s := &memNode{mode: n.mode, mtime: n.mtime}
		seen[n] = s
		if !n.mode.IsDir() {
			s.data, s.synced, s.shared = n.survivor(content), n.synced, true
			if power {
				s.synced = s.data
			}
			return s
		}
		entries := n.entries
		if names == namesLost {
			entries = n.durable
		}
		s.entries, s.durable = map[string]*memNode{}, map[string]*memNode{}
		for name, e := range entries {
			s.entries[name] = survive(e)
		}
		if power {
			for name, e := range s.entries {
				s.durable[name] = e
			}
			return s
		}
		for name, e := range n.durable {
			s.durable[name] = survive(e)
		}
		return s
	}
	next := newMemFS()
	next.root = survive(m.root)
	next.capacity, next.syncDelay = m.capacity, m.syncDelay
	for _, c := range m.cross {
		if power || seen[c.from] == nil || seen[c.to] == nil || seen[c.node] == nil {
			continue
		}
		next.cross = append(next.cross, crossRename{seen[c.from], seen[c.to], c.oldname, c.newname, seen[c.node]})
	}
	return next
}

// share returns the content for another to keep: who writes next copies it.
func (n *memNode) share() []byte {
	n.shared = true
	return n.data
}

// own makes the content the node's alone, to be changed.
func (n *memNode) own() {
	if n.shared {
		n.data, n.shared = slices.Clone(n.data), false
	}
}

// survivor is what is left of a file's content, shared.
func (n *memNode) survivor(content contentFate) []byte {
	if bytes.Equal(n.synced, n.data) {
		return n.share()
	}
	same := 0 // bytes that are on disk as they are in memory
	for same < len(n.synced) && same < len(n.data) && n.synced[same] == n.data[same] {
		same++
	}
	switch content {
	case contentLost:
		return n.synced
	case contentNULs:
		return append(slices.Clone(n.data[:same]), make([]byte, len(n.data)-same)...)
	case contentTorn:
		return n.share()[:same+(len(n.data)-same)/2]
	}
	return n.share()
}
