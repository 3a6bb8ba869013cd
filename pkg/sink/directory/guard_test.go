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
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

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
