//go:build unix

package cmd_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

const marker = ".twitter-stream-archive"

// archivist is a world whose files go to a directory, with files that wait.
func archivist(t *testing.T, files int, more ...string) (w *world, archive string, names []string) {
	t.Helper()
	more = append([]string{"stream_url", "none", "upload_url", "archive"}, more...)
	w = newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick(more...))
	return w, filepath.Join(w.dir, "archive"), w.stock(files)
}

// placeOf is where an archive keeps a file by default.
func placeOf(archive, name string) string {
	at, err := time.Parse("20060102T150405", strings.TrimPrefix(name, prefix)[:min(15, len(strings.TrimPrefix(name, prefix)))])
	if err != nil {
		return filepath.Join(archive, name)
	}
	return filepath.Join(archive, at.Format("dt=2006-01-02"), at.Format("hour=15"), name)
}

// archived fails unless an archive holds exactly these files, each in its
// place, and nothing but its marker besides.
func archived(t testing.TB, archive string, want map[string]string) {
	t.Helper()
	err := filepath.WalkDir(archive, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "_books" { // copies of the ledger
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() && entry.Name() != marker {
			if _, ok := want[entry.Name()]; !ok || path != placeOf(archive, entry.Name()) {
				t.Errorf("the archive holds %s", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range want {
		if data, err := os.ReadFile(placeOf(archive, name)); err != nil || string(data) != content {
			t.Errorf("%s in the archive: %.80q (%v), want %.80q", name, data, err, content)
		}
	}
}

// inArchive fails unless an archive holds exactly these files, and nothing but
// its marker besides, each with one receipt.
func (w *world) inArchive(archive string, want map[string]string) {
	w.t.Helper()
	archived(w.t, archive, want)
	receipts := map[string]int{}
	for _, r := range w.receipts() {
		receipts[r.Name]++
		if object, err := filepath.Rel(archive, placeOf(archive, r.Name)); err != nil || r.Object != object {
			w.t.Errorf("the receipt of %s names %q, want %q", r.Name, r.Object, object)
		}
		if r.FileHash != r.SHA256 || r.Key != "" {
			w.t.Errorf("the receipt of %s has file hash %s of content %s, and key %q", r.Name, r.FileHash, r.SHA256, r.Key)
		}
	}
	for name := range want {
		if receipts[name] != 1 {
			w.t.Errorf("%d receipts of %s, want 1", receipts[name], name)
		}
	}
	if len(receipts) != len(want) {
		w.t.Errorf("receipts of %d files, want %d", len(receipts), len(want))
	}
}

// TestDirectoryNeedsNoCommand: two lines in config.ini are enough.
func TestDirectoryNeedsNoCommand(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 20)
	d := w.begin()
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	d.stop()
	w.inArchive(archive, stocked(names))
	for path, want := range map[string]os.FileMode{archive: 0o700, placeOf(archive, names[0]): 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&^want != 0 {
			t.Errorf("%s: %v (%v), want at most %v", path, info.Mode(), err, want)
		}
	}
	has(t, "the ledger", w.text("store/ledger/"+time.Now().UTC().Format("2006-01")+".jsonl"), `"sink":"directory"`, `"url":"file://`+archive+`"`)
}

// TestDirectoryWithoutAMarker is not touched, and the command is named.
func TestDirectoryWithoutAMarker(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		url     string
		prepare func(t *testing.T, w *world)
		say     string
	}{
		{"empty, as a disk leaves it that is not mounted", "archive", func(t *testing.T, w *world) {
			if err := os.Mkdir(filepath.Join(w.dir, "archive"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, marker},
		{"in an empty directory", "mnt/archive", func(t *testing.T, w *world) {
			if err := os.Mkdir(filepath.Join(w.dir, "mnt"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is empty"},
		{"nothing above it", "mnt/disk/archive", func(*testing.T, *world) {}, "there is no"},
		{"a file", "archive", func(t *testing.T, w *world) { put(t, filepath.Join(w.dir, "archive"), "a file") }, "directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, _, names := archivist(t, 1, "upload_url", tt.url)
			tt.prepare(t, w)
			before := w.listing()
			code, out := w.run("uploader")
			if code != 3 {
				t.Errorf("exit %d, want 3", code)
			}
			has(t, "it", out, tt.say, "uploader init-dir "+filepath.Join(w.dir, tt.url))
			if len(w.finished()) != len(names) || len(w.receipts()) > 0 {
				t.Errorf("%d files left and receipts %v, want all and none", len(w.finished()), w.receipts())
			}
			if after := w.listing(); after != before {
				t.Errorf("outside the store there is now\n%s\nand was\n%s", after, before)
			}
		})
	}
}

// listing is what lies beside the store.
func (w *world) listing() string {
	w.t.Helper()
	var all []string
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if path == w.store || d != nil && d.Name() == "logs" {
			return filepath.SkipDir
		}
		all = append(all, path)
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
	return strings.Join(all, "\n")
}

// TestDirectoryIsMadeUnderADaemon: the daemon notices, and tries again at once.
func TestDirectoryIsMadeUnderADaemon(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 3)
	if err := os.Mkdir(archive, 0o700); err != nil {
		t.Fatal(err)
	}
	d := w.begin()
	eventually(t, "the uploader waits for a person", func() bool {
		_, _, _, lastExit := w.child("uploader")
		return lastExit == "exit 3"
	})
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	d.stop()
	w.inArchive(archive, stocked(names))
}

// TestInitDir says what it did, and to what it does it.
func TestInitDir(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 3)
	foreign := filepath.Join(w.dir, "photos")
	put(t, filepath.Join(foreign, "a.jpg"), "a photo")
	for _, tt := range []struct {
		args []string
		code int
		say  []string
	}{
		{[]string{}, 0, []string{archive, "was made"}},
		{[]string{archive}, 0, []string{archive, "already"}},
		{[]string{foreign}, 3, []string{"not empty", "--force"}},
		{[]string{foreign, "--force"}, 0, []string{"is an archive now", "stays as it is"}},
		{[]string{filepath.Join(w.dir, "a", "b")}, 3, []string{"there is no " + filepath.Join(w.dir, "a"), "hint"}},
		{[]string{w.config}, 3, []string{"not a directory"}},
		{[]string{"a", "b"}, 2, nil},
		{[]string{"--upload-url", "https://node.example/", "-q"}, 2, []string{"no directory"}},
		{[]string{"--help"}, 0, []string{"Examples", "EXIT STATUS", marker}},
	} {
		code, out := w.run("uploader", append([]string{"init-dir"}, tt.args...)...)
		if code != tt.code {
			t.Errorf("init-dir %v exited %d, want %d:\n%s", tt.args, code, tt.code, out)
		}
		has(t, strings.Join(tt.args, " "), out, tt.say...)
	}
	if data, err := os.ReadFile(filepath.Join(foreign, "a.jpg")); string(data) != "a photo" {
		t.Errorf("the photo is %q now (%v)", data, err)
	}
	var m struct {
		Archive string
		Version int
	}
	data, err := os.ReadFile(filepath.Join(archive, marker))
	if err := json.Unmarshal(data, &m); err != nil || len(m.Archive) != 32 || m.Version != 1 {
		t.Errorf("the marker is %s (%v)", data, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Errorf("drain exited %d:\n%s", code, out)
	}
	w.inArchive(archive, stocked(names))
}

// TestDirectoryIsAnother: a store ships to the archive that it knows.
func TestDirectoryIsAnother(t *testing.T) {
	t.Parallel()
	w, archive, first := archivist(t, 2)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
	}
	if err := os.Rename(archive, archive+".old"); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("uploader", "init-dir", archive+".new"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	if err := os.Rename(archive+".new", archive); err != nil {
		t.Fatal(err)
	}
	late := prefix + "20270101T000000.000000Z-000000.jsonl"
	put(t, filepath.Join(w.store, late), stocked([]string{late})[late])
	u := w.start("uploader")
	w.paused("another archive")
	if code, out := w.run("uploader", "init-dir"); code != 0 || !strings.Contains(out, "from now on it ships to this one") {
		t.Errorf("init-dir exited %d:\n%s", code, out)
	}
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	u.stop()
	for dir, names := range map[string][]string{archive + ".old": first, archive: {late}} {
		for _, name := range names {
			if _, err := os.Stat(placeOf(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestUploadNone: the daemon runs the grabber alone.
func TestUploadNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 200}, sandbox.NodeConfig{}, quick("upload_url", "none", "grabber_cut_interval", "200ms"))
	d := w.begin()
	eventually(t, "files are finished", func() bool { return len(w.finished()) > 2 })
	if children := w.status("daemon").Children; len(children) != 1 || children[0].Name != "grabber" {
		t.Errorf("children %+v, want the grabber alone", children)
	}
	if code, out := w.run("uploader"); code != 3 {
		t.Errorf("uploader exited %d, want 3:\n%s", code, out)
	}
	d.stop()
	if n := len(w.receipts()); n > 0 || len(w.node.Uploads()) > 0 {
		t.Errorf("%d receipts of what nobody uploads", n)
	}
}
