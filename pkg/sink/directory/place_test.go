//go:build unix

package directory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// script is a folder that writes down what is done in it, and fails from the
// n-th step on, as one does whose process is killed there.
type script struct {
	folder
	steps *[]string
	fail  int // 0: never
}

var errKilled = errors.New("killed here")

func (s *script) step(format string, args ...any) error {
	*s.steps = append(*s.steps, fmt.Sprintf(format, args...))
	if s.fail > 0 && len(*s.steps) >= s.fail {
		return errKilled
	}
	return nil
}

// kindOf names a temporary file "temp".
func kindOf(name string) string {
	if isTemp(name) {
		return "temp"
	}
	return name
}

func (s *script) Create(object string) (string, file, error) {
	if err := s.step("create temp"); err != nil {
		return "", nil, err
	}
	temp, f, err := s.folder.Create(object)
	return temp, &scriptFile{f, s, "temp"}, err
}

func (s *script) Open(name string) (file, error) {
	if err := s.step("read %s", kindOf(name)); err != nil {
		return nil, err
	}
	return s.folder.Open(name)
}

func (s *script) Place(oldname, newname string) error {
	if err := s.step("rename %s to %s", kindOf(oldname), newname); err != nil {
		return err
	}
	return s.folder.Place(oldname, newname)
}

func (s *script) Sync() error {
	if err := s.step("fsync directory"); err != nil {
		return err
	}
	return s.folder.Sync()
}

func (s *script) SyncDir(name string) error {
	if err := s.step("fsync %s", name); err != nil {
		return err
	}
	return s.folder.SyncDir(name)
}

func (s *script) Mkdir(name string, perm fs.FileMode) error {
	if err := s.step("mkdir %s", name); err != nil {
		return err
	}
	return s.folder.Mkdir(name, perm)
}

func (s *script) Here() error {
	if err := s.step("still here"); err != nil {
		return err
	}
	return s.folder.Here()
}

func (s *script) Remove(name string) error {
	if s.fail > 0 {
		return errKilled // nobody tidies up
	}
	return s.folder.Remove(name)
}

type scriptFile struct {
	file
	s    *script
	name string
}

func (f *scriptFile) Write(p []byte) (int, error) {
	if err := f.s.step("write %s", f.name); err != nil {
		return 0, err
	}
	return f.file.Write(p)
}

func (f *scriptFile) Sync() error {
	if err := f.s.step("fsync %s", f.name); err != nil {
		return err
	}
	return f.file.Sync()
}

// scripted returns an archive whose folder follows the script.
func scripted(t testing.TB, path string, steps *[]string, fail int) *Archive {
	t.Helper()
	a := plainArchive(t, path, nil)
	a.open = func(path string) (folder, error) {
		inner, err := openFolder(path)
		if err != nil {
			return nil, err
		}
		return &script{inner, steps, fail}, nil
	}
	return a
}

// The order of writes is the promise: nothing has its name before it has been
// synced and read back.
func TestOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	if err := makeArchive(path); err != nil {
		t.Fatal(err)
	}
	var steps []string
	a := scripted(t, path, &steps, 0)
	obj := sinktest.Object("object-1", []byte("content"))
	below := obj
	below.Key = "a/b/object-1"
	for _, tt := range []struct {
		obj  sink.Object
		want string
	}{
		{obj, "read " + Marker + ", create temp, write temp, fsync temp, read temp, rename temp to object-1, fsync directory, still here"},
		{obj, "read " + Marker + ", read object-1, fsync directory, still here"},
		{below, "read " + Marker + ", create temp, write temp, fsync temp, read temp, mkdir a, mkdir a/b, rename temp to a/b/object-1, fsync a/b, fsync a, fsync directory, still here"},
		{below, "read " + Marker + ", read a/b/object-1, fsync a/b, still here"},
		// Who made the directories may have died before they were durable.
		{below, "new, read " + Marker + ", read a/b/object-1, fsync a/b, fsync a, fsync directory, still here"},
	} {
		steps = nil
		if strings.HasPrefix(tt.want, "new") {
			a, steps = scripted(t, path, &steps, 0), []string{"new"}
		}
		if _, err := a.Put(t.Context(), tt.obj); err != nil || strings.Join(steps, ", ") != tt.want {
			t.Errorf("put (%v) did\n%s, want\n%s", err, strings.Join(steps, ", "), tt.want)
		}
	}
}

// Killed at any step, the next start ends with the object once, and nothing
// else.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for fail := 1; fail <= 13; fail++ {
		path := filepath.Join(t.TempDir(), "archive")
		if err := makeArchive(path); err != nil {
			t.Fatal(err)
		}
		var steps []string
		obj := sinktest.Object("object-1", sinktest.Bytes(1, 300_000))
		obj.Key = "a/b/object-1"
		_, err := scripted(t, path, &steps, fail).Put(t.Context(), obj)
		if (err == nil) != (fail > 12) && !errors.Is(err, errKilled) {
			t.Fatalf("killed at step %d of %v: %v", fail, steps, err)
		}
		if _, err := plainArchive(t, path, nil).Put(t.Context(), obj); err != nil {
			t.Errorf("after a kill at step %d: %v", fail, err)
		}
		if err := sweep(t.Context(), path); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if names := listing(t, path); !slices.Equal(names, []string{Marker, "a"}) {
			t.Errorf("after a kill at step %d the archive holds %v", fail, names)
		}
		if names := listing(t, filepath.Join(path, "a/b")); !slices.Equal(names, []string{"object-1"}) {
			t.Errorf("after a kill at step %d the archive's directory holds %v", fail, names)
		}
	}
}

// Whoever comes first keeps the name, by each way of renaming.
func TestNeverReplaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	if err := makeArchive(path); err != nil {
		t.Fatal(err)
	}
	for round := range 20 {
		name := fmt.Sprintf("object-%d", round)
		var taken, refused atomic.Int32
		var all sync.WaitGroup
		for i := range 4 {
			a := plainArchive(t, path, nil)
			all.Go(func() {
				content := sinktest.Bytes(byte(i%2), 1000) // two of each
				_, err := a.Put(t.Context(), sinktest.Object(name, content))
				var e *sink.Error
				switch {
				case err == nil:
					taken.Add(1)
					if got, err := os.ReadFile(filepath.Join(path, name)); err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s was replaced after its receipt (%v)", name, err)
					}
				case errors.As(err, &e) && e.Kind == sink.Permanent:
					refused.Add(1)
				default:
					t.Errorf("put %s: %v", name, err)
				}
			})
		}
		all.Wait()
		if taken.Load() != 2 || refused.Load() != 2 {
			t.Errorf("%s: %d were taken and %d refused, want 2 of each", name, taken.Load(), refused.Load())
		}
	}
}

// A name that is no file, or not safe, is refused.
func TestNames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	a := plainArchive(t, path, nil)
	if err := errors.Join(makeArchive(path), os.Mkdir(filepath.Join(path, "directory"), 0o700),
		os.Symlink("/etc/passwd", filepath.Join(path, "link")), syscall.Mkfifo(filepath.Join(path, "fifo"), 0o600)); err != nil {
		t.Fatal(err)
	}
	before := tree(filepath.Dir(path))
	for _, name := range []string{"", ".", "..", "../x", "/etc/x", "a/b", Marker, ".hidden", "a\x00b", "directory", "link", "fifo", strings.Repeat("x", 201)} {
		_, err := a.Put(t.Context(), sinktest.Object(name, []byte("content")))
		wants(t, name, err, sink.Permanent)
	}
	if after := tree(filepath.Dir(path)); after != before {
		t.Errorf("there is now\n%s\nand was\n%s", after, before)
	}
}
