//go:build unix

package cmd_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// rebuilt is what rebuild --json says.
type rebuilt struct {
	Known, Made, Copied, Captured int
	Failed, Skipped               []struct{ Name, Why string }
	Unlisted                      []string
}

func (w *world) rebuild(args ...string) (r rebuilt) {
	w.t.Helper()
	code, out := w.run("uploader", append([]string{"rebuild", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		w.t.Fatalf("rebuild %v exited %d (%v):\n%s", args, code, err, out)
	}
	w.keepsSecrets(out)
	return r
}

// tree is every name below a directory, with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRebuildFromADirectory: the whole store is lost, and the archive is there.
func TestRebuildFromADirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("upload_url", "archive", "grabber_cut_size", "16"))
	files := len(w.captureFiles(60))
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	before := map[receipt]bool{}
	for _, r := range w.receipts() {
		before[r] = true
	}
	books := filepath.Join(w.dir, "books")
	if err := os.CopyFS(books, os.DirFS(filepath.Join(w.store, "ledger"))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.store); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, "archive", "_books")); err != nil { // of copies another test tells
		t.Fatal(err)
	}
	put(t, filepath.Join(w.dir, "archive", "notes.txt"), "a person's own")
	if r := w.rebuild("--dry-run"); r.Made != files {
		t.Errorf("dry run: %+v, want %d", r, files)
	}
	if _, err := os.Stat(w.store); !os.IsNotExist(err) {
		t.Errorf("a dry run has made a store (%v)", err)
	}
	archive := tree(t, filepath.Join(w.dir, "archive"))
	if r := w.rebuild(); r.Made != files || len(r.Skipped) != 1 || r.Skipped[0].Name != "notes.txt" {
		t.Errorf("%+v, want %d", r, files)
	}
	for _, r := range w.receipts() {
		if !before[r] {
			t.Errorf("a receipt is not what it was: %+v", r)
		}
	}
	if n := len(w.receipts()); n != len(before) {
		t.Errorf("%d receipts, want %d", n, len(before))
	}
	if r := w.rebuild(); r.Known != files || r.Made != 0 {
		t.Errorf("again: %+v", r)
	}
	if r := w.rebuild("--from-copy", books); r.Captured == 0 || r.Made != 0 {
		t.Errorf("with the books: %+v", r)
	}
	code, out := w.run("uploader", "verify")
	has(t, "verify", out, "delivered  "+strconv.Itoa(files)+" files", "the books balance")
	if r := w.audit(0, "--download"); code != 0 || r.There != files {
		t.Errorf("verify exited %d; %+v", code, r)
	}
	for path, content := range tree(t, filepath.Join(w.dir, "archive")) {
		if archive[path] != content {
			t.Errorf("rebuild has changed %s", path)
		}
	}
	// The capture goes on behind it.
	more := w.captureFiles(60)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	w.booksBalance()
	if n := len(w.receipts()); n != files+len(more) {
		t.Errorf("%d receipts, want %d", n, files+len(more))
	}
}

// TestRebuildOfANode: what a web node has comes back from a copy alone.
func TestRebuildOfANode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("grabber_cut_size", "16"))
	files := len(w.captureFiles(60))
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	copies := t.TempDir() // outside of where nothing else may hold a secret
	if err := os.CopyFS(filepath.Join(copies, "host-1"), os.DirFS(filepath.Join(w.store, "ledger"))); err != nil {
		t.Fatal(err)
	}
	ledgers, err := filepath.Glob(filepath.Join(w.store, "ledger", "2*.jsonl"))
	if err != nil || len(ledgers) == 0 {
		t.Fatalf("no ledger (%v)", err)
	}
	for _, path := range ledgers {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	code, out := w.run("uploader", "rebuild")
	has(t, "rebuild", out, "lists nothing", strconv.Itoa(files)+" captured files have no receipt", "keys are lost")
	if code != 0 {
		t.Errorf("rebuild exited %d", code)
	}
	if r := w.rebuild("--from-copy", copies); r.Copied != files || r.Captured != 0 || len(r.Unlisted) != 1 {
		t.Errorf("%+v, want %d", r, files)
	}
	w.booksBalance()
	if r := w.audit(0, "--download"); r.There != files {
		t.Errorf("%+v", r)
	}

	// Of several stores' copies a person says which; and nobody else may write
	// meanwhile.
	put(t, filepath.Join(copies, "host-2", "2026-11.jsonl"), "")
	if code, out := w.run("uploader", "rebuild", "--from-copy", copies); code != 3 || !strings.Contains(out, "host-1, host-2") || !strings.Contains(out, "--of NAME") {
		t.Errorf("of several, it exited %d:\n%s", code, out)
	}
	if r := w.rebuild("--from-copy", copies, "--of", "host-1"); r.Made != 0 {
		t.Errorf("%+v", r)
	}
	w.forget("uploader")
	u := w.start("uploader")
	eventually(t, "the uploader runs", func() bool { return w.status("uploader").State != "" })
	if code, out := w.run("uploader", "rebuild"); code != 5 || !strings.Contains(out, "uploader") {
		t.Errorf("beside an uploader, it exited %d:\n%s", code, out)
	}
	u.stop()
}

// TestRebuildByLedgerCopy: the copy that the configuration names is found without
// being named again, and one that is away is said and holds up nothing.
func TestRebuildByLedgerCopy(t *testing.T) {
	t.Parallel()
	copies := t.TempDir() // outside of where nothing else may hold a secret
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("grabber_cut_size", "16", "ledger_copy", copies))
	files := len(w.captureFiles(60))
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	if err := os.RemoveAll(w.store); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("uploader", "list"); code != 1 || !strings.Contains(out, "uploader rebuild") {
		t.Errorf("list without a store exited %d:\n%s", code, out)
	}
	away := copies + "-away"
	if err := os.Rename(copies, away); err != nil {
		t.Fatal(err)
	}
	code, out := w.run("uploader", "rebuild")
	has(t, "rebuild without the copy", out, "ledger_copy", copies, "0 were made", "no captured book")
	if code != 0 {
		t.Errorf("rebuild without the copy exited %d", code)
	}
	for _, command := range []struct {
		want int
		args []string
	}{{0, []string{"list"}}, {1, []string{"fetch", "--stdout"}}, {1, []string{"fetch", "--stdout", "--from", "7d"}}} {
		code, out := w.run("uploader", command.args...)
		has(t, command.args[0]+" of a lost ledger", out, "know of no file", "uploader rebuild")
		if code != command.want {
			t.Errorf("%v of a lost ledger exited %d", command.args, code)
		}
	}
	if err := os.Rename(away, copies); err != nil {
		t.Fatal(err)
	}
	// Another machine's books in the same directory are not taken for this one's.
	put(t, filepath.Join(copies, "another-1a2b3c4d", "ledger", "2026-11.jsonl"), "")
	if r := w.rebuild(); r.Copied != files || r.Captured == 0 {
		t.Errorf("%+v, want %d", r, files)
	}
	w.booksBalance()
	// What a rebuild that was killed has left passes for whole nowhere.
	put(t, filepath.Join(w.store, ".state", "rebuilding"), "")
	for _, command := range [][]string{{"list"}, {"fetch", "--stdout"}, {"fetch", "--bag", filepath.Join(w.dir, "bag")}, {"verify"}} {
		if code, out := w.run("uploader", command...); code != 1 || !strings.Contains(out, "'uploader rebuild' again") {
			t.Errorf("%v of half a ledger exited %d:\n%s", command, code, out)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "bag")); !os.IsNotExist(err) {
		t.Errorf("a bag of half a ledger was begun: %v", err)
	}
	w.rebuild()
	w.booksBalance()
	_, out = w.run("uploader", "list", "--from", "2001-01-01", "--to", "2001-01-02")
	has(t, "list of a time without files", out, "know of no file of that time")
}

// TestRebuildFromABucket: what stands beside the objects of a real S3 server is
// enough, and verify --remote sees what somebody does to them.
func TestRebuildFromABucket(t *testing.T) {
	t.Parallel()
	g := sinktest.NewGateway(t)
	if err := os.Mkdir(filepath.Join(g.Dir, "archive"), 0o700); err != nil { // a bucket
		t.Fatal(err)
	}
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{},
		quick("upload_url", "s3://archive/tweets?endpoint="+g.URL, "grabber_cut_size", "16", "grabber_compress", "zstd"))
	put(t, filepath.Join(w.dir, "config_storage.ini"), "S3_ACCESS_KEY = "+sinktest.GatewayAccess+"\nS3_SECRET_KEY = "+sinktest.GatewaySecret+"\n")
	w.start("grabber", "--messages", "200").wait()
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	before := map[receipt]bool{}
	for _, r := range w.receipts() {
		r.Object = strings.TrimPrefix(r.Object, "tweets/") // the bucket's own prefix may stand there
		before[r] = true
	}
	if len(before) < 4 {
		t.Fatalf("%d files, want more", len(before))
	}
	w.booksBalance()
	if r := w.audit(0, "--download"); r.There != len(before) || !r.Places[0].Listed {
		t.Errorf("%+v, want %d", r, len(before))
	}
	books := t.TempDir() // outside of where nothing else may hold a secret
	if err := os.CopyFS(filepath.Join(books, "ledger"), os.DirFS(filepath.Join(w.store, "ledger"))); err != nil {
		t.Fatal(err)
	}
	lose := func(dirs ...string) {
		t.Helper()
		for _, dir := range dirs {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	lose(w.store)
	if r := w.rebuild(); r.Copied != len(before) || r.Captured == 0 || len(r.Skipped) != 0 {
		t.Errorf("from the copies in the bucket: %+v, want %d", r, len(before))
	}
	w.booksBalance()
	lose(w.store, filepath.Join(g.Dir, "archive", "tweets", "_books"))
	if r := w.rebuild(); r.Made != len(before) || r.Copied != 0 || r.Captured != 0 || len(r.Skipped) != 0 {
		t.Errorf("without: %+v, want %d", r, len(before))
	}
	for _, r := range w.receipts() {
		if !before[r] {
			t.Errorf("a receipt is not what it was: %+v", r)
		}
	}
	if r := w.rebuild("--from-copy", books); r.Made != 0 || r.Captured == 0 {
		t.Errorf("with the books: %+v", r)
	}
	w.booksBalance()
	if r := w.audit(0); r.There != len(before) {
		t.Errorf("%+v, want %d", r, len(before))
	}
	var objects []string
	for path := range tree(t, filepath.Join(g.Dir, "archive", "tweets")) {
		objects = append(objects, path)
	}
	flip(t, objects[0])
	if err := os.Remove(objects[1]); err != nil {
		t.Fatal(err)
	}
	if r := w.audit(1, "--download"); r.Missing.Count != 1 || r.Altered.Count != 1 || r.There != len(before)-2 {
		t.Errorf("%+v", r)
	}
}
