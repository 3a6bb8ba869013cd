//go:build unix

package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// view is what the tests read of status --json.
type view struct {
	Store  string
	Daemon struct {
		Alive    bool
		State    string
		Children []struct{ Name, State string }
	}
	Grabber, Uploader struct {
		Alive, Beating bool
		State, Detail  string
		LastError      string `json:"last_error"`
	}
	Backlog struct {
		Files int
		Bytes int64
	}
	Disk     struct{ Free int64 }
	Ledger   struct{ Receipts int }
	Rejected struct{ Files int }
	Problems []string
}

// look returns what status --json says, and its exit code.
func (w *world) look() (v view, code int) {
	w.t.Helper()
	code, out := w.run("daemon", "status", "--json")
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		w.t.Fatalf("status --json is no JSON: %v\n%s", err, out)
	}
	return v, code
}

func TestStatusNeverRan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, nil)
	code, out := w.run("daemon", "status")
	if code == 0 || strings.Contains(out, "running") {
		t.Errorf("status without a store exits %d:\n%s", code, out)
	}
	has(t, "it", out, w.store)
	if _, err := os.Lstat(w.store); !os.IsNotExist(err) {
		t.Errorf("status has made a store: %v", err)
	}
	w.stock(2)
	v, code := w.look()
	if code != 1 || v.Daemon.Alive || v.Grabber.Alive || v.Grabber.State != "never ran" || v.Backlog.Files != 2 || v.Problems == nil {
		t.Errorf("exit %d, %+v; want 1, nothing alive, two files that wait", code, v)
	}
	_, table := w.run("daemon", "status")
	has(t, "the table", table, "never ran", "2 files waiting")
}

func TestStatusThroughALife(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	eventually(t, "all is well", func() bool { v, code := w.look(); return code == 0 && v.Ledger.Receipts > 0 })
	v, _ := w.look()
	if !v.Daemon.Alive || !v.Grabber.Beating || !v.Uploader.Beating || v.Grabber.State != "capturing" || len(v.Daemon.Children) != 2 || v.Disk.Free == 0 {
		t.Errorf("running: %+v", v)
	}
	code, table := w.run("daemon", "status")
	if code != 0 {
		t.Errorf("status exits %d while all runs", code)
	}
	has(t, "the table", table, "messages/s now", "uploaded since its start", "free", w.store)
	for line := range strings.Lines(table) {
		if len(line) > 81 && !strings.Contains(line, w.store) {
			t.Errorf("a line of %d columns: %s", len(line)-1, line)
		}
	}
	code, checked := w.run("daemon", "check")
	if code != 0 {
		t.Errorf("check exits %d:\n%s", code, checked)
	}
	has(t, "check", checked, "configuration", "credentials", "store", "ledger", "stream", "clock", "node", "daemon runs (pid")

	pid, _, _, _ := w.child("grabber")
	alive := func() int { code, _ := w.run("daemon", "status", "--alive"); return code }
	kill(t, pid, syscall.SIGSTOP) // heartbeat_timeout is far away
	eventually(t, "the standing grabber is seen", func() bool { v, code := w.look(); return code == 1 && v.Grabber.Alive && !v.Grabber.Beating })
	if code := alive(); code != 0 {
		t.Errorf("the daemon is not alive (%d) while its grabber stands", code)
	}
	kill(t, pid, syscall.SIGCONT)
	eventually(t, "it is well again", func() bool { _, code := w.look(); return code == 0 })

	d.stop()
	if code := alive(); code != 1 {
		t.Errorf("a daemon that has stopped: --alive exits %d", code)
	}
	v, code = w.look()
	if code != 1 || v.Daemon.Alive || v.Grabber.State != "stopped" || v.Uploader.State != "stopped" {
		t.Errorf("stopped: exit %d, %+v", code, v)
	}
	g := w.start("grabber")
	eventually(t, "it captures", func() bool { return w.status("grabber").PID == g.pid() })
	g.kill()
	if v, code = w.look(); code != 1 || v.Grabber.Alive || v.Grabber.State != "gone" {
		t.Errorf("killed: exit %d, %+v", code, v)
	}
}

func TestStatusWatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, nil)
	w.stock(1)
	p := w.start("daemon", "status", "--watch", "--json")
	eventually(t, "it is shown twice", func() bool { return strings.Count(p.out.String(), `"backlog"`) >= 2 })
	p.stop()
}

// TestStatusNeedsNoRightToWrite: who only looks changes nothing.
func TestStatusNeedsNoRightToWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, nil)
	w.t = t
	mountTmpfs(t, w.store, "size=1m")
	w.stock(1)
	put(t, filepath.Join(w.store, ".state", "grabber.lock"), "")
	remountReadOnly(t, w.store)
	if v, code := w.look(); code != 1 || v.Backlog.Files != 1 {
		t.Errorf("exit %d, %+v; want a look at one file", code, v)
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(w *world)
		code  int
		says  []string
	}{
		{"dead defaults", func(w *world) {
			w.set("stream_url", "https://stream.twitter.com/1.1/statuses/sample.json")
			w.set("upload_url", "http://node2.storj.io/api/upload")
		}, 1, []string{"switched v1.1 streams off", "make demo", "gone"}},
		{"no credentials", func(w *world) { os.Remove(w.dir + "/config_twitter_oauth.ini") }, 1, []string{"FAIL", "credentials", "daemon auth -c " /* the path follows */}},
		{"clock", func(w *world) { w.tw.SetFault("skew=9m") }, 1, []string{"clock", "behind"}},
		{"nobody there", func(w *world) { w.tw.Close(); w.node.Close() }, 1, []string{"stream", "node", "refused"}},
		{"newer store", func(w *world) { w.makeStore(); put(w.t, w.store+"/.state/version", "2\n") }, 1, []string{"newer"}},
		{"misspelt key", func(w *world) { w.set("upload_retry", "3") }, 0, []string{"note", "upload_retries"}},
		{"nothing is wrong", func(w *world) {}, 0, []string{"at the first start"}},
		{"bad value", func(w *world) { w.set("upload_retries", "many") }, 3, []string{"upload_retries", "many"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, nil)
			tt.spoil(w)
			code, out := w.run("daemon", "check")
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			has(t, "check", out, tt.says...)
		})
	}
}
