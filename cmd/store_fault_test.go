//go:build unix

package cmd_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// TestStoreFullPausesAndResumes fills a small disk to its last block and frees
// it by shipping: nothing is lost or torn.
func TestStoreFullPausesAndResumes(t *testing.T) {
	t.Parallel()
	for method, room := range map[string]string{"none": "size=6m", "zstd": "size=4m"} { // what is packed fills it slowly
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			fullPausesAndResumes(t, method, room)
		})
	}
}

func fullPausesAndResumes(t *testing.T, method, room string) {
	t.Helper()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 3000, SendBuffer: 32 << 10}, sandbox.NodeConfig{},
		quick("grabber_cut_size", "256", "store_min_free", "0", "grabber_compress", method))
	mountTmpfs(t, w.store, room)
	g := w.start("grabber")
	u := w.start("uploader") // has its reserve before the disk is full
	eventually(t, "the uploader is there", func() bool { return ships(w.status("uploader")) })
	if err := w.node.SetFault("upload-error"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the grabber says that there is no room", func() bool {
		return holds(w.text("logs/grabber.log"), "no room", "capture pauses")
	})
	fill(t, filepath.Join(w.store, "a-persons-own"))
	before := w.tw.Sent().Messages
	if err := w.node.SetFault(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "files are shipped though not a block is free", func() bool { return w.booked() > 5 })
	if err := os.Remove(filepath.Join(w.store, "a-persons-own")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "capture goes on", func() bool {
		return strings.Contains(w.text("logs/grabber.log"), "has room again") && w.tw.Sent().Messages > before+1000
	})
	if err := w.tw.SetFault("silent"); err != nil { // what came during the pause waits in the system's buffers
		t.Fatal(err)
	}
	eventually(t, "all that was sent is stored", func() bool { return uint64(w.status("grabber").Messages) == w.tw.Sent().Messages })
	g.stop()
	u.stop()
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	w.balance(0)
	if n := len(w.reasons()); n > 0 {
		t.Errorf("%d files are damaged", n)
	}
	if data, err := os.ReadFile(filepath.Join(w.store, ".state", "reserve")); err != nil || len(data) != 1<<20 {
		t.Errorf("the reserve has %d bytes (%v) when all is over, want 1 MiB again", len(data), err)
	}
}

// fill writes a file until there is no room for another byte.
func fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		return // not even for a name
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
}

// TestStoreMaxPauses: the status tells, status exits 1, and shipping makes room.
func TestStoreMaxPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 200}, sandbox.NodeConfig{}, quick("store_max", "256KiB", "grabber_cut_size", "16"))
	g := w.start("grabber")
	eventually(t, "the grabber pauses", func() bool { return w.status("grabber").State == "paused" })
	before := w.status("grabber")
	has(t, "its status", before.Detail, "store_max")
	if code, out := w.run("daemon", "status"); code != 1 || !strings.Contains(out, "paused") {
		t.Errorf("status exits %d, want 1 and the pause:\n%s", code, out)
	}
	u := w.start("uploader")
	eventually(t, "capture goes on", func() bool { return w.status("grabber").Messages > before.Messages+500 })
	g.stop()
	u.stop()
}

// TestStoreMaxIsOfWhatWaits: the ledger only ever grows, and no upload makes
// it smaller, so it must not pause the capture for good.
func TestStoreMaxIsOfWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 3}, sandbox.NodeConfig{}, quick("store_max", "64KiB"))
	names := w.stock(3)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	book := filepath.Join("store", "ledger", time.Now().UTC().Format("2006-01")+".jsonl")
	put(t, filepath.Join(w.dir, book), strings.Repeat(w.text(book), 100))
	code, out := w.run("grabber", "--messages", "12", "--duration", "30s")
	if s := w.status("grabber"); code != 0 || s.Messages != 12 {
		t.Errorf("exit %d, %d messages; want 12 beside %d receipts:\n%s", code, s.Messages, 100*len(names), out)
	}
}

// TestStoreFullStopsAfterItsDuration: --duration ends a capture that is paused,
// too, as SIGTERM does.
func TestStoreFullStopsAfterItsDuration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 200}, sandbox.NodeConfig{}, quick("store_max", "64KiB", "grabber_cut_size", "16"))
	g := w.start("grabber", "--duration", "4s")
	eventually(t, "the grabber pauses", func() bool { return w.status("grabber").State == "paused" })
	if code := g.wait(); code != 0 {
		t.Errorf("exit %d after its time, want 0", code)
	}
	lines(t, w.captured())
}

// TestStoreBelowMinFreePauses before the disk is full.
func TestStoreBelowMinFreePauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 200}, sandbox.NodeConfig{}, quick("store_min_free", "4MiB"))
	mountTmpfs(t, w.store, "size=8m")
	own := filepath.Join(w.store, "a-persons-own")
	put(t, own, strings.Repeat("x", 5<<20))
	g := w.start("grabber")
	eventually(t, "the grabber pauses", func() bool { return w.status("grabber").State == "paused" })
	s := w.status("grabber")
	has(t, "its status", s.Detail, "full", "4.0 MiB")
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	eventually(t, "capture goes on", func() bool {
		now := w.status("grabber")
		return now.State == "capturing" && now.Messages > s.Messages
	})
	g.stop()
}

// TestStoreForeignFiles are left alone or shipped, and hold up nobody.
func TestStoreForeignFiles(t *testing.T) {
	t.Parallel()
	w, names := shipper(t, sandbox.NodeConfig{}, 3)
	at := func(name string) string { return filepath.Join(w.store, name) }
	outside := filepath.Join(w.dir, "outside")
	put(t, outside, "a secret of another directory")
	for _, err := range []error{
		os.Symlink(outside, at(prefix+"link")),
		os.Symlink("nowhere", at(prefix+"dangling")),
		syscall.Mkfifo(at(prefix+"20260101T000000.000000Z-000000.jsonl"), 0o600),
		os.Mkdir(at(prefix+"20260101T000001.000000Z-000000.jsonl"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	put(t, at(prefix+"directory/"+names[0]), "below a directory")
	put(t, at("other"), "no prefix")
	put(t, at("."+prefix+"hidden"), "hidden")
	put(t, at("grabber.dat"), "")
	want := stocked(names)
	for _, name := range []string{prefix + "a line\nend", prefix + "\xff\x1b[2J", prefix + `q"uo';te`, prefix + strings.Repeat("x", 200), prefix + "empty"} {
		put(t, at(name), "content of "+name)
		want[name] = "content of " + name
	}
	put(t, at(prefix+"empty"), "")
	want[prefix+"empty"] = ""
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Errorf("exit %d, want 0:\n%q", code, out)
	}
	left := w.names(func(name string) bool { return !strings.HasPrefix(name, ".") })
	slices.Sort(left)
	if wantLeft := []string{prefix + "20260101T000000.000000Z-000000.jsonl", prefix + "dangling", prefix + "link", "grabber.dat", "other"}; !slices.Equal(left, wantLeft) {
		t.Errorf("left %q\nwant %q", left, wantLeft)
	}
	got := map[string]string{}
	for _, r := range w.receipts() {
		data, err := w.node.Fetch(r.FileHash, r.Key)
		if err != nil {
			t.Errorf("fetch %q back: %v", r.Name, err)
		}
		got[string(data)] = r.Name
	}
	for name, content := range want {
		if _, ok := got[content]; !ok {
			t.Errorf("%q is not on the node; it has %q", name, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files on the node, want %d: %q", len(got), len(want), got)
	}
	for _, o := range w.node.Objects() {
		if strings.ContainsAny(o.Name, "\n\x1b\"/") {
			t.Errorf("the node was told the name %q", o.Name)
		}
	}
}

// TestStoreUnreadableFile holds up nobody.
func TestStoreUnreadableFile(t *testing.T) {
	t.Parallel()
	w, names := shipper(t, sandbox.NodeConfig{}, 3)
	if err := os.Chmod(filepath.Join(w.store, names[0]), 0); err != nil {
		t.Fatal(err)
	}
	p := prepare(t, filepath.Join(bin, "uploader"), "--drain", "-c", w.config)
	if os.Geteuid() == 0 { // who may read everything
		w.giveAway(65534)
		for _, dir := range []string{bin, filepath.Dir(w.dir)} {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	p.run()
	if code := p.wait(); code != 1 || len(w.receipts()) != 2 {
		t.Errorf("exit %d, %d receipts; want 1, 2", code, len(w.receipts()))
	}
	has(t, "it", p.out.String(), names[0], "permission")
}

// giveAway makes another user the owner of the world.
func (w *world) giveAway(uid int) {
	w.t.Helper()
	err := filepath.Walk(w.dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, uid)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestStoreFileThatChanges while it is sent arrives as it is in the end.
func TestStoreFileThatChanges(t *testing.T) {
	t.Parallel()
	w, _ := shipper(t, sandbox.NodeConfig{Faults: []string{"slow=20000"}}, 0)
	name := prefix + "a person's"
	path := filepath.Join(w.store, name)
	text := strings.Repeat("0123456789abcdef\n", 4000)
	put(t, path, text)
	u := w.start("uploader")
	eventually(t, "it is being sent", func() bool { return w.node.InFlight() > 0 })
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("and more"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := w.node.SetFault(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is shipped", func() bool { _, err := os.Stat(path); return os.IsNotExist(err) })
	u.stop()
	last := w.receipts()[len(w.receipts())-1]
	data, err := w.node.Fetch(last.FileHash, last.Key)
	if err != nil || string(data) != text+"and more" {
		t.Errorf("%d bytes came back (%v), want all %d that the file had when it left", len(data), err, len(text)+8)
	}
}

// TestStoreManyFiles: the oldest of many leave first, and at once.
func TestStoreManyFiles(t *testing.T) {
	t.Parallel()
	const many = 20_000
	w, names := shipper(t, sandbox.NodeConfig{}, many)
	u := w.start("uploader")
	const enough = 200
	eventually(t, "some are shipped", func() bool { return len(w.node.Uploads()) >= enough })
	if s := w.status("uploader"); s.Waiting < many*9/10 && s.Waiting > 0 {
		t.Errorf("%d wait, want nearly %d", s.Waiting, many)
	}
	u.stop()
	for i, upload := range w.node.Uploads() {
		if place := slices.Index(names, upload.Name); place > i+16 {
			t.Fatalf("upload %d is %s, the %d-th: not the oldest first", i, upload.Name, place)
		}
	}
}

// TestStoreNamesFromTheFuture: names stay sorted above what is there, though the clock
// says an earlier time than the newest file.
func TestStoreNamesFromTheFuture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick())
	w.makeStore()
	future := prefix + time.Now().UTC().AddDate(1, 0, 0).Format("20060102T150405.000000Z") + "-000000.jsonl"
	put(t, filepath.Join(w.store, future), "{\"seq\":0}\n")
	for range 2 {
		if code, out := w.run("grabber", "--messages", "3"); code != 0 {
			t.Fatalf("exit %d:\n%s", code, out)
		}
	}
	names := w.finished()
	if len(names) != 3 || names[0] != future {
		t.Errorf("names are %v, want the one of the future first", names)
	}
	if _, out := w.run("daemon", "status"); !strings.Contains(out, "ahead of the clock") {
		t.Errorf("status does not say that names are ahead of the clock:\n%s", out)
	}
	lines(t, w.captured())
}

// TestStoreOrderlyEndLeavesNothing behind, not even after kills.
func TestStoreOrderlyEndLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 1000}, sandbox.NodeConfig{}, quick())
	for i := range 3 {
		g := w.start("grabber")
		eventually(t, "it captures", w.stored)
		if i < 2 {
			g.kill()
		} else {
			g.stop()
		}
		w.forget("grabber")
	}
	for _, name := range w.names(func(name string) bool { return strings.HasPrefix(name, ".") || name == "grabber.dat" }) {
		t.Errorf("left in the store: %s", name)
	}
	state, err := os.ReadDir(filepath.Join(w.store, ".state"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range state {
		if strings.HasSuffix(entry.Name(), ".tmp") {
			t.Errorf("left in .state: %s", entry.Name())
		}
	}
	w.modes()
	all := lines(t, w.captured())
	if bytes.Equal(all[0], all[len(all)-1]) {
		t.Error("nothing was captured")
	}
}

// modes checks that the store is its owner's alone.
func (w *world) modes() {
	w.t.Helper()
	err := filepath.Walk(w.store, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			return fmt.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
}
