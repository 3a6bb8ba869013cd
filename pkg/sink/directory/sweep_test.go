//go:build unix

package directory

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/storj/twitter-stream/pkg/dirfs"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

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
