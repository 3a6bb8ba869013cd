//go:build unix

package cmd_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// pushed returns the receipts that push --json printed.
func pushed(t testing.TB, out string) (all []receipt) {
	t.Helper()
	for line := range strings.Lines(out) {
		var r receipt
		if json.Unmarshal([]byte(line), &r) == nil && r.FileHash != "" {
			all = append(all, r)
		}
	}
	return all
}

// TestPushWhileADaemonRuns: any files, verified and booked, and kept.
func TestPushWhileADaemonRuns(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	mine := filepath.Join(w.dir, "mine")
	want := map[string]string{
		"notes.txt": "some notes", "empty": "", "photos/a.jpg": "\xff\xd8\xff", "photos/deep/a.jpg": "another of that name",
		"a name\nwith a line end": "odd", "-c": "a name like a flag", "schön.txt": "umlaut",
	}
	for name, content := range want {
		put(t, filepath.Join(mine, name), content)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(mine, "link")); err != nil {
		t.Fatal(err)
	}
	code, out := w.run("uploader", "push", "--json", mine)
	if code != 0 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	got := map[string]bool{}
	for _, r := range pushed(t, out) {
		data, err := w.node.Fetch(r.FileHash, r.Key)
		if err != nil {
			t.Errorf("fetch %q back: %v", r.Name, err)
		}
		got[string(data)] = true
		if r.By != "push" || r.Size != int64(len(data)) {
			t.Errorf("receipt %+v of %d bytes, want by push", r, len(data))
		}
		if !slices.Contains(w.receipts(), r) {
			t.Errorf("receipt of %q is not in the ledger", r.Name)
		}
	}
	for name, content := range want {
		if !got[content] {
			t.Errorf("%q is not on the node", name)
		}
		if now, err := os.ReadFile(filepath.Join(mine, name)); err != nil || string(now) != content {
			t.Errorf("%q holds %q now (%v)", name, now, err)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files were pushed, want %d", len(got), len(want))
	}
	d.stop()
}

// TestPushTellsWhatFailed and pushes the rest.
func TestPushTellsWhatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{Faults: []string{"poison=bad"}}, quick())
	put(t, filepath.Join(w.dir, "mine", "good"), "good")
	put(t, filepath.Join(w.dir, "mine", "bad"), "bad")
	code, out := w.run("uploader", "push", filepath.Join(w.dir, "missing"), filepath.Join(w.dir, "mine"))
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	has(t, "it", out, "missing", "bad", "400")
	if all := w.receipts(); len(all) != 1 || all[0].Name != "good" {
		t.Errorf("receipts %v, want that of the good file", all)
	}
}

// TestPushIsNotTheWatchLoops: a receipt by push removes no file of the store.
func TestPushIsNotTheWatchLoops(t *testing.T) {
	t.Parallel()
	w, names := shipper(t, sandbox.NodeConfig{}, 1)
	path := filepath.Join(w.store, names[0])
	if code, out := w.run("uploader", "push", path); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("push has removed its source: %v", err)
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	by := map[string]int{}
	for _, r := range w.receipts() {
		by[r.By]++
	}
	if by["push"] != 1 || by["watch"] != 1 || len(w.finished()) > 0 {
		t.Errorf("receipts by %v, %v left; want one of each, none left", by, w.finished())
	}
}

// TestPushOfWhatANodeDoesNotProve fails, with nothing booked.
func TestPushOfWhatANodeDoesNotProve(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault string
		code  int
	}{{"lie", 1}, {"401", 4}, {"404", 3}, {"redirect", 3}, {"balance", 1}, {"upload-error", 1}} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{Faults: []string{tt.fault}}, quick())
			for _, name := range []string{"a", "b", "c"} {
				put(t, filepath.Join(w.dir, "mine", name), name)
			}
			code, out := w.run("uploader", "push", "--json", filepath.Join(w.dir, "mine"))
			if code != tt.code {
				t.Errorf("exit %d, want %d:\n%s", code, tt.code, out)
			}
			if n := len(w.receipts()); n > 0 || len(pushed(t, out)) > 0 {
				t.Errorf("%d receipts of what is not proven", n)
			}
		})
	}
}

// TestPushOutputIsForPrograms: --json prints receipts and nothing else to
// standard output.
func TestPushOutputIsForPrograms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick())
	put(t, filepath.Join(w.dir, "mine"), "mine")
	var stdout bytes.Buffer
	p := prepare(t, filepath.Join(bin, "uploader"), "push", "--json", "-v", filepath.Join(w.dir, "mine"), "-c", w.config)
	p.cmd.Stdout = &stdout
	p.run()
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d:\n%s", code, p.out)
	}
	if all := pushed(t, stdout.String()); len(all) != 1 || strings.Count(stdout.String(), "\n") != 1 {
		t.Errorf("standard output is\n%s", &stdout)
	}
}
