//go:build unix

package cmd_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// mirrored is a world whose files go to a web node and to a directory.
func mirrored(t *testing.T, files int, more ...string) (w *world, archive string, names []string) {
	t.Helper()
	w = newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick(append([]string{"stream_url", "none"}, more...)...))
	archive = filepath.Join(w.dir, "archive")
	w.set("upload_url", w.node.UploadURL()+" "+archive)
	names = w.stock(files)
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	return w, archive, names
}

// inBoth fails unless node and archive have exactly these files, each with one
// receipt of each.
func (w *world) inBoth(archive string, want map[string]string) {
	w.t.Helper()
	archived(w.t, archive, want)
	count := map[string]int{}
	for _, r := range w.receipts() {
		count[r.Sink+" "+r.Name]++
		content, wanted := want[r.Name]
		if !wanted {
			w.t.Errorf("a receipt of %q", r.Name)
		}
		if r.Sink != "webnode" {
			continue
		}
		if data, err := w.node.Fetch(r.FileHash, r.Key); err != nil || string(data) != content {
			w.t.Errorf("%s came back from the node as %.80q (%v), want %.80q", r.Name, data, err, content)
		}
	}
	for name := range want {
		for _, sink := range []string{"webnode", "directory"} {
			if n := count[sink+" "+name]; n != 1 {
				w.t.Errorf("%d receipts of %s by %s, want 1", n, name, sink)
			}
		}
	}
	if n := len(w.finished()); n > 0 {
		w.t.Errorf("%d files are left in the store", n)
	}
}

// lines counts the receipts while they are being written.
func (w *world) lines() (n int) {
	w.t.Helper()
	books, err := filepath.Glob(filepath.Join(w.store, "ledger", "*.jsonl"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, book := range books {
		data, err := os.ReadFile(book)
		if err != nil {
			w.t.Fatal(err)
		}
		n += bytes.Count(data, []byte{'\n'})
	}
	return n
}

// TestMirrorKillCampaign kills the uploader at random moments while now one and
// now the other place is away: in the end both have each file once.
func TestMirrorKillCampaign(t *testing.T) {
	t.Parallel()
	w, archive, _ := mirrored(t, 0, "ledger_copy", "books")
	books := filepath.Join(w.dir, "books")
	if err := os.Mkdir(books, 0o700); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	total, each := max(min(kills(t)/8, 100), 20), 10
	away := func(round, from, to int) bool { return round*10 >= from*total && round*10 < to*total }
	for i := range total {
		for k := range each {
			name := prefix + "20260102T" + time.Unix(int64(i*each+k), 0).UTC().Format("150405") + ".000000Z-000000.jsonl"
			want[name] = strings.Repeat(`{"name":"`+name+`"}`+"\n", 1+(i*each+k)*37%1000)
			put(t, filepath.Join(w.store, name), want[name])
		}
		nodeAway, archiveAway := away(i, 2, 5), away(i, 4, 8) // both for a while
		faults := []string{}
		if nodeAway {
			faults = []string{"503=1"}
		}
		if err := w.node.SetFault(faults...); err != nil {
			t.Fatal(err)
		}
		moveAway(t, archive, archiveAway)
		moveAway(t, books, away(i, 3, 6))
		booked := w.lines()
		p := w.start("uploader")
		if i%4 != 0 && !(nodeAway && archiveAway) { // every fourth may die before it has done anything
			eventually(t, "it ships", func() bool { return w.lines() > booked })
		}
		time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond)))) // any moment
		p.kill()
	}
	if w.node.Fired("503") == 0 {
		t.Error("the node was never away")
	}
	if err := w.node.SetFault(); err != nil {
		t.Fatal(err)
	}
	moveAway(t, archive, false)
	moveAway(t, books, false)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
	}
	w.inBoth(archive, want)
	w.copied(books)
	copies, err := filepath.Glob(filepath.Join(archive, "_books", "*", "*", "*.jsonl.*.zst"))
	if err != nil || len(copies) == 0 {
		t.Errorf("the archive has no copy of the books (%v)", err)
	}
	if info, err := os.Stat(filepath.Join(archive, "_books")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read the books, which hold keys: %v (%v)", info.Mode(), err)
	}
	has(t, "check", w.checked(0), books+" has all that the books have")
}

// copied fails unless the copies in a directory are the store's books.
func (w *world) copied(books string) {
	w.t.Helper()
	copies, err := filepath.Glob(filepath.Join(books, "*", "ledger", "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	originals, err := os.ReadDir(filepath.Join(w.store, "ledger"))
	if err != nil || len(copies) != len(originals) || len(copies) == 0 {
		w.t.Errorf("copies %v of %d books (%v)", copies, len(originals), err)
	}
	for _, path := range copies {
		data, err := os.ReadFile(path)
		if want := w.text(filepath.Join("store", "ledger", filepath.Base(path))); err != nil || string(data) != want {
			w.t.Errorf("the copy %s has %d bytes (%v), want %d", path, len(data), err, len(want))
		}
	}
}

// TestLedgerCopyOfACapture: the grabber's book is copied too, and a push's
// receipts; one that is away is shown, and made up for.
func TestLedgerCopyOfACapture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 500}, sandbox.NodeConfig{}, quick("grabber_cut_interval", "100ms", "ledger_copy", "books"))
	books := filepath.Join(w.dir, "books")
	d := w.begin()
	eventually(t, "the copies are missed", func() bool {
		_, out := w.run("daemon", "status")
		return strings.Contains(out, "copy of the ledger") && strings.Contains(out, "copy of the captured") && strings.Contains(out, "mount its disk")
	})
	eventually(t, "files are shipped all the same", func() bool { return w.lines() > 10 })
	if err := os.Mkdir(books, 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the copies are missed no more", func() bool {
		_, out := w.run("daemon", "status")
		return !strings.Contains(out, "the copy of the")
	})
	d.stop()
	w.copied(books)
	pushed := filepath.Join(w.dir, "mine.txt")
	put(t, pushed, "mine")
	if code, out := w.run("uploader", "push", pushed); code != 0 {
		t.Errorf("push exited %d:\n%s", code, out)
	}
	w.copied(books)
	w.set("ledger_copy", "")
	has(t, "check", w.checked(0), "the only keys", "set ledger_copy")
}

// TestMirrorBandwidth: all uploads together keep to the limit, and none is taken
// for stalled by it, however short upload_timeout is.
func TestMirrorBandwidth(t *testing.T) {
	t.Parallel()
	w, archive, _ := mirrored(t, 0, "upload_bandwidth", "100KiB", "upload_timeout", "700ms")
	want := map[string]string{}
	for i := range 10 {
		name := prefix + "20260102T" + time.Unix(int64(i), 0).UTC().Format("150405") + ".000000Z-000000.jsonl"
		want[name] = strings.Repeat("x", 20<<10-1) + "\n"
		put(t, filepath.Join(w.store, name), want[name])
	}
	began := time.Now()
	code, out := w.run("uploader", "--drain")
	took := time.Since(began)
	if code != 0 || strings.Contains(out, "warn") {
		t.Errorf("drain exited %d:\n%s", code, out)
	}
	if took < 3500*time.Millisecond || took > 20*time.Second { // 400 KiB; a busy machine may take longer
		t.Errorf("400 KiB at 100 KiB/s took %v, want 4 s", took)
	}
	w.inBoth(archive, want)
}

// moveAway has an archive be away, or back.
func moveAway(t *testing.T, archive string, away bool) {
	t.Helper()
	from, to := archive+".away", archive
	if away {
		from, to = to, from
	}
	if _, err := os.Stat(to); err == nil {
		return
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestMirrorUnderTheDaemon: a directory that is no archive yet ends nothing, is
// shown, and gets everything once somebody made it one.
func TestMirrorUnderTheDaemon(t *testing.T) {
	t.Parallel()
	w, archive, names := mirrored(t, 30)
	second := filepath.Join(w.dir, "mnt")
	if err := os.Mkdir(second, 0o700); err != nil {
		t.Fatal(err)
	}
	w.set("upload_url", w.node.UploadURL()+" "+archive+" "+second)
	d := w.begin()
	eventually(t, "two have all", func() bool { return w.lines() == 60 })
	eventually(t, "the third is shown", func() bool {
		_, out := w.run("daemon", "status")
		return strings.Contains(out, "30 waiting") && strings.Contains(out, "init-dir") || strings.Contains(out, "not an archive")
	})
	if n := len(w.finished()); n != 30 {
		t.Errorf("%d files are left, want all: one place lacks them", n)
	}
	has(t, "check", w.checked(1), "is reachable", archive+" can be written", second+" is not an archive")
	if code, out := w.run("uploader", "init-dir"); code != 0 {
		t.Fatalf("init-dir exited %d:\n%s", code, out)
	}
	eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
	d.stop()
	archived(t, second, stocked(names))
	if n := len(w.receipts()); n != 90 {
		t.Errorf("%d receipts, want 90", n)
	}
	if children := w.status("daemon").Children; len(children) != 1 || children[0].Restarts > 1 { // init-dir restarts it
		t.Errorf("children %+v, want no restart for a place that is away", children)
	}
}

// TestMirrorPush: a file that is pushed goes to all, with a receipt each, also
// where one of them is away.
func TestMirrorPush(t *testing.T) {
	t.Parallel()
	w, archive, _ := mirrored(t, 0)
	file := filepath.Join(w.dir, "mine", "notes.txt")
	put(t, file, "notes")
	if code, out := w.run("uploader", "push", file); code != 0 {
		t.Fatalf("push exited %d:\n%s", code, out)
	}
	w.inBoth(archive, map[string]string{"notes.txt": "notes"})
	if err := w.node.SetFault("403"); err != nil {
		t.Fatal(err)
	}
	more := filepath.Join(w.dir, "mine", "more.txt")
	put(t, more, "more")
	if code, out := w.run("uploader", "push", more); code != 4 || !strings.Contains(out, "403") {
		t.Errorf("push exited %d, want 4:\n%s", code, out)
	}
	archived(t, archive, map[string]string{"notes.txt": "notes", "more.txt": "more"})
	if n := len(w.receipts()); n != 3 {
		t.Errorf("%d receipts, want 3", n)
	}
}

// TestMirrorOfOnePlace: two URLs that receipts name alike are refused, since one's
// receipt would be the other's too.
func TestMirrorOfOnePlace(t *testing.T) {
	t.Parallel()
	w, _, names := mirrored(t, 3)
	one := w.node.UploadURL()
	for _, other := range []string{one + "?to=another", strings.Replace(one, "http://", "http://me:geheim@", 1)} {
		w.set("upload_url", one+" "+other)
		code, out := w.run("uploader", "--drain")
		if code != 3 || strings.Contains(out, "geheim") {
			t.Errorf("%s: exited %d:\n%s", other, code, out)
		}
		has(t, "uploader", out, "names one place twice")
	}
	if left := w.finished(); len(left) != len(names) {
		t.Errorf("%d files are left, want %d", len(left), len(names))
	}
}
