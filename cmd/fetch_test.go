//go:build unix

package cmd_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// capturedLine is one of a file in the captured book, read here by itself.
type capturedLine struct {
	Name, SHA256 string
	Messages     int
	Bytes        int64
}

// book returns what the captured book says of each file.
func (w *world) book() map[string]capturedLine {
	w.t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.store, "ledger", "captured-*.ndjson"))
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]capturedLine{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			var l capturedLine
			if !bytes.HasPrefix(line, []byte(`{"kind":"file",`)) {
				continue
			}
			if err := json.Unmarshal(line, &l); err != nil {
				w.t.Errorf("%s holds %s: %v", path, line, err)
			}
			all[l.Name] = l
		}
	}
	return all
}

// below returns the files in a directory, temporary ones too.
func below(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, entry := range entries {
		if all[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// asCaptured fails unless dir has every file of the captured book, byte for
// byte, and nothing else; it returns the content of all, in order.
func (w *world) asCaptured(dir string) []byte {
	w.t.Helper()
	have, book := below(w.t, dir), w.book()
	var names []string
	for name, l := range book {
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".zst"), ".gz")
		data, ok := have[name]
		if sum := sha256.Sum256(data); !ok || hex.EncodeToString(sum[:]) != l.SHA256 || int64(len(data)) != l.Bytes {
			w.t.Errorf("%s: fetched %v, %d bytes of %x; captured %d bytes of %s", name, ok, len(data), sum, l.Bytes, l.SHA256)
		}
		delete(have, name)
		names = append(names, name)
	}
	for name := range have {
		w.t.Errorf("%s was fetched, and nobody captured it", name)
	}
	if len(names) == 0 {
		w.t.Error("nothing was captured")
	}
	slices.Sort(names)
	have = below(w.t, dir)
	var all []byte
	for _, name := range names {
		all = append(all, have[name]...)
	}
	return all
}

// output runs a binary to its end and returns what it printed, apart.
func (w *world) output(name string, args ...string) (code int, out, problems []byte) {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(filepath.Join(bin, name), append(args, "-c", w.config)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.Bytes(), stderr.Bytes()
}

// capture records n messages into many files and returns them.
func (w *world) capture(n int) (messages []byte) {
	w.t.Helper()
	grabber := w.start("grabber")
	eventually(w.t, "all messages captured", func() bool { return w.status("grabber").Messages >= n })
	grabber.stop()
	for i := range n {
		messages = append(append(messages, w.tw.Message(uint64(i+1))...), '\n')
	}
	return messages
}

// fetchable are the storages that a capture is fetched from: each makes a world
// that ships to it.
var fetchable = map[string]func(t *testing.T, tw sandbox.TwitterConfig, keys ...string) *world{
	"node, packed by zstd": func(t *testing.T, tw sandbox.TwitterConfig, keys ...string) *world {
		return newWorld(t, tw, sandbox.NodeConfig{}, quick(append(keys, "grabber_compress", "zstd")...))
	},
	"directory, packed by gzip": func(t *testing.T, tw sandbox.TwitterConfig, keys ...string) *world {
		return newWorld(t, tw, sandbox.NodeConfig{}, quick(append(keys, "upload_url", "archive", "grabber_compress", "gzip")...))
	},
	"bucket": func(t *testing.T, tw sandbox.TwitterConfig, keys ...string) *world {
		w, _ := bucketed(t, tw, keys...)
		return w
	},
	"node and directory": func(t *testing.T, tw sandbox.TwitterConfig, keys ...string) *world {
		w := newWorld(t, tw, sandbox.NodeConfig{}, quick(keys...))
		w.set("upload_url", w.node.UploadURL()+" "+filepath.Join(w.dir, "archive"))
		return w
	},
}

// TestFetchedIsCaptured: what is fetched is what was captured, byte for byte, on
// every storage, also what still waits; and a second fetch gets nothing again.
func TestFetchedIsCaptured(t *testing.T) {
	t.Parallel()
	for name, world := range fetchable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 3000
			w := world(t, sandbox.TwitterConfig{Messages: n}, "grabber_cut_size", "64")
			want := w.capture(n)
			late := w.names(func(name string) bool { return !strings.HasPrefix(name, ".") })
			late = late[len(late)-2:]
			aside := filepath.Join(w.dir, "aside")
			if err := os.Mkdir(aside, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range late { // they come back when the others are shipped
				if err := os.Rename(filepath.Join(w.store, name), filepath.Join(aside, name)); err != nil {
					t.Fatal(err)
				}
			}
			if code, out := w.run("uploader", "--drain"); code != 0 {
				t.Fatalf("uploader --drain exited %d:\n%s", code, out)
			}
			for _, name := range late {
				if err := os.Rename(filepath.Join(aside, name), filepath.Join(w.store, name)); err != nil {
					t.Fatal(err)
				}
			}
			into := filepath.Join(w.dir, "fetched")
			for _, say := range []string{"3000 messages", "of them were there"} {
				code, out := w.run("uploader", "fetch", "--into", into)
				if code != 0 || !strings.Contains(out, say) {
					t.Errorf("fetch exited %d, want %q:\n%s", code, say, out)
				}
				if got := w.asCaptured(into); !bytes.Equal(got, want) {
					t.Errorf("fetched %d bytes, not the %d that were sent, or others", len(got), len(want))
				}
			}
			if code, out, problems := w.output("uploader", "fetch", "--stdout"); code != 0 || !bytes.Equal(out, want) {
				t.Errorf("fetch --stdout exited %d and printed %d bytes, want %d:\n%s", code, len(out), len(want), problems)
			}
			w.listed(late)
		})
	}
}

// listed compares what list says with the books. late still wait.
func (w *world) listed(late []string) {
	w.t.Helper()
	code, out, problems := w.output("uploader", "list", "--json")
	if code != 0 {
		w.t.Fatalf("list exited %d:\n%s", code, problems)
	}
	book, before := w.book(), ""
	for line := range bytes.Lines(out) {
		var l struct {
			Name, SHA256   string
			InflatedSHA256 string `json:"inflated_sha256"`
			Messages       int
			Waits          bool
			Places         []struct{ URL string }
		}
		if err := json.Unmarshal(line, &l); err != nil {
			w.t.Fatal(err)
		}
		waits := slices.Contains(late, l.Name)
		if l.InflatedSHA256 != "" {
			l.SHA256 = l.InflatedSHA256
		}
		if b := book[l.Name]; l.SHA256 != b.SHA256 || l.Messages != b.Messages || l.Waits != waits || (len(l.Places) == 0) != waits || l.Name <= before {
			w.t.Errorf("listed %s behind %s, the book has %+v", line, before, b)
		}
		before = l.Name
		delete(book, l.Name)
	}
	if len(book) > 0 {
		w.t.Errorf("not listed: %v", book)
	}
	w.keepsSecrets(string(out))
}

// TestFetchGoesOn: a fetch that is killed again and again ends with everything,
// and leaves nothing else.
func TestFetchGoesOn(t *testing.T) {
	t.Parallel()
	for name, world := range fetchable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 1500
			w := world(t, sandbox.TwitterConfig{Messages: n}, "grabber_cut_size", "16")
			w.capture(n)
			if code, out := w.run("uploader", "--drain"); code != 0 {
				t.Fatalf("uploader --drain exited %d:\n%s", code, out)
			}
			into := filepath.Join(w.dir, "fetched")
			for kills, most := 0, 0; kills < 5; kills++ {
				p := w.start("uploader", "fetch", "--into", into, "--parallel", "2")
				eventually(t, "some more is fetched", func() bool {
					names, _ := filepath.Glob(filepath.Join(into, "*.jsonl"))
					more := len(names) > most || len(names) == len(w.book())
					most = max(most, len(names))
					return more
				})
				p.kill()
			}
			if code, out := w.run("uploader", "fetch", "--into", into); code != 0 {
				t.Errorf("fetch exited %d:\n%s", code, out)
			}
			w.asCaptured(into)
		})
	}
}

// TestFetchOfARange gets what has a message in it.
func TestFetchOfARange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("stream_url", "none"))
	names := w.stock(10) // a second apart, without lines in the captured book
	for args, want := range map[string][]string{
		"":                                  names,
		"--from 2026-01-02T03:04:09Z":       names[4:],
		"--to 2026-01-02T04:04:09+01:00":    names[:4],
		"--from 2026-01-02 --to 2026-01-03": names,
		"--to 1s":                           names,
		"--from 7d":                         nil,
	} {
		_, out, _ := w.output("uploader", append([]string{"list", "--json"}, strings.Fields(args)...)...)
		var got []string
		for line := range bytes.Lines(out) {
			var l struct{ Name string }
			if err := json.Unmarshal(line, &l); err != nil {
				t.Fatal(err)
			}
			got = append(got, l.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("list %s: %v, want %v", args, got, want)
		}
	}
	for _, tt := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"fetch"}, 2, "--into DIR"},
		{[]string{"fetch", "--bag", "x", "--into", "x"}, 2, "--into DIR"},
		{[]string{"fetch", "--stdout", "--into", "x"}, 2, "--into DIR"},
		{[]string{"fetch", "--stdout", "--from", "yesterday"}, 2, "no time"},
		{[]string{"list", "--from", "1h", "--to", "2h"}, 2, "--to is not after --from"},
		{[]string{"fetch", "--stdout", "--dedupe"}, 3, "stream_url is none"},
		{[]string{"list", "--ledger", filepath.Join(w.dir, "nowhere")}, 5, "nowhere"},
		{[]string{"list", "--ledger", w.dir}, 5, "there are none"},
		{[]string{"list", "--store", filepath.Join(w.dir, "nowhere")}, 1, "there is no store"},
		{[]string{"fetch", "--help"}, 0, "EXIT STATUS"},
		{[]string{"list", "--help"}, 0, "Examples"},
	} {
		if code, out := w.run("uploader", tt.args...); code != tt.code || !strings.Contains(out, tt.say) {
			t.Errorf("%v exited %d, want %d and %q:\n%s", tt.args, code, tt.code, tt.say, out)
		}
	}
}
