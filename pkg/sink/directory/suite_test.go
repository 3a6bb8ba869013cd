//go:build unix

package directory

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// node is an archive on a file system that does wrong when told so.
type node struct {
	*Archive
	dir string

	mu     sync.Mutex // guards what follows
	faults []sinktest.Fault
	size   int64  // of the object being put
	below  string // where objects are put: "dt=2026-11-23/", or nothing
	done   chan struct{}
}

func newNode(t testing.TB, change func(*Config)) *node {
	t.Helper()
	n := &node{dir: filepath.Join(t.TempDir(), "archive"), done: make(chan struct{})}
	if _, err := Init(n.dir, false); err != nil {
		t.Fatal(err)
	}
	cfg := Config{URL: "file://" + n.dir, Timeout: 30 * time.Second, Command: "uploader init-dir"}
	if change != nil {
		change(&cfg)
	}
	var err error
	if n.Archive, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(n.done)
		n.Close()
	})
	if err := n.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.open = func(path string) (folder, error) {
		inner, err := openFolder(path)
		if err != nil {
			return nil, err
		}
		return &badFolder{folder: inner, n: n, fault: n.next()}, nil
	}
	return n
}

func (n *node) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	n.mu.Lock()
	n.size = obj.Size
	if n.below != "" {
		obj.Key = n.below + obj.Name
	}
	n.mu.Unlock()
	return n.Archive.Put(ctx, obj)
}

func (n *node) Fail(faults ...sinktest.Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = append(n.faults, faults...)
}

func (n *node) Left() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.faults)
}

func (n *node) next() (fault sinktest.Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.faults) > 0 {
		fault, n.faults = n.faults[0], n.faults[1:]
	}
	return fault
}

func (n *node) Refusals() []sinktest.Refusal {
	var all []sinktest.Refusal
	for errno, kind := range map[syscall.Errno]sink.Kind{
		syscall.ENOSPC: sink.Pause, syscall.EDQUOT: sink.Pause, syscall.EROFS: sink.Pause, syscall.EACCES: sink.Pause,
		syscall.EPERM: sink.Pause, syscall.ESTALE: sink.Pause, syscall.ENOTCONN: sink.Pause,
		syscall.EFBIG: sink.Permanent, syscall.EIO: sink.Temporary, syscall.EMFILE: sink.Temporary,
	} {
		for _, early := range []bool{false, true} {
			name := errno.Error()
			if early {
				name = "early " + name
			}
			all = append(all, sinktest.Refusal{Name: name, Kind: kind, Fault: sinktest.Fault{Err: errno, Early: early}})
		}
	}
	return all
}

// Content finds a receipt's object by its key, and nothing else may be there.
func (n *node) Content(r sink.Receipt) (content []byte, ok bool) {
	err := filepath.WalkDir(n.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == Marker {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && sinktest.Object("", data).SHA256 == hash(r.FileHash) {
			content, ok = data, !strings.HasPrefix(entry.Name(), ".") && filepath.Dir(path) == filepath.Join(n.dir, n.below)
		}
		return err
	})
	return content, ok && err == nil
}

// badFolder does its fault wrong.
type badFolder struct {
	folder
	n     *node
	fault sinktest.Fault
}

func (b *badFolder) failure(op string) error {
	return &os.PathError{Op: op, Path: b.n.dir, Err: b.fault.Err}
}

func (b *badFolder) Create(object string) (string, file, error) {
	if b.fault.Err != nil && b.fault.Early {
		return "", nil, b.failure("create")
	}
	temp, f, err := b.folder.Create(object)
	if err != nil {
		return "", nil, err
	}
	return temp, &badFile{file: f, b: b}, nil
}

// Open alters, before it is read back, what was written.
func (b *badFolder) Open(name string) (file, error) {
	if isTemp(name) && b.fault.Lie != "" {
		path := filepath.Join(b.n.dir, name)
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, altered(data, b.fault.Lie), 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	return b.folder.Open(name)
}

func altered(data []byte, lie sinktest.Lie) []byte {
	switch lie {
	case sinktest.LieHash:
		data = bytes.Clone(data)
		data[len(data)/2] ^= 1
		return data
	case sinktest.LieShort:
		return data[:len(data)-1]
	case sinktest.LieKey:
		return append(data, 'x')
	case sinktest.LieGarbage:
		return []byte("<html>Created</html>")
	}
	return nil
}

// Sync of the directory is the answer: the object is there before.
func (b *badFolder) Sync() error {
	if b.fault.LoseAnswer {
		return &os.PathError{Op: "fsync", Path: b.n.dir, Err: syscall.EIO}
	}
	return b.folder.Sync()
}

type badFile struct {
	file
	b       *badFolder
	written int64
}

func (f *badFile) Write(p []byte) (int, error) {
	fault := f.b.fault
	f.b.n.mu.Lock()
	share := float64(f.written+int64(len(p))) / float64(f.b.n.size)
	f.b.n.mu.Unlock()
	switch {
	case fault.CutAt > 0 && share >= fault.CutAt:
		n, _ := f.file.Write(p[:len(p)/2])
		return n, &os.PathError{Op: "write", Path: f.b.n.dir, Err: syscall.EIO}
	case fault.Stall > 0 && share >= fault.Stall:
		<-f.b.n.done
	case fault.Slow > 0:
		time.Sleep(fault.Slow) // it stands for the disk's own time
	}
	n, err := f.file.Write(p)
	f.written += int64(n)
	return n, err
}

func (f *badFile) Sync() error {
	if f.b.fault.Err != nil {
		return f.b.failure("fsync")
	}
	return f.file.Sync()
}

func TestSuite(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Node { return newNode(t, nil) })
}

func TestSuiteBelow(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t testing.TB) sinktest.Node {
		n := newNode(t, nil)
		n.below = "dt=2026-11-23/hour=14/"
		return n
	})
}

func TestLarge(t *testing.T) {
	t.Parallel()
	if os.Getenv(sinktest.LargeVariable) == "" {
		t.Skip("set " + sinktest.LargeVariable + " for objects of 1 GiB")
	}
	sinktest.RunLarge(t, func(t testing.TB) sinktest.Node { return newNode(t, nil) })
}
