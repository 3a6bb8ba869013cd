//go:build unix

package cmd_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/pack"
	"github.com/storj/twitter-stream/pkg/sandbox"
)

// world is a local Twitter, a local node and a directory in which the
// binaries run against both.
type world struct {
	t      testing.TB
	tw     *sandbox.Twitter
	node   *sandbox.Node
	dir    string
	store  string
	config string
	newest string // the last name in the store before the grabber of now
}

func newWorld(t testing.TB, tw sandbox.TwitterConfig, node sandbox.NodeConfig, extra map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.store = filepath.Join(w.dir, "store")
	var err error
	if w.tw, err = sandbox.StartTwitter(tw); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.tw.Close() })
	if w.node, err = sandbox.StartNode(node); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.node.Close() })
	if w.config, err = sandbox.WriteConfig(w.dir, w.tw, w.node, extra); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) start(name string, args ...string) *proc {
	w.t.Helper()
	return start(w.t, name, append(args, "-c", w.config)...)
}

func (w *world) run(name string, args ...string) (code int, output string) {
	w.t.Helper()
	return run(w.t, name, append(args, "-c", w.config)...)
}

// finished returns the names of the finished files in the store, sorted.
func (w *world) finished() []string {
	w.t.Helper()
	return w.names(func(name string) bool {
		return !strings.HasPrefix(name, ".") && isFinished(name)
	})
}

// isFinished tells a finished file's name from others of the store.
func isFinished(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst"), ".jsonl")
}

// names returns what lies in the store directory itself and is a file.
func (w *world) names(want func(string) bool) []string {
	w.t.Helper()
	entries, err := os.ReadDir(w.store)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() && want(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names
}

// receipt is a line of the ledger, read here by itself.
type receipt struct {
	Name, SHA256, FileHash, Key, By, Object, Sink, URL string
	Size                                               int64
}

func (w *world) receipts() (all []receipt) {
	w.t.Helper()
	for line := range bytes.Lines(w.ledger()) {
		var r receipt
		if err := json.Unmarshal(line, &r); err != nil {
			w.t.Errorf("the ledger holds a line that is no receipt: %v\n%s", err, line)
		}
		all = append(all, r)
	}
	return all
}

// booked returns how many receipts there are, also while one is being written or
// has been torn by a kill: whoever comes next cuts it off.
func (w *world) booked() int {
	w.t.Helper()
	return bytes.Count(w.ledger(), []byte("\n"))
}

// ledger returns all that is in it, month after month.
func (w *world) ledger() (text []byte) {
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
		text = append(text, data...)
	}
	return text
}

// content is one file of the capture, wherever it is now.
type content struct {
	name string
	data []byte
}

// captured returns all finished files: those on the node, fetched back with
// their receipts' keys, and those still in the store, in name order. It
// complains of a file in both places or twice in the ledger.
func (w *world) captured() []content {
	w.t.Helper()
	var all []content
	seen := map[string]bool{}
	for _, r := range w.receipts() {
		if seen[r.Name] {
			w.t.Errorf("two receipts for %s", r.Name)
		}
		seen[r.Name] = true
		data, err := w.node.Fetch(r.FileHash, r.Key)
		if err != nil {
			w.t.Errorf("fetch %s back: %v", r.Name, err)
			continue
		}
		all = append(all, content{r.Name, data})
	}
	for _, name := range w.finished() {
		data, err := os.ReadFile(filepath.Join(w.store, name))
		if err != nil {
			w.t.Fatal(err)
		}
		if seen[name] {
			w.t.Errorf("%s has a receipt and is still in the store", name)
			continue
		}
		all = append(all, content{name, data})
	}
	slices.SortFunc(all, func(a, b content) int { return strings.Compare(a.name, b.name) })
	return all
}

// lines splits files into messages and checks invariant 1 on the way.
func lines(t testing.TB, files []content) [][]byte {
	t.Helper()
	var all [][]byte
	for _, file := range files {
		file.data = inflated(t, file)
		if len(file.data) == 0 || file.data[len(file.data)-1] != '\n' {
			t.Errorf("%s is empty or does not end its last line", file.name)
		}
		for line := range bytes.Lines(file.data) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if !json.Valid(line) || line[0] != '{' {
				t.Errorf("%s holds a line that is no message: %.100q", file.name, line)
			}
			all = append(all, line)
		}
	}
	return all
}

// inflated returns what is in a file, packed or not.
func inflated(t testing.TB, file content) []byte {
	t.Helper()
	r, err := pack.Open(pack.Of(file.name), bytes.NewReader(file.data))
	if err != nil {
		t.Errorf("inflate %s: %v", file.name, err)
		return nil
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("inflate %s: %v", file.name, err)
	}
	return data
}

// seqOf returns the number that the sandbox gave a made-up message.
func seqOf(t testing.TB, line []byte) uint64 {
	t.Helper()
	var m struct {
		Seq uint64 `json:"seq"`
	}
	if err := json.Unmarshal(line, &m); err != nil || m.Seq == 0 {
		t.Fatalf("no sequence number in %.200s", line)
	}
	return m.Seq
}

// realData returns the path of recorded messages, or skips.
func realData(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("TWITTER_STREAM_TEST_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no recorded messages: %v (TWITTER_STREAM_TEST_DATA names their directory)", err)
	}
	return path
}
