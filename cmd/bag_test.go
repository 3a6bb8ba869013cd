//go:build unix

package cmd_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// bagProblems checks a bag by RFC 8493, section 3: nil for one that is complete
// and valid.
func bagProblems(dir string) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			say("%v", err)
		}
		return string(data)
	}
	if got := read("bagit.txt"); got != "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n" {
		say("bagit.txt is %q", got)
	}
	listed := map[string]bool{}
	var size, files int64
	for _, manifest := range []string{"manifest-sha256.txt", "tagmanifest-sha256.txt"} {
		for line := range strings.Lines(read(manifest)) {
			sum, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			data := read(path)
			if want := sha256.Sum256([]byte(data)); !ok || listed[path] || hex.EncodeToString(want[:]) != sum || !filepath.IsLocal(path) {
				say("%s has %q, and the file %x", manifest, line, want)
			}
			if strings.HasPrefix(path, "data/") != (manifest == "manifest-sha256.txt") {
				say("%s names %s", manifest, path)
			}
			if strings.HasPrefix(path, "data/") {
				size, files = size+int64(len(data)), files+1
			}
			listed[path] = true
		}
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err == nil && !entry.IsDir() && !listed[name] && name != "tagmanifest-sha256.txt" {
			say("%s is in no manifest", name)
		}
		return err
	})
	if err != nil {
		say("%v", err)
	}
	if oxum := fmt.Sprintf("Payload-Oxum: %d.%d\n", size, files); !strings.Contains(read("bag-info.txt"), oxum) {
		say("bag-info.txt does not say %q", oxum)
	}
	return problems
}

// TestBag: a capture becomes a bag, also by a fetch that is killed, and never
// passes for one before.
func TestBag(t *testing.T) {
	t.Parallel()
	const n = 2000
	w := newWorld(t, sandbox.TwitterConfig{Messages: n}, sandbox.NodeConfig{}, quick("grabber_cut_size", "16", "upload_url", "archive"))
	want := w.capture(n)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	bag := filepath.Join(w.dir, "bag")
	for most, kills := 0, 0; kills < 3; kills++ {
		p := w.start("uploader", "fetch", "--bag", bag, "--parallel", "2")
		whole := false
		eventually(t, "some more is fetched", func() bool {
			names, _ := filepath.Glob(filepath.Join(bag, "data", "*.jsonl"))
			more := len(names) > most
			most = max(most, len(names))
			_, err := os.Stat(filepath.Join(bag, "bagit.txt"))
			whole = err == nil
			return more || whole
		})
		p.kill()
		if _, err := os.Stat(filepath.Join(bag, "bagit.txt")); err == nil {
			if problems := bagProblems(bag); problems != nil {
				t.Errorf("after a kill it passes for a bag: %v", problems)
			}
		}
	}
	for range 2 {
		if code, out := w.run("uploader", "fetch", "--bag", bag); code != 0 || !strings.Contains(out, "2000 messages") {
			t.Fatalf("fetch --bag exited %d:\n%s", code, out)
		}
		if problems := bagProblems(bag); problems != nil {
			t.Fatalf("no bag: %v", problems)
		}
	}
	if got := w.asCaptured(filepath.Join(bag, "data")); !bytes.Equal(got, want) {
		t.Errorf("the payload is %d bytes, not the %d that were sent, or others", len(got), len(want))
	}
	w.described(bag)
	pythonAgrees(t, bag)
	file := filepath.Join(bag, "data", slices.Sorted(maps.Keys(below(t, filepath.Join(bag, "data"))))[0])
	put(t, file, "altered")
	if problems := bagProblems(bag); len(problems) == 0 {
		t.Error("the check does not see an altered file")
	}
	if code, out := w.run("uploader", "fetch", "--bag", bag); code != 1 || !strings.Contains(out, "not a whole bag") {
		t.Errorf("over an altered file fetch exited %d:\n%s", code, out)
	}
	if _, err := os.Stat(filepath.Join(bag, "bagit.txt")); err == nil {
		t.Error("it still passes for a bag")
	}
	home := t.TempDir()
	put(t, filepath.Join(home, "letter.txt"), "dear")
	if code, out := w.run("uploader", "fetch", "--bag", home); code != 1 || !strings.Contains(out, "letter.txt") || len(below(t, home)) != 1 {
		t.Errorf("fetch --bag among other files exited %d, and %v is there:\n%s", code, below(t, home), out)
	}
	if _, err := os.Stat(filepath.Join(home, "data")); !os.IsNotExist(err) {
		t.Errorf("refused, and yet it has got a data/: %v", err)
	}
}

// described compares what a bag says of itself with what grabber coverage says.
func (w *world) described(bag string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(bag, "bag-info.txt"))
	if err != nil {
		w.t.Fatal(err)
	}
	var reports []struct {
		Percent float64 `json:"covered_percent"`
		Gaps    []any   `json:"gaps"`
	}
	text, err := os.ReadFile(filepath.Join(bag, "coverage.json"))
	if err == nil {
		err = json.Unmarshal(text, &reports)
	}
	if err != nil || len(reports) != 1 {
		w.t.Fatalf("coverage.json: %v\n%s", err, text)
	}
	has(w.t, "bag-info.txt", string(data), "\nStream: "+w.tw.StreamURL()+"\n", "\nMessage-Count: 2000\n", "\nStream-Kind: twitter\n", "\nBagging-Date: 2", "\nBag-Software-Agent: twitter-stream ",
		fmt.Sprintf("\nCoverage-Percent: %.2f\n", reports[0].Percent), fmt.Sprintf("\nCoverage-Gaps: %d\n", len(reports[0].Gaps)))
	if got := strings.Count(string(data), "\nCoverage-Gap: "); got != len(reports[0].Gaps) {
		w.t.Errorf("bag-info.txt names %d gaps of %d", got, len(reports[0].Gaps))
	}
	w.keepsSecrets(string(data), string(text))
}

// pythonAgrees has the Library of Congress's module look, where there is one.
func pythonAgrees(t *testing.T, bag string) {
	t.Helper()
	if err := exec.Command("python3", "-c", "import bagit").Run(); err != nil {
		t.Log("no python3 with bagit: not asked")
		return
	}
	out, err := exec.Command("python3", "-m", "bagit", "--validate", bag).CombinedOutput()
	if err != nil {
		t.Errorf("python's bagit: %v\n%s", err, out)
	}
}
