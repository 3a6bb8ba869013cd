package store

// memFS is a file system in memory that fails, dies and loses power when it is
// told to.
//
//	m := newMemFS()                     // an empty store directory
//	m.put("a/b", "content")             // a file, durable, its directories too
//	s, err := Open(Config{Dir: "/mem", …, fs: m})
//
//	m.failAt(n, err)                    // the n-th operation from now fails, once
//	m.fail = func(op memOp) error {…}   // or whatever operation, as long as it says
//	m.lie = func(op memOp) bool {…}     // a sync that is not done though it says so
//	m.dieAt(n, how)                     // SIGKILL at the n-th operation from now: it
//	                                    // is not done, half done (a write) or done, and
//	                                    // nothing is done after it: errDead
//	m.capacity = 4096                   // bytes of content; beyond: ENOSPC (0: no limit)
//	m.syncDelay = time.Second           // each fsync takes that long (use synctest)
//	m.operations()                      // how many there were so far
//	m.trace()                           // which, for the output of a failing test
//
// What the next process finds is a new memFS without faults; the old one stays
// as it was, so that one death can be looked at in several ways:
//
//	next := m.restart()                 // after a SIGKILL: all that was written
//	next := m.powerCut(namesLost, contentNULs) // only what was synced, the rest of
//	                                    // names and content as the two say
//	for _, next := range m.powerCuts()  // all combinations
//
// Content is synced by file.Sync, as it was when Sync began; names (creations,
// renames, removals) by SyncDir of their directory. A rename between two
// directories is durable with the first of them that is synced, as a journal
// does it.
//
// Looking without being counted or failed: m.read("name"), m.names("dir").

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var errDead = errors.New("the process is dead")

// memOp is one operation, as m.fail and m.trace see it.
type memOp struct {
	n    int    // from 1
	op   string // "open", "create", "write", "sync", "rename", "syncdir", ...
	name string
}

func (o memOp) String() string { return fmt.Sprintf("%d %s %s", o.n, o.op, o.name) }

type death int

const (
	diesBefore death = iota // the operation is not done
	diesHalf                // half of a write is done, else as diesBefore
	diesAfter               // the operation is done, but nobody hears of it
)

type memNode struct {
	mode    fs.FileMode
	data    []byte
	synced  []byte // what a power cut leaves for sure
	shared  bool   // data is somebody else's too
	mtime   time.Time
	entries map[string]*memNode // directories
	durable map[string]*memNode
}

type crossRename struct {
	from, to         *memNode
	oldname, newname string
	node             *memNode
}

type memFS struct {
	capacity  int64
	syncDelay time.Duration
	fail      func(memOp) error
	lie       func(memOp) bool

	mu     sync.Mutex
	root   *memNode
	locks  map[string]int // exclusive: -1, shared: how many
	cross  []crossRename
	log    []memOp
	failN  int
	failBy error
	dieN   int
	dieHow death
	dead   bool
	opened int
}

var _ fileSystem = (*memFS)(nil)

func newMemDir() *memNode {
	return &memNode{mode: fs.ModeDir | 0o700, entries: map[string]*memNode{}, durable: map[string]*memNode{}}
}

func newMemFS() *memFS { return &memFS{root: newMemDir(), locks: map[string]int{}} }

// put makes a durable regular file, and the directories above it.
func (m *memFS) put(name, content string) { m.putMode(name, content, 0o600) }

func (m *memFS) putMode(name, content string, mode fs.FileMode) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.root
	parts := strings.Split(name, "/")
	for _, part := range parts[:len(parts)-1] {
		if d.entries[part] == nil {
			d.entries[part] = newMemDir()
			d.durable[part] = d.entries[part]
		}
		d = d.entries[part]
	}
	n := &memNode{mode: mode, data: []byte(content), synced: []byte(content), mtime: time.Now()}
	d.entries[parts[len(parts)-1]], d.durable[parts[len(parts)-1]] = n, n
}

func (m *memFS) failAt(n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failN, m.failBy = len(m.log)+n, err
}

func (m *memFS) dieAt(n int, how death) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dieN, m.dieHow = len(m.log)+n, how
}

func (m *memFS) operations() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.log)
}

func (m *memFS) died() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// trace returns the last operations.
func (m *memFS) trace() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, op := range m.log[max(0, len(m.log)-80):] {
		fmt.Fprintf(&b, "\t%v\n", op)
	}
	return b.String()
}

// read returns a file's content, and fails the test if there is no such file.
func (m *memFS) read(t testing.TB, name string) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return string(n.data)
}

// names returns the sorted names in a directory.
func (m *memFS) names(dir string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(dir)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(n.entries))
}

// step counts an operation and decides its fate, m.mu held: err is what it
// returns without being done; half, after: it is done so far, then errDead.
func (m *memFS) step(op, name string) (half, after bool, err error) {
	if m.dead {
		return false, false, errDead
	}
	o := memOp{len(m.log) + 1, op, name}
	m.log = append(m.log, o)
	if o.n == m.dieN {
		m.dead = true
		switch {
		case m.dieHow == diesAfter:
			return false, true, nil
		case m.dieHow == diesHalf && op == "write":
			return true, true, nil
		}
		return false, false, errDead
	}
	if o.n == m.failN {
		return false, false, &fs.PathError{Op: op, Path: name, Err: m.failBy}
	}
	if m.fail != nil {
		if err := m.fail(o); err != nil {
			return false, false, &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
	return false, false, nil
}

// do runs an operation that is done wholly or not at all.
func (m *memFS) do(op, name string, run func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, after, err := m.step(op, name)
	if err != nil {
		return err
	}
	if err := run(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	if after {
		return errDead
	}
	return nil
}

func (m *memFS) find(name string) (*memNode, error) {
	if name == "." {
		return m.root, nil
	}
	d, base, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	n := d.entries[base]
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return n, nil
}

func (m *memFS) parent(name string) (*memNode, string, error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, "", fs.ErrInvalid
	}
	d := m.root
	parts := strings.Split(name, "/")
	for _, part := range parts[:len(parts)-1] {
		d = d.entries[part]
		if d == nil || !d.mode.IsDir() {
			return nil, "", fs.ErrNotExist
		}
	}
	return d, parts[len(parts)-1], nil
}

func (m *memFS) Mkdir(name string, perm fs.FileMode) error {
	return m.do("mkdir", name, func() error {
		d, base, err := m.parent(name)
		if err != nil {
			return err
		}
		if d.entries[base] != nil {
			return fs.ErrExist
		}
		d.entries[base] = newMemDir()
		d.entries[base].mode = fs.ModeDir | perm
		return nil
	})
}

func (m *memFS) Rename(oldname, newname string) error {
	return m.do("replace", oldname+" "+newname, func() error { return m.move(oldname, newname, true) })
}

func (m *memFS) RenameNoReplace(oldname, newname string) error {
	return m.do("rename", oldname+" "+newname, func() error { return m.move(oldname, newname, false) })
}

func (m *memFS) move(oldname, newname string, replace bool) error {
	from, oldbase, err := m.parent(oldname)
	if err != nil {
		return err
	}
	to, newbase, err := m.parent(newname)
	if err != nil {
		return err
	}
	n := from.entries[oldbase]
	switch there := to.entries[newbase]; {
	case n == nil:
		return fs.ErrNotExist
	case there != nil && !replace:
		return fs.ErrExist
	case there != nil && there.mode.IsDir():
		return syscall.EISDIR
	}
	delete(from.entries, oldbase)
	to.entries[newbase] = n
	if from != to {
		m.cross = append(m.cross, crossRename{from, to, oldbase, newbase, n})
	}
	return nil
}

func (m *memFS) Remove(name string) error {
	return m.do("remove", name, func() error {
		d, base, err := m.parent(name)
		if err != nil {
			return err
		}
		n := d.entries[base]
		switch {
		case n == nil:
			return fs.ErrNotExist
		case len(n.entries) > 0:
			return syscall.ENOTEMPTY
		}
		delete(d.entries, base)
		return nil
	})
}

func (m *memFS) Lstat(name string) (info fs.FileInfo, err error) {
	err = m.do("lstat", name, func() error {
		n, err := m.find(name)
		if err == nil {
			info = n.info(path.Base(name))
		}
		return err
	})
	return info, err
}

func (m *memFS) Chmod(name string, mode fs.FileMode) error {
	return m.do("chmod", name, func() error {
		n, err := m.find(name)
		if err == nil {
			n.mode = n.mode&fs.ModeType | mode
		}
		return err
	})
}

func (m *memFS) SameFile(a, b fs.FileInfo) bool { return a.Sys() == b.Sys() }

func (m *memFS) SyncDir(name string) error {
	if m.syncDelay > 0 {
		time.Sleep(m.syncDelay)
	}
	return m.do("syncdir", name, func() error {
		d, err := m.find(name)
		if err != nil {
			return err
		}
		if m.lie != nil && m.lie(m.log[len(m.log)-1]) {
			return nil
		}
		d.durable = maps.Clone(d.entries)
		m.cross = slices.DeleteFunc(m.cross, func(c crossRename) bool {
			if c.from != d && c.to != d {
				return false
			}
			if c.from.durable[c.oldname] == c.node {
				delete(c.from.durable, c.oldname)
			}
			if c.to != d { // what is in d now is durable as it is
				c.to.durable[c.newname] = c.node
			}
			return true
		})
		return nil
	})
}

func (m *memFS) Free() (free int64, err error) {
	err = m.do("free", ".", func() error {
		free = m.room()
		return nil
	})
	return free, err
}

// room returns how many bytes of content still fit.
func (m *memFS) room() int64 {
	if m.capacity == 0 {
		return 1 << 40
	}
	return max(0, m.capacity-m.root.size())
}

func (n *memNode) size() int64 {
	size := int64(len(n.data))
	for _, e := range n.entries {
		size += e.size()
	}
	return size
}

func (m *memFS) Here() error { return m.do("here", ".", func() error { return nil }) }

func (m *memFS) Close() error { return nil }

type memLock struct {
	m    *memFS
	name string
	info fs.FileInfo
	once sync.Once
}

func (m *memFS) TryLock(name string, shared bool) (heldLock, error) {
	var l *memLock
	err := m.do("lock", name, func() error {
		d, base, err := m.parent(name)
		if err != nil {
			return err
		}
		if d.entries[base] == nil {
			if shared {
				return fs.ErrNotExist
			}
			d.entries[base] = &memNode{mode: 0o600}
		}
		held := m.locks[name]
		switch {
		case held == 0 && !shared:
			m.locks[name] = -1
		case held >= 0 && shared:
			m.locks[name]++
		default:
			return errHeld
		}
		l = &memLock{m: m, name: name, info: d.entries[base].info(base)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *memLock) Stat() (fs.FileInfo, error) { return l.info, nil }

func (l *memLock) Close() error {
	l.once.Do(func() {
		l.m.mu.Lock()
		defer l.m.mu.Unlock()
		if l.m.locks[l.name] > 0 {
			l.m.locks[l.name]--
		} else {
			l.m.locks[l.name] = 0
		}
	})
	return nil
}

func (m *memFS) OpenFile(name string, flag int, perm fs.FileMode) (file, error) {
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	var f *memFile
	err := m.do(op, name, func() error {
		d, base, err := m.parent(name)
		if err != nil {
			return err
		}
		n := d.entries[base]
		switch {
		case n == nil && flag&os.O_CREATE == 0:
			return fs.ErrNotExist
		case n == nil:
			n = &memNode{mode: perm, mtime: time.Now()}
			d.entries[base] = n
		case flag&os.O_EXCL != 0:
			return fs.ErrExist
		case n.mode&fs.ModeSymlink != 0:
			return syscall.ELOOP
		case n.mode.IsDir() && flag&(os.O_WRONLY|os.O_RDWR) != 0:
			return syscall.EISDIR
		case n.mode.Perm() == 0:
			return fs.ErrPermission
		}
		if flag&os.O_TRUNC != 0 {
			n.data = nil
		}
		f = &memFile{m: m, n: n, name: name, flag: flag}
		m.opened++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (m *memFS) OpenDir(name string) (dir, error) {
	var d *memDir
	err := m.do("opendir", name, func() error {
		n, err := m.find(name)
		if err != nil {
			return err
		}
		if !n.mode.IsDir() {
			return syscall.ENOTDIR
		}
		d = &memDir{m: m, name: name}
		for _, base := range slices.Sorted(maps.Keys(n.entries)) {
			d.left = append(d.left, fs.FileInfoToDirEntry(n.entries[base].info(base)))
		}
		slices.Reverse(d.left) // whoever forgets to sort shall notice
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

type memDir struct {
	m    *memFS
	name string
	left []fs.DirEntry
}

func (d *memDir) ReadDir(n int) (got []fs.DirEntry, err error) {
	err = d.m.do("readdir", d.name, func() error {
		got = d.left[:min(n, len(d.left))]
		d.left = d.left[len(got):]
		return nil
	})
	if err == nil && len(got) == 0 {
		err = io.EOF
	}
	return got, err
}

func (d *memDir) Close() error { return nil }
