//go:build unix

package cmd_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// paused waits until the uploader says that it pauses, and why.
func (w *world) paused(why string) {
	w.t.Helper()
	eventually(w.t, "the uploader pauses: "+why, func() bool {
		s := w.status("uploader")
		return s.State == "paused" && strings.Contains(s.Detail, why)
	})
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

// TestDirectoryKeepsWhatIsThere: another content of the name is never
// overwritten, the same is a success.
func TestDirectoryKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 3)
	w.set("upload_concurrency", "1") // another one must be taken after the first refusal
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	put(t, placeOf(archive, names[0]), "another")
	put(t, placeOf(archive, names[1]), stocked(names)[names[1]])
	d := w.begin()
	eventually(t, "one is set aside", func() bool { return len(w.reasons()) == 1 })
	eventually(t, "the others are shipped", func() bool { return len(w.finished()) == 0 })
	d.stop()
	has(t, "the reason", w.reasons()[names[0]], "another content")
	if data, err := os.ReadFile(placeOf(archive, names[0])); string(data) != "another" {
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
	eventually(t, "some are shipped", func() bool { return w.booked() > 5 })
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
	const each = 15 // files a kill
	for i := range total * each {
		name := prefix + "20260102T" + time.Unix(int64(i), 0).UTC().Format("150405") + ".000000Z-000000.jsonl"
		want[name] = strings.Repeat(`{"name":"`+name+`"}`+"\n", 1+i*37%4000)
		names = append(names, name)
	}
	left := 0 // temporary files that kills left
	for i := range total {
		for _, name := range names[each*i : each*(i+1)] {
			put(t, filepath.Join(w.store, name), want[name])
		}
		waiting := len(w.finished())
		p := w.start("uploader")
		if i%4 != 0 { // every fourth may die before it has done anything
			eventually(t, "it ships", func() bool { return len(w.finished()) < waiting })
		}
		select {
		case <-time.After(time.Duration(rand.Int64N(int64(50 * time.Millisecond)))):
		case <-p.ended:
			t.Fatalf("the uploader ended by itself:\n%s", p.out)
		}
		p.kill()
		temps, err := filepath.Glob(filepath.Join(archive, ".*.part"))
		if err != nil {
			t.Fatal(err)
		}
		left += len(temps)
	}
	t.Logf("%d kills left %d temporary files", total, left)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
	}
	u := w.start("uploader") // it sweeps in the background
	defer u.stop()
	late := prefix + "20270101T000000.000000Z-000000.jsonl"
	want[late] = "{}\n"
	put(t, filepath.Join(w.store, late), want[late])
	eventually(t, "no temporary file is left", func() bool {
		temps, err := filepath.Glob(filepath.Join(archive, ".*.part"))
		return err == nil && len(temps) == 0 && len(w.finished()) == 0
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
	archived(t, archive, want)
}
