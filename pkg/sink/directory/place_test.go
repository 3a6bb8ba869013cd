//go:build unix

package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/dirfs"
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
	for _, want := range []string{
		"read " + Marker + ", create temp, write temp, fsync temp, read temp, rename temp to object-1, fsync directory, still here",
		"read " + Marker + ", read object-1, fsync directory, still here",
	} {
		steps = nil
		if _, err := a.Put(t.Context(), obj); err != nil || strings.Join(steps, ", ") != want {
			t.Errorf("put (%v) did\n%s, want\n%s", err, strings.Join(steps, ", "), want)
		}
	}
}

// Killed at any step, the next start ends with the object once, and nothing
// else.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for fail := 1; fail <= 9; fail++ {
		path := filepath.Join(t.TempDir(), "archive")
		if err := makeArchive(path); err != nil {
			t.Fatal(err)
		}
		var steps []string
		obj := sinktest.Object("object-1", sinktest.Bytes(1, 300_000))
		_, err := scripted(t, path, &steps, fail).Put(t.Context(), obj)
		if (err == nil) != (fail > 8) && !errors.Is(err, errKilled) {
			t.Fatalf("killed at step %d of %v: %v", fail, steps, err)
		}
		if _, err := plainArchive(t, path, nil).Put(t.Context(), obj); err != nil {
			t.Errorf("after a kill at step %d: %v", fail, err)
		}
		if err := sweep(t.Context(), path); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if names := listing(t, path); !slices.Equal(names, []string{Marker, "object-1"}) {
			t.Errorf("after a kill at step %d the archive holds %v", fail, names)
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

// An archive that goes away while an object is written has no receipt of it.
func TestGoneMeanwhile(t *testing.T) {
	t.Parallel()
	n := newNode(t, nil)
	content := sinktest.Bytes(1, 600_000)
	obj := sinktest.Object("object-1", content)
	var once sync.Once
	obj.Progress = func(int) {
		once.Do(func() {
			if err := errors.Join(os.Rename(n.dir, n.dir+".away"), os.Mkdir(n.dir, 0o700)); err != nil {
				t.Error(err)
			}
		})
	}
	_, err := n.Put(t.Context(), obj)
	wants(t, "put", err, sink.Pause)
	if names := listing(t, n.dir); len(names) > 0 {
		t.Errorf("the mount point holds %v", names)
	}
	_, err = n.Put(t.Context(), obj)
	wants(t, "put again", err, sink.Pause)
	if err := errors.Join(os.Remove(n.dir), os.Rename(n.dir+".away", n.dir)); err != nil {
		t.Fatal(err)
	}
	if receipt, err := n.Put(t.Context(), obj); err != nil {
		t.Errorf("put when it is back: %v", err)
	} else if got, ok := n.Content(receipt); !ok || !bytes.Equal(got, content) {
		t.Error("the object is not there")
	}
}

// A call that never returns holds up nobody, and no more are begun meanwhile.
func TestDeadMount(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	if err := makeArchive(path); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		a := plainArchive(t, path, nil)
		dead := make(chan struct{})
		var calls atomic.Int32 // that hang
		a.open = func(path string) (folder, error) {
			calls.Add(1)
			<-dead
			return openFolder(path)
		}
		obj := sinktest.Object("object-1", []byte("content"))
		began := time.Now()
		if err := a.Prepare(t.Context()); err != nil || time.Since(began) > 15*time.Second {
			t.Errorf("prepare: %v after %v", err, time.Since(began))
		}
		dead <- struct{}{}
		synctest.Wait()
		began = time.Now()
		calls.Store(0)
		_, err := a.Put(t.Context(), obj)
		wants(t, "put", err, sink.Pause)
		if took := time.Since(began); took < time.Minute || took > 70*time.Second {
			t.Errorf("given up after %v, want the timeout of a minute", took)
		}
		began = time.Now()
		for range 10 {
			_, err := a.Put(t.Context(), obj)
			if e := wants(t, "put while one hangs", err, sink.Pause); !strings.Contains(e.Error(), "does not answer") {
				t.Error(e)
			}
		}
		if calls.Load() != 1 || time.Since(began) > 0 {
			t.Errorf("%d calls hang, after %v; want 1 and no wait", calls.Load(), time.Since(began))
		}
		close(dead)
		synctest.Wait()
		if _, err := a.Put(t.Context(), obj); err != nil {
			t.Errorf("put when the mount is alive again: %v", err)
		}
	})
}

// strict is content that may be read while Put runs only.
type strict struct {
	io.ReaderAt
	over *atomic.Bool
	t    testing.TB
}

func (s strict) ReadAt(p []byte, off int64) (int, error) {
	if s.over.Load() {
		s.t.Error("the content was read after Put had returned")
	}
	return s.ReaderAt.ReadAt(p, off)
}

// Cancelled at any moment, Put ends at once; nothing is read or told after, and
// no temporary file stays where the file system answers.
func TestCancelledAtAnyMoment(t *testing.T) {
	t.Parallel()
	n := newNode(t, nil)
	for moment := range 12 {
		ctx, cancel := context.WithCancel(t.Context())
		content := sinktest.Bytes(byte(moment), 2<<20)
		obj := sinktest.Object(fmt.Sprintf("object-%d", moment), content)
		var over atomic.Bool
		obj.Content = strict{obj.Content, &over, t}
		told := 0
		obj.Progress = func(int) {
			if over.Load() {
				t.Error("progress was told after Put had returned")
			}
			if told++; told > moment {
				cancel()
			}
		}
		receipt, err := n.Put(ctx, obj)
		over.Store(true)
		cancel()
		if err == nil { // it was too late: then it is proven
			if got, ok := n.Content(receipt); !ok || !bytes.Equal(got, content) {
				t.Errorf("cancelled at moment %d, a receipt of what is not there", moment)
			}
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at moment %d: %v", moment, err)
		}
	}
	for _, name := range listing(t, n.dir) {
		if isTemp(name) {
			t.Errorf("%s stays", name)
		}
	}
}

// A sweep takes what dead processes left, and nothing else.
func TestSweep(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	token := ".0123456789abcdef" + tempSuffix
	stay := []string{
		".bashrc", "object-1", ".object-1.part", ".object-1.0123456789ABCDEF.part", ".object-1.0123456789abcde.part",
		"object-1" + token, "..x" + token, ".a b" + token, Marker,
	}
	for _, name := range append(stay, ".object-1"+token, ".a.jsonl"+token) {
		if err := os.WriteFile(filepath.Join(path, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := dirfs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	live, f, err := osFolder{dir}.Create("object-2")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(os.Mkdir(filepath.Join(path, ".d"+token), 0o700), os.Symlink("object-1", filepath.Join(path, ".l"+token))); err != nil {
		t.Fatal(err)
	}
	want := append(stay, live, ".d"+token, ".l"+token)
	slices.Sort(want)
	if err := sweep(t.Context(), path); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if got := listing(t, path); !slices.Equal(got, want) {
		t.Errorf("there is\n%v, want\n%v", got, want)
	}
}

// However often others sweep, whoever makes a temporary file keeps it.
func TestSweepDisturbsNobody(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	dir, err := dirfs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	ctx, end := context.WithCancel(t.Context())
	var sweepers sync.WaitGroup
	for range 2 {
		sweepers.Go(func() {
			for ctx.Err() == nil {
				_ = sweep(ctx, path)
			}
		})
	}
	for range 3000 {
		temp, f, err := osFolder{dir}.Create("object-1")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(dir.Place(temp, "object-1"), f.Close(), dir.Remove("object-1")); err != nil {
			t.Fatal(err)
		}
	}
	end()
	sweepers.Wait()
}

// A temporary file that somebody removes costs a try, never an object.
func TestTempRemoved(t *testing.T) {
	t.Parallel()
	n := newNode(t, nil)
	content := sinktest.Bytes(1, 600_000)
	obj := sinktest.Object("object-1", content)
	var once sync.Once
	obj.Progress = func(int) {
		once.Do(func() {
			for _, name := range listing(t, n.dir) {
				if isTemp(name) {
					_ = os.Remove(filepath.Join(n.dir, name))
				}
			}
		})
	}
	_, err := n.Put(t.Context(), obj)
	wants(t, "put", err, sink.Temporary)
	if _, err := n.Put(t.Context(), obj); err != nil {
		t.Error(err)
	}
}
