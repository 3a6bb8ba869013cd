//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// shipper is a world with files that wait and a node with faults.
func shipper(t *testing.T, node sandbox.NodeConfig, files int, more ...string) (*world, []string) {
	t.Helper()
	w := newWorld(t, sandbox.TwitterConfig{}, node, quick(more...))
	return w, w.stock(files)
}

// stocked is what stock has put into files of these names.
func stocked(names []string) map[string]string {
	want := map[string]string{}
	for _, name := range names {
		want[name] = `{"name":"` + name + `"}` + "\n"
	}
	return want
}

// TestNodeFaultsThatPass: whatever a node does for a while, in the end each
// file is there with one receipt.
func TestNodeFaultsThatPass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		faults []string
	}{
		{"none", nil},
		{"lie", []string{"lie*3"}},
		{"lie-short", []string{"lie-short*3"}},
		{"html", []string{"html*3"}},
		{"lost response", []string{"reset-after-body*3"}},
		{"cut", []string{"cut*3"}},
		{"flaky", []string{"flaky=0.5*10"}},
		{"503 with Retry-After", []string{"503=1*2"}},
		{"never answers", []string{"never-answer*2"}},
		{"slow answer", []string{"slow-answer=300ms"}},
		{"slow", []string{"slow=2000"}},
		{"400 to all for a while", []string{"400*2"}},
		{"other passphrase", []string{"other-passphrase=another"}},
		{"plain era", []string{"plain-era"}},
		{"full for a while", []string{"upload-error*3"}},
		{"payment for a while", []string{"balance*3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, names := shipper(t, sandbox.NodeConfig{Faults: tt.faults}, 6, "upload_retries", "8", "upload_timeout", "2s")
			u := w.start("uploader")
			eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
			u.stop()
			w.onNode(stocked(names))
			if n := len(w.reasons()); n > 0 {
				t.Errorf("%d files were set aside", n)
			}
			for _, o := range w.node.Objects() {
				if !slices.Contains(names, o.Name) {
					t.Errorf("the node has %q", o.Name)
				}
			}
		})
	}
}

// TestNodePoisonIsSetAside: after another file was accepted, and holding up
// nothing, even where the oldest files are all bad.
func TestNodePoisonIsSetAside(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault, status string
		bad           []int
	}{
		{"poison=T030407", "400", []int{2}},
		{"poison-413=T030405", "413", []int{0}},
		{"poison=T03040", "400", []int{0, 1, 2, 3, 4}},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			w, names := shipper(t, sandbox.NodeConfig{}, 8, "stream_url", "none")
			bad, good := []string{}, []string{}
			for i, name := range names {
				if slices.Contains(tt.bad, i) {
					bad = append(bad, name)
				} else {
					good = append(good, name)
				}
			}
			if err := w.node.SetFault(tt.fault); err != nil {
				t.Fatal(err)
			}
			d := w.begin() // the node is in doubt at first: the uploader may give up
			eventually(t, "the others are shipped", func() bool { return w.booked() == len(good) })
			// A file that was the last to be answered waits for another proof that
			// the node is well.
			late := prefix + "20270101T000000.000000Z-000000.jsonl"
			put(t, filepath.Join(w.store, late), stocked([]string{late})[late])
			good = append(good, late)
			eventually(t, "the bad are set aside", func() bool { return len(w.reasons()) == len(bad) })
			eventually(t, "nothing waits", func() bool { return len(w.finished()) == 0 })
			d.stop()
			w.onNode(stocked(good))
			for _, name := range bad {
				has(t, "the reason", w.reasons()[name], tt.status, "but took others", name)
				if got := w.text("store/rejected/" + name); got != stocked(bad)[name] {
					t.Errorf("%s holds %q now", name, got)
				}
			}
			w.putBack(bad)
		})
	}
}

// putBack has the rejected files tried again by a node that is well now.
func (w *world) putBack(bad []string) {
	w.t.Helper()
	_, list := w.run("uploader", "retry")
	has(w.t, "uploader retry", list, bad...)
	if err := w.node.SetFault(); err != nil {
		w.t.Fatal(err)
	}
	for _, args := range [][]string{{"retry", bad[0]}, {"retry", "--all"}} {
		if code, out := w.run("uploader", args...); code != 0 {
			w.t.Errorf("uploader %v exited %d:\n%s", args, code, out)
		}
	}
	if code, _ := w.run("uploader", "retry", "no-such-file"); code == 0 {
		w.t.Error("retry of a file that is not there exits 0")
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		w.t.Errorf("uploader --drain exited %d:\n%s", code, out)
	}
	if left := w.reasons(); len(left) > 0 {
		w.t.Errorf("reasons are left: %v", left)
	}
	for _, name := range bad {
		if !slices.ContainsFunc(w.receipts(), func(r receipt) bool { return r.Name == name }) {
			w.t.Errorf("%s was put back and has no receipt", name)
		}
	}
}

// TestNodePoisonAlone: the only file that there is may be refused by the node's
// fault, so it stays.
func TestNodePoisonAlone(t *testing.T) {
	t.Parallel()
	w, names := shipper(t, sandbox.NodeConfig{Faults: []string{"poison=jsonl"}}, 3)
	code, out := w.run("uploader", "--drain")
	if code == 0 || len(w.finished()) != len(names) || len(w.reasons()) > 0 {
		t.Errorf("exit %d, left %v, set aside %v; want all files to stay:\n%s", code, w.finished(), w.reasons(), out)
	}
	// A restart remembers who has failed, and does not hold it against the next.
	if err := w.node.SetFault(); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Errorf("exit %d when the node is well again:\n%s", code, out)
	}
	w.onNode(stocked(names))
}

// TestNodePauses: a full node, or one that wants money, pauses everything,
// says so, is asked slowly and gets all in the end.
func TestNodePauses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ fault, says string }{{"upload-error", "upload-error"}, {"balance", "402"}} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			w, names := shipper(t, sandbox.NodeConfig{Faults: []string{tt.fault}}, 12, "upload_backoff", "10ms-500ms", "upload_concurrency", "4")
			u := w.start("uploader")
			eventually(t, "the uploader pauses", func() bool { return w.status("uploader").State == "paused" })
			s := w.status("uploader")
			has(t, "its status", s.Detail+s.LastError, tt.says)
			asked := w.node.Fired(tt.fault)
			if asked > 8 {
				t.Errorf("a node that is full was asked %d times at once", asked)
			}
			if code, out := w.run("daemon", "status"); code != 1 || !strings.Contains(out, "paused") {
				t.Errorf("status exits %d, want 1 and the pause:\n%s", code, out)
			}
			if err := w.node.SetFault(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all is shipped", func() bool { return len(w.finished()) == 0 })
			u.stop()
			w.onNode(stocked(names))
		})
	}
}

// TestNodeWrongURLSetsNothingAside though every file is refused for good.
func TestNodeWrongURLSetsNothingAside(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"404", "405", "400", "413"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w, names := shipper(t, sandbox.NodeConfig{Faults: []string{fault}}, 30)
			for range 3 { // as a daemon would
				if code, out := w.run("uploader"); code != 3 && code != 1 {
					t.Errorf("exit %d, want 3 or 1:\n%s", code, out)
				}
			}
			if len(w.reasons()) > 0 || len(w.finished()) != len(names) {
				t.Errorf("set aside %d, left %d of %d", len(w.reasons()), len(w.finished()), len(names))
			}
			if n := w.node.Fired(fault); n > 60 {
				t.Errorf("the node was sent %d files", n)
			}
			if err := w.node.SetFault(); err != nil {
				t.Fatal(err)
			}
			if code, out := w.run("uploader", "--drain"); code != 0 {
				t.Errorf("exit %d when the node is well:\n%s", code, out)
			}
			w.onNode(stocked(names))
		})
	}
}

// TestNodeKillBetween kills the uploader while a node that keeps what it does
// not acknowledge has the files: they are sent again, and booked once.
func TestNodeKillBetween(t *testing.T) {
	t.Parallel()
	w, names := shipper(t, sandbox.NodeConfig{Faults: []string{"never-answer"}}, 5)
	for i := range 4 {
		u := w.start("uploader")
		eventually(t, "the node has the files", func() bool { return w.node.Fired("never-answer") > 2*i })
		u.kill()
	}
	if n := len(w.receipts()); n > 0 {
		t.Errorf("%d receipts for what was never acknowledged", n)
	}
	if err := w.node.SetFault(); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Errorf("exit %d, want 0:\n%s", code, out)
	}
	w.onNode(stocked(names))
	for _, o := range w.node.Objects() {
		if o.Times < 1 {
			t.Errorf("%+v", o)
		}
	}
}

// TestNodeOldReceipt: killed after the receipt and before the removal, the next
// start only makes up for the removal; a file that is another one is sent.
func TestNodeOldReceipt(t *testing.T) {
	t.Parallel()
	w, names := shipper(t, sandbox.NodeConfig{}, 2)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	sent := len(w.node.Uploads())
	put(t, filepath.Join(w.store, names[0]), stocked(names)[names[0]]) // as if never removed
	put(t, filepath.Join(w.store, names[1]), "{\"another\":1}\n")
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	if n := len(w.node.Uploads()) - sent; n != 1 {
		t.Errorf("%d files were sent again, want the changed one alone", n)
	}
	if n := len(w.receipts()); n != 3 || len(w.finished()) > 0 {
		t.Errorf("%d receipts, %v left; want 3, none", n, w.finished())
	}
}

// TestNodeTornLedger: a torn last line is cut and said, damage further up is
// reported, and shipping goes on.
func TestNodeTornLedger(t *testing.T) {
	t.Parallel()
	w, names := shipper(t, sandbox.NodeConfig{}, 3)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	book := filepath.Join(w.store, "ledger", time.Now().UTC().Format("2006-01")+".jsonl")
	whole, err := os.ReadFile(book)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := "\x00\x00 no receipt\n" + string(whole) + string(whole[:40])
	put(t, book, spoilt)
	more := w.names(func(string) bool { return true })
	if len(more) > 0 {
		t.Fatalf("left: %v", more)
	}
	put(t, filepath.Join(w.store, prefix+"20270101T000000.000000Z-000000.jsonl"), "{}\n")
	code, out := w.run("uploader", "--drain")
	if code != 0 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	has(t, "it", out, "torn")
	after, err := os.ReadFile(book)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(after), spoilt[:len(spoilt)-40]) || strings.Count(string(after), "\n") != len(names)+2 {
		t.Errorf("the ledger is now\n%s", after)
	}
	if _, out := w.run("daemon", "check"); !holds(out, "ledger", ":1:") {
		t.Errorf("check does not say that line 1 is damaged:\n%s", out)
	}
	if _, out := w.run("daemon", "status"); !holds(out, "ledger", "damaged") {
		t.Errorf("status does not say that the ledger is damaged:\n%s", out)
	}
}
