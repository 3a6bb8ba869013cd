//go:build unix

package cmd_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// audited is what verify --remote --json says.
type audited struct {
	Right, Resumed bool
	Asked, There   int
	Places         []struct {
		URL           string
		Asked, Hashes int
		Listed        bool
	}
	Missing, Altered, Unasked, Unknown struct {
		Count   int
		Objects []struct{ Name, Why string }
	}
}

// audit runs verify --remote, which must end with the code.
func (w *world) audit(code int, args ...string) (r audited) {
	w.t.Helper()
	got, out := w.run("uploader", append([]string{"verify", "--remote", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil || got != code {
		w.t.Errorf("verify --remote %v exited %d, want %d (%v):\n%s", args, got, code, err, out)
	}
	w.keepsSecrets(out)
	return r
}

// TestVerifyRemote: of what a node and a directory have, some is taken away,
// some altered, and something put beside.
func TestVerifyRemote(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{Dir: disk}, quick("grabber_cut_size", "16"))
	w.captureFiles(60)
	ship := func() []receipt {
		before := len(w.receipts())
		if code, out := w.run("uploader", "--drain"); code != 0 {
			t.Fatalf("uploader --drain exited %d:\n%s", code, out)
		}
		return w.receipts()[before:]
	}
	onNode := ship()
	w.set("upload_url", "archive")
	put(t, filepath.Join(w.dir, "other", "not empty"), "") // the archive is made by itself
	w.captureFiles(60)
	inArchive := ship()
	archive := filepath.Join(w.dir, "archive")
	all := len(onNode) + len(inArchive)
	for _, args := range [][]string{nil, {"--download"}} {
		r := w.audit(0, args...)
		if !r.Right || r.Asked != all || r.There != all || len(r.Places) != 2 || !r.Places[0].Listed { // the configured one comes first
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := w.audit(0, "--to", "7d"); r.Asked != 0 {
		t.Errorf("before the capture: %+v", r)
	}

	w.node.Lose(onNode[0].FileHash)
	flip(t, filepath.Join(disk, onNode[1].FileHash))
	where := func(r receipt) string { // whatever the layout
		found, err := filepath.Glob(filepath.Join(archive, "*", "*", r.Name))
		if err != nil || len(found) == 0 {
			return filepath.Join(archive, r.Name)
		}
		return found[0]
	}
	if err := os.Remove(where(inArchive[0])); err != nil {
		t.Fatal(err)
	}
	flip(t, where(inArchive[1]))
	if err := os.Truncate(where(inArchive[2]), 3); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(archive, "foreign\x1b[31m")
	put(t, foreign, "x")
	if err := os.Chtimes(foreign, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	r := w.audit(1)
	if r.Missing.Count != 2 || r.Altered.Count != 1 || r.Altered.Objects[0].Name != inArchive[2].Name || r.Unknown.Count != 1 || r.Unasked.Count != 0 {
		t.Errorf("without reading: %+v", r)
	}
	r = w.audit(1, "--download")
	var altered, missing []string
	for _, o := range r.Altered.Objects {
		altered = append(altered, o.Name)
	}
	for _, o := range r.Missing.Objects {
		missing = append(missing, o.Name)
	}
	slices.Sort(altered)
	slices.Sort(missing)
	wantAltered, wantMissing := []string{onNode[1].Name, inArchive[1].Name, inArchive[2].Name}, []string{onNode[0].Name, inArchive[0].Name}
	slices.Sort(wantAltered)
	slices.Sort(wantMissing)
	if !slices.Equal(altered, wantAltered) || !slices.Equal(missing, wantMissing) {
		t.Errorf("read back: altered %q, missing %q", altered, missing)
	}
	code, out := w.run("uploader", "verify", "--remote", "--download")
	has(t, "verify --remote", out, "MISSING", "ALTERED", "UNKNOWN", `foreign\x1b[31m`, "NOT everything")
	if code != 1 {
		t.Errorf("it exited %d", code)
	}
	w.booksBalance() // the books know nothing of that

	// An archive that is not mounted lacks nothing: it cannot be asked.
	if err := os.Rename(archive, archive+".away"); err != nil {
		t.Fatal(err)
	}
	if r = w.audit(1, "--from", "1h"); r.Unasked.Count != len(inArchive) || r.Missing.Count != 1 {
		t.Errorf("not mounted: %+v", r)
	}
}

// flip alters one byte of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyRemoteIsInterrupted goes on where it was.
func TestVerifyRemoteIsInterrupted(t *testing.T) {
	t.Parallel()
	const files, half = 200, 120
	var asked atomic.Int64
	reached, release := make(chan struct{}), make(chan struct{})
	node := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch n := asked.Add(1); {
		case n == half:
			close(reached)
			fallthrough
		case n > half && n < half+8:
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		fmt.Fprintf(rw, `{"filehash":%q,"filesize":5}`, filepath.Base(r.URL.Path))
	}))
	t.Cleanup(node.Close)
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("upload_url", node.URL+"/api/upload"))
	w.makeStore()
	var ledger strings.Builder
	for i := range files {
		fmt.Fprintf(&ledger, `{"time":"2026-11-01T00:00:00Z","name":"f%d","size":5,"sha256":"%064x","sink":"webnode","url":"%s/api/upload","filehash":"%064x","key":"","attempts":1,"by":"watch"}`+"\n", i, i, node.URL, i)
	}
	put(t, filepath.Join(w.store, "ledger", "2026-11.jsonl"), ledger.String())
	p := w.start("uploader", "verify", "--remote")
	<-reached
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != 1 {
		t.Errorf("interrupted, it exited %d:\n%s", code, p.out.String())
	}
	has(t, "the end", p.out.String(), "interrupted after", "goes on there")
	close(release)
	r := w.audit(0)
	if !r.Resumed || r.Asked != files || r.There != files || asked.Load() > files+20 {
		t.Errorf("%+v, and the node was asked %d times for %d files", r, asked.Load(), files)
	}
}
