//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// TestFetchBelievesNothing: what an archive has that was not put there is said,
// everything else is fetched, and what was there already stays.
func TestFetchBelievesNothing(t *testing.T) {
	t.Parallel()
	w, archive, names := archivist(t, 8)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
	}
	in := func(name string) string {
		found, err := filepath.Glob(filepath.Join(archive, name))
		if deeper, _ := filepath.Glob(filepath.Join(archive, "*", "*", name)); len(found) == 0 {
			found = deeper
		}
		if err != nil || len(found) != 1 {
			t.Fatalf("%s is in the archive as %v (%v)", name, found, err)
		}
		return found[0]
	}
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	into := filepath.Join(w.dir, "fetched")
	put(t, filepath.Join(into, names[5]), "mine")
	put(t, in(names[0]), strings.Replace(read(in(names[0])), "name", "game", 1))
	put(t, in(names[1]), read(in(names[1]))[:10])
	first, second := read(in(names[2])), read(in(names[3]))
	put(t, in(names[2]), second)
	put(t, in(names[3]), first)
	if err := os.Remove(in(names[4])); err != nil {
		t.Fatal(err)
	}
	code, out := w.run("uploader", "fetch", "--into", into)
	if code != 1 {
		t.Errorf("fetch exited %d, want 1", code)
	}
	for i, say := range []string{"its sha256 is", "it has 10 bytes of", "its sha256 is", "its sha256 is", "does not have it", "is there with other content, and stays as it is"} {
		said := false
		for line := range strings.Lines(out) {
			said = said || strings.HasPrefix(line, "uploader: error: "+names[i]+": ") && strings.Contains(line, say)
		}
		if !said {
			t.Errorf("of %s it does not say %q:\n%s", names[i], say, out)
		}
	}
	has(t, "the summary", out, "2 files", "6 could not be fetched")
	want := stocked(names[6:])
	want[names[5]] = "mine"
	for name, data := range below(t, into) {
		if string(data) != want[name] {
			t.Errorf("%s was fetched as %.80q, want %.80q", name, data, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not fetched: %v", want)
	}
}

// TestFetchFromANodeThatIsDown says so, and gets what waits.
func TestFetchFromANodeThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("stream_url", "none"))
	names := w.stock(30)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
	}
	late := prefix + "20270101T000000.000000Z-000000.jsonl"
	put(t, filepath.Join(w.store, late), `{"late":1}`+"\n")
	node := w.node.URL()
	w.node.Close()
	code, out, problems := w.output("uploader", "fetch", "--stdout")
	if code != 1 || string(out) != `{"late":1}`+"\n" {
		t.Errorf("exit %d, and printed %q", code, out)
	}
	has(t, "it", string(problems), names[0], names[29], node, "connection refused", "30 could not be fetched")
	w.keepsSecrets(string(problems))
}

// TestFetchFromAMirror: each place stands in for the other.
func TestFetchFromAMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("stream_url", "none"))
	w.set("upload_url", w.node.UploadURL()+" "+filepath.Join(w.dir, "archive"))
	names := w.stock(8)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("drain exited %d:\n%s", code, out)
	}
	code, out := w.run("uploader", "list")
	if places := "file://" + filepath.Join(w.dir, "archive"); code != 0 || strings.Count(out, places) != 8 || strings.Count(out, w.node.UploadURL()) != 8 || strings.Count(out, "\n") != 8 {
		t.Errorf("list exited %d:\n%s", code, out)
	}
	for i, name := range names[:2] {
		found, err := filepath.Glob(filepath.Join(w.dir, "archive", "*", "*", name))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s is in the archive as %v (%v)", name, found, err)
		}
		if i == 0 {
			put(t, found[0], "altered")
		} else if err := os.Remove(found[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, nodeIsUp := range []bool{true, false} {
		into := filepath.Join(t.TempDir(), "fetched")
		if !nodeIsUp {
			w.node.Close()
		}
		code, out := w.run("uploader", "fetch", "--into", into)
		want := stocked(names)
		if !nodeIsUp {
			want = stocked(names[2:])
			has(t, "it", out, names[0]+": ", "what file://", "it has 7 bytes of", names[1]+": ", "does not have it", "connection refused", "2 could not be fetched")
		}
		if (code == 0) != nodeIsUp {
			t.Errorf("node up: %v; fetch exited %d:\n%s", nodeIsUp, code, out)
		}
		got := below(t, into)
		for name, text := range want {
			if string(got[name]) != text {
				t.Errorf("node up: %v; %s was fetched as %.80q", nodeIsUp, name, got[name])
			}
		}
		if len(got) != len(want) {
			t.Errorf("node up: %v; %d files fetched, want %d", nodeIsUp, len(got), len(want))
		}
	}
}
