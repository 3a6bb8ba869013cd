//go:build unix

package cmd_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
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

// inArchive fails unless an archive holds exactly these files, and nothing but
// its marker besides, each with one receipt.
func (w *world) inArchive(archive string, want map[string]string) {
	w.t.Helper()
	entries, err := os.ReadDir(archive)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if _, ok := want[name]; !ok && name != marker {
			w.t.Errorf("the archive holds %s", name)
		}
	}
	for name, content := range want {
		if data, err := os.ReadFile(filepath.Join(archive, name)); err != nil || string(data) != content {
			w.t.Errorf("%s in the archive: %.80q (%v), want %.80q", name, data, err, content)
		}
	}
	receipts := map[string]int{}
	for _, r := range w.receipts() {
		receipts[r.Name]++
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

// paused waits until the uploader says that it pauses, and why.
func (w *world) paused(why string) {
	w.t.Helper()
	eventually(w.t, "the uploader pauses: "+why, func() bool {
		s := w.status("uploader")
		return s.State == "paused" && strings.Contains(s.Detail, why)
	})
}

// TestDirectoryNeedsNoCommand: two lines in config.ini are enough.
func TestDirectoryNeedsNoCommand(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 20)
	d := w.begin()
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	d.stop()
	w.inArchive(archive, stocked(names))
	for path, want := range map[string]os.FileMode{archive: 0o700, filepath.Join(archive, names[0]): 0o644} {
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

// checked returns what daemon check prints, which must end with the code.
func (w *world) checked(code int) string {
	w.t.Helper()
	got, out := w.run("daemon", "check")
	if got != code {
		w.t.Errorf("check exited %d, want %d:\n%s", got, code, out)
	}
	return out
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

// TestDirectoryMemoryOfAPush does not depend on the file's size.
func TestDirectoryMemoryOfAPush(t *testing.T) {
	t.Parallel()
	w, archive, _ := archivist(t, 0)
	path := filepath.Join(w.dir, "sparse")
	put(t, path, "begin")
	const size = 128 << 20
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	p := w.startPlain("uploader", "push", "--json", path)
	most := p.peak(func() bool { return false })
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d:\n%s", code, p.out)
	}
	if most == 0 || most > 64<<20 {
		t.Errorf("%d MiB of memory, want at most 64", most>>20)
	}
	if info, err := os.Stat(filepath.Join(archive, "sparse")); err != nil || info.Size() != size {
		t.Errorf("in the archive: %+v (%v), want %d bytes", info, err, size)
	}
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
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDirectoryKeepsWhatIsThere: another content of the name is never
// overwritten, the same is a success.
func TestDirectoryKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 3)
	w.set("upload_concurrency", "1") // another one must be taken after the first refusal
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	put(t, filepath.Join(archive, names[0]), "another")
	put(t, filepath.Join(archive, names[1]), stocked(names)[names[1]])
	d := w.begin()
	eventually(t, "one is set aside", func() bool { return len(w.reasons()) == 1 })
	eventually(t, "the others are shipped", func() bool { return len(w.finished()) == 0 })
	d.stop()
	has(t, "the reason", w.reasons()[names[0]], "another content")
	if data, err := os.ReadFile(filepath.Join(archive, names[0])); string(data) != "another" {
		t.Errorf("what was there is %q now (%v)", data, err)
	}
	if n := len(w.receipts()); n != 2 {
		t.Errorf("%d receipts, want 2", n)
	}
}

// TestDirectoryFull: a disk that is full loses nothing, and goes on by itself.
func TestDirectoryFull(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 40)
	mountTmpfs(t, archive, "size=64k")
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	hog := filepath.Join(archive, "hog")
	put(t, hog, strings.Repeat("x", 20<<10))
	want := stocked(names)
	u := w.start("uploader")
	w.paused("no space left")
	has(t, "check", w.checked(1), "archive", "full")
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	remount(t, archive, "size=1m")
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	u.stop()
	w.inArchive(archive, want)
}

// TestDirectoryReadOnly waits for a person, and goes on by itself.
func TestDirectoryReadOnly(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 5)
	mountTmpfs(t, archive, "size=1m")
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	remountReadOnly(t, archive)
	u := w.start("uploader")
	w.paused("read-only")
	has(t, "check", w.checked(1), "archive", "read-only")
	remount(t, archive, "size=1m")
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	u.stop()
	w.inArchive(archive, stocked(names))
}

// TestDirectoryUnmounted: nothing is written to the mount point, nothing is
// lost, and the uploads go on when the disk is back.
func TestDirectoryUnmounted(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 200)
	disk := filepath.Join(w.dir, "disk") // its own mount, so that it outlives the other
	mountTmpfs(t, disk, "size=8m")
	bind(t, disk, archive)
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	u := w.start("uploader")
	eventually(t, "some are shipped", func() bool { return len(w.receipts()) > 5 })
	unmount(t, archive)
	for i := range 50 { // until it is idle there may be files to ship
		name := prefix + "20270101T0000" + strconv.Itoa(10+i) + ".000000Z-000000.jsonl"
		put(t, filepath.Join(w.store, name), stocked([]string{name})[name])
		names = append(names, name)
	}
	w.paused("the archive")
	has(t, "check", w.checked(1), "archive", "not there")
	u.kill() // the next process does not take the mount point for an archive either
	w.forget("uploader")
	u = w.start("uploader")
	w.paused("the archive")
	if entries, err := os.ReadDir(archive); err != nil || len(entries) > 0 {
		t.Errorf("the mount point holds %v (%v)", entries, err)
	}
	bind(t, disk, archive)
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	u.stop()
	w.inArchive(archive, stocked(names))
}

// TestDirectoryKillCampaign kills the uploader at random moments: each file is
// in the archive once, whole, with one receipt, and no temporary one is left.
func TestDirectoryKillCampaign(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 0, "upload_concurrency", "8")
	want := map[string]string{}
	total := max(min(kills(t), 60), 20)
	for i := range total * 10 {
		name := prefix + "20260102T" + time.Unix(int64(i), 0).UTC().Format("150405") + ".000000Z-000000.jsonl"
		want[name] = strings.Repeat(`{"name":"`+name+`"}`+"\n", 1+i%2000)
		names = append(names, name)
	}
	for i := range total {
		for _, name := range names[10*i : 10*i+10] {
			put(t, filepath.Join(w.store, name), want[name])
		}
		p := w.start("uploader")
		select {
		case <-time.After(time.Duration(rand.Int64N(int64(120 * time.Millisecond)))):
		case <-p.ended:
			t.Fatalf("the uploader ended by itself:\n%s", p.out)
		}
		p.kill()
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
	}
	u := w.start("uploader") // it sweeps in the background
	defer u.stop()
	late := prefix + "20270101T000000.000000Z-000000.jsonl"
	want[late] = "{}\n"
	put(t, filepath.Join(w.store, late), want[late])
	eventually(t, "no temporary file is left", func() bool {
		left, err := filepath.Glob(filepath.Join(archive, ".*.part"))
		return err == nil && len(left) == 0 && len(w.finished()) == 0
	})
	w.inArchive(archive, want)
}

// TestDirectoryOfTwoUploaders: two stores, and a push, into one archive.
func TestDirectoryOfTwoUploaders(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 60)
	other, _, _ := archivist(t, 0, "upload_url", archive)
	for _, name := range names[30:] { // half of them are the same files
		put(t, filepath.Join(other.store, name), stocked(names)[name])
	}
	own := prefix + "20270101T000000.000000Z-000000.jsonl"
	other.makeStore()
	put(t, filepath.Join(other.store, own), stocked([]string{own})[own])
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	first, second := w.start("uploader"), other.start("uploader")
	pushed := filepath.Join(w.dir, "mine", "notes.txt")
	put(t, pushed, "notes")
	if code, out := w.run("uploader", "push", pushed); code != 0 {
		t.Errorf("push exited %d:\n%s", code, out)
	}
	eventually(t, "all is shipped", func() bool { return len(w.finished())+len(other.finished()) == 0 })
	first.stop()
	second.stop()
	if n := len(other.receipts()); n != 31 {
		t.Errorf("%d receipts of the other, want 31", n)
	}
	want := stocked(append(names, own))
	want["notes.txt"] = "notes"
	for name, content := range want {
		if data, err := os.ReadFile(filepath.Join(archive, name)); err != nil || string(data) != content {
			t.Errorf("%s in the archive: %.80q (%v)", name, data, err)
		}
	}
	if entries, err := os.ReadDir(archive); err != nil || len(entries) != len(want)+1 {
		t.Errorf("%d names in the archive (%v), want %d and the marker", len(entries), err, len(want))
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
