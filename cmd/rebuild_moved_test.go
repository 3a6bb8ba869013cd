//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// TestRebuildOfAMovedDirectory: on the new machine the archive is mounted at
// another path, and its books know the old one.
func TestRebuildOfAMovedDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("upload_url", "archive", "grabber_cut_size", "16"))
	files := len(w.captureFiles(60))
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	old, now := filepath.Join(w.dir, "archive"), filepath.Join(w.dir, "mounted")
	if err := os.Rename(old, now); err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(w.dir, "fetched")
	if code, out := w.run("uploader", "fetch", "--upload-url", now, "--into", into); code != 1 {
		t.Errorf("fetch from where it is no more exited %d:\n%s", code, out)
	}
	if code, out := w.run("uploader", "fetch", "--upload-url", now, "--into", into, "--moved", old); code != 0 {
		t.Errorf("fetch --moved exited %d:\n%s", code, out)
	}
	w.asCaptured(into)
	code, out := w.run("uploader", "fetch", "--into", into, "--moved", "s3://bucket")
	has(t, "fetch", out, "where s3://bucket has moved to is not known")
	if code != 3 {
		t.Errorf("fetch of what moved nowhere exited %d", code)
	}
	if err := os.RemoveAll(w.store); err != nil {
		t.Fatal(err)
	}
	code, out = w.run("uploader", "rebuild", "--dry-run", "--upload-url", now)
	has(t, "rebuild", out, strconv.Itoa(files)+" receipts are of file://"+old, "rebuild --moved 'file://"+old+"'")
	if code != 0 {
		t.Errorf("the dry run exited %d", code)
	}
	if r := w.rebuild("--upload-url", now, "--moved", old); r.Made != files || r.Copied != files {
		t.Errorf("%+v, want %d", r, files)
	}
	code, out = w.run("uploader", "verify", "--remote", "--download", "--upload-url", now)
	has(t, "verify", out, strconv.Itoa(files)+" asked for, "+strconv.Itoa(files)+" there", "everything that was asked for is there")
	if code != 0 {
		t.Errorf("verify exited %d", code)
	}
}
