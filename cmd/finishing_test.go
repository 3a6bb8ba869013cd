//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// A grabber that was killed between a file's line in the captured book and its
// name leaves a file that is in the store, and nowhere else.
func TestCutAndNotFinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Messages: 100}, sandbox.NodeConfig{}, quick("grabber_cut_size", "16"))
	w.capture(100)
	name := w.finished()[1]
	if err := os.Rename(filepath.Join(w.store, name), filepath.Join(w.store, "."+name)); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("uploader", "list"); code != 0 || strings.Contains(out, "nowhere") {
		t.Errorf("list exited %d:\n%s", code, out)
	}
	into := filepath.Join(w.dir, "fetched")
	if code, out := w.run("uploader", "fetch", "--into", into); code != 1 || !strings.Contains(out, name+": in the store: it is cut, and not finished") {
		t.Errorf("fetch exited %d:\n%s", code, out)
	}
	g := w.start("grabber")
	eventually(t, "the grabber has finished it", func() bool { _, err := os.Stat(filepath.Join(w.store, name)); return err == nil })
	g.stop()
	if code, out := w.run("uploader", "fetch", "--into", into); code != 0 {
		t.Errorf("fetch exited %d:\n%s", code, out)
	}
	w.asCaptured(into)
}
