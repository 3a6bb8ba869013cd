//go:build unix

package directory

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// What stands in a key's way is not passed: neither a link, wherever it leads,
// nor a file.
func TestParentsInTheWay(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	for what, make := range map[string]func(archive string) error{
		"a link out of the archive": func(archive string) error { return os.Symlink(outside, filepath.Join(archive, "dt=1")) },
		"a relative one":            func(archive string) error { return os.Symlink("../elsewhere", filepath.Join(archive, "dt=1")) },
		"a link inside the archive": func(archive string) error {
			return errors.Join(os.Mkdir(filepath.Join(archive, "real"), 0o700), os.Symlink("real", filepath.Join(archive, "dt=1")))
		},
		"a link further down": func(archive string) error {
			return errors.Join(os.Mkdir(filepath.Join(archive, "dt=1"), 0o700), os.Symlink(outside, filepath.Join(archive, "dt=1/hour=2")))
		},
		"a file": func(archive string) error { return os.WriteFile(filepath.Join(archive, "dt=1"), []byte("x"), 0o600) },
	} {
		n := newNode(t, nil)
		n.below = "dt=1/hour=2/"
		if err := make(n.dir); err != nil {
			t.Fatal(err)
		}
		_, err := n.Put(t.Context(), sinktest.Object("object-1", []byte("content")))
		var e *sink.Error
		if !errors.As(err, &e) || e.Kind == sink.Permanent {
			t.Errorf("%s: %v, want an error that another try may mend", what, err)
		}
		for _, dir := range []string{outside, filepath.Join(n.dir, "real")} {
			if names, _ := os.ReadDir(dir); len(names) > 0 {
				t.Errorf("%s: %s holds %v", what, dir, names)
			}
		}
		for _, name := range listing(t, n.dir) {
			if isTemp(name) {
				t.Errorf("%s: %s is left", what, name)
			}
		}
	}
}

func TestBadKeys(t *testing.T) {
	t.Parallel()
	n := newNode(t, nil)
	for _, key := range []string{"../x", "/x", "a//x", "a/../../x", ".hidden/x", "a/", `a\x`} {
		obj := sinktest.Object("x", []byte("content"))
		obj.Key = key
		_, err := n.Put(t.Context(), obj)
		wants(t, key, err, sink.Permanent)
	}
	if names := listing(t, n.dir); len(names) != 1 {
		t.Errorf("the archive holds %v", names)
	}
}
