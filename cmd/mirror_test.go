//go:build unix

package cmd_test

import (
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

// TestMirrorKillCampaign kills the uploader at random moments while now one and
// now the other place is away: in the end both have each file once.
func TestMirrorKillCampaign(t *testing.T) {
	t.Parallel()
	w, archive, _ := mirrored(t, 0)
	want := map[string]string{}
	total, each := max(min(kills(t), 60), 20), 10
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
		booked := len(w.receipts())
		p := w.start("uploader")
		if i%4 != 0 && !(nodeAway && archiveAway) { // every fourth may die before it has done anything
			eventually(t, "it ships", func() bool { return len(w.receipts()) > booked })
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
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
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
	eventually(t, "two have all", func() bool { return len(w.receipts()) == 60 })
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
