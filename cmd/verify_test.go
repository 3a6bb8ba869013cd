//go:build unix

package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// booksBalance fails unless 'uploader verify' is content: it must be so at any
// moment, whatever has been killed.
func (w *world) booksBalance() {
	w.t.Helper()
	if code, out := w.run("uploader", "verify"); code != 0 {
		w.t.Errorf("uploader verify exited %d:\n%s", code, out)
	}
}

// captureFiles has a grabber capture some files, and returns their names.
func (w *world) captureFiles(messages int) []string {
	w.t.Helper()
	if code, out := w.run("grabber", "--messages", strconv.Itoa(messages)); code != 0 {
		w.t.Fatalf("grabber exited %d:\n%s", code, out)
	}
	names := w.finished()
	if len(names) < 4 {
		w.t.Fatalf("%d files, want more", len(names))
	}
	return names
}

// edit changes the lines of a book in which name occurs.
func (w *world) edit(pattern, name string, change func(line string) string) {
	w.t.Helper()
	books, err := filepath.Glob(filepath.Join(w.store, "ledger", pattern))
	if err != nil || len(books) == 0 {
		w.t.Fatalf("no book like %s (%v)", pattern, err)
	}
	for _, book := range books {
		data, err := os.ReadFile(book)
		if err != nil {
			w.t.Fatal(err)
		}
		var out strings.Builder
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, `"`+name+`"`) {
				line = change(line)
			}
			out.WriteString(line)
		}
		put(w.t, book, out.String())
	}
}

// TestVerify: books that balance, and what is said when somebody has been at
// them.
func TestVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 0}, sandbox.NodeConfig{}, quick("grabber_cut_size", "16"))
	if code, out := w.run("uploader", "verify"); code != 1 || !strings.Contains(out, "there is no store") {
		t.Errorf("verify without a store exited %d:\n%s", code, out)
	}
	shipped := w.captureFiles(60)
	w.booksBalance()
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	waiting := w.captureFiles(60)
	put(t, filepath.Join(w.dir, "pushed.txt"), "pushed\n")
	if code, out := w.run("uploader", "push", filepath.Join(w.dir, "pushed.txt")); code != 0 {
		t.Fatalf("uploader push exited %d:\n%s", code, out)
	}
	code, out := w.run("uploader", "verify")
	has(t, "verify", out, "delivered  "+strconv.Itoa(len(shipped))+" files", "waiting    "+strconv.Itoa(len(waiting))+" files",
		"1 file, 7 bytes: by 'uploader push'", w.node.UploadURL(), "the books balance")
	if code != 0 {
		t.Errorf("verify exited %d", code)
	}

	// A receipt that is lost, one that was changed, a file that was truncated, and
	// a line that cannot be read.
	w.edit("2*.jsonl", shipped[0], func(string) string { return "" })
	w.edit("2*.jsonl", shipped[1], func(line string) string {
		return regexp.MustCompile(`"size":(\d)`).ReplaceAllString(line, `"size":1$1`)
	})
	if err := os.Truncate(filepath.Join(w.store, waiting[0]), 5); err != nil {
		t.Fatal(err)
	}
	w.edit("captured-*", waiting[1], func(line string) string { return "x" + line })
	code, out = w.run("uploader", "verify", "--json")
	var said struct {
		Balanced         bool
		Missing, Differs struct {
			Count int
			Files []struct{ Name, Why string }
		}
		Damage []struct {
			File string
			Line int
		}
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != 1 || said.Balanced {
		t.Fatalf("verify --json exited %d (%v):\n%s", code, err, out)
	}
	if said.Missing.Count != 2 || said.Missing.Files[0].Name != shipped[0] || said.Missing.Files[1].Name != shipped[1] {
		t.Errorf("missing: %+v, want %q", said.Missing, shipped[:2])
	}
	if said.Differs.Count != 2 || said.Differs.Files[0].Name != shipped[1] || said.Differs.Files[1].Name != waiting[0] {
		t.Errorf("differs: %+v, want %s and %s", said.Differs, shipped[1], waiting[0])
	}
	if len(said.Damage) != 1 || said.Damage[0].Line == 0 || !strings.HasPrefix(said.Damage[0].File, "ledger/captured-") {
		t.Errorf("damage: %+v", said.Damage)
	}
	_, out = w.run("uploader", "verify")
	has(t, "verify", out, "MISSING", "DIFFERENT", "DAMAGED", "NOT balance", shipped[0])
	w.keepsSecrets(out)
}
