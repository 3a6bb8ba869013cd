//go:build unix

package cmd_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// TestExitUsage is what happens before a service is asked for anything.
func TestExitUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.ini")
	put(t, garbage, strings.Repeat("\x00\xff[[=;%\n", 128<<10))
	wrong := filepath.Join(dir, "wrong.ini")
	put(t, wrong, "[DEFAULT]\ngrabber_cut_size = many\nupload_concurrency = 0\nheartbeat_timeout = soon\n")
	none := filepath.Join(dir, "none.ini")
	put(t, none, "[DEFAULT]\nstream_url = none\n")
	nowhere := filepath.Join(dir, "nowhere.ini")
	put(t, nowhere, "[DEFAULT]\nupload_url = none\n")
	neither := filepath.Join(dir, "neither.ini")
	put(t, neither, "[DEFAULT]\nupload_url = none\nstream_url = none\n")
	section := filepath.Join(dir, "section.ini")
	put(t, section, "[twitter]\nstream_url = none\n")
	for _, tt := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"unknown flag", []string{"grabber", "--mesages", "3"}, 2, []string{"unknown flag", "did you mean --messages?"}},
		{"unknown flag of the daemon", []string{"daemon", "--stroe", "x"}, 2, []string{"did you mean --store?"}},
		{"bad value of a flag", []string{"grabber", "--duration", "long"}, 2, []string{"--duration"}},
		{"unknown command", []string{"daemon", "statsu"}, 2, []string{"statsu", "did you mean status?"}},
		{"argument too many", []string{"uploader", "retry", "a", "b"}, 2, nil},
		{"argument too few", []string{"uploader", "push"}, 2, nil},
		{"missing file", []string{"daemon", "-c", filepath.Join(dir, "missing.ini")}, 3, []string{"missing.ini"}},
		{"directory", []string{"grabber", "-c", dir}, 3, []string{dir}},
		{"garbage", []string{"grabber", "-c", garbage}, 3, []string{"garbage.ini"}},
		{"wrong section", []string{"grabber", "-c", section}, 3, []string{"[DEFAULT]"}},
		{"all that is wrong in one run", []string{"uploader", "-c", wrong}, 3, []string{
			"wrong.ini", "grabber_cut_size", "many", "upload_concurrency", "heartbeat_timeout", "soon"}},
		{"nothing to capture", []string{"grabber", "-c", none}, 3, []string{"stream_url is none"}},
		{"neither", []string{"daemon", "-c", neither}, 3, []string{"nothing to do"}},
		{"nowhere to upload", []string{"uploader", "-c", nowhere}, 3, []string{"upload_url is none"}},
		{"push nowhere", []string{"uploader", "push", garbage, "-c", nowhere}, 3, []string{"upload_url is none"}},
		{"version", []string{"uploader", "--version"}, 0, []string{"uploader "}},
		{"help", []string{"daemon", "--help"}, 0, []string{"EXIT STATUS", "Examples:"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, out := run(t, tt.args[0], tt.args[1:]...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			has(t, "it", out, tt.says...)
			if len(out) > 8<<10 || strings.Contains(out, "goroutine ") {
				t.Errorf("said %d bytes, or a stack: %.2000s", len(out), out)
			}
		})
	}
}

// TestExitUnknownKey warns and goes on.
func TestExitUnknownKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("grabber_cutsize", "7"))
	code, out := w.run("grabber", "--messages", "1")
	if code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	has(t, "it", out, "grabber_cutsize", "grabber_cut_size")
}

// TestExitStream is what the grabber makes of what a stream answers.
func TestExitStream(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault string
		tries int // at least, of requests
		code  int
		says  []string
	}{
		{"401", "401", 1, 4, []string{"401 Unauthorized", "the credentials were refused", "daemon auth"}},
		{"401 by a wrong clock", "skew=17m", 1, 4, []string{"your clock is 17 min behind", "set the clock"}},
		{"401 by a clock ahead", "skew=-3h", 1, 4, []string{"your clock is 3 hours ahead"}},
		{"revoked", "json-error=89", 1, 4, []string{"revoked"}},
		{"403", "403", 1, 4, []string{"403 Forbidden", "v1.1", "make demo"}},
		{"404", "404", 1, 3, []string{"there is no such stream", "stream_url"}},
		{"406", "406", 1, 3, []string{"stream_parameters"}},
		{"410", "410", 1, 3, []string{"Twitter switched API v1.1 off", "make demo"}},
		{"413", "413", 1, 3, []string{"too long"}},
		{"416", "416", 1, 3, []string{"count"}},
		{"redirect", "redirect=https://user:hunter2@elsewhere.example/stream?key=hunter2", 1, 3, []string{"moved to https://elsewhere.example/stream"}},
		{"503 after its retries", "503", 3, 1, []string{"503 Service Unavailable"}},
		{"a web page", "html", 3, 1, []string{"a web page instead of a stream"}},
		{"no connection", "reset-listener", 0, 1, []string{"refused"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			faults := []string{tt.fault}
			if tt.fault == "reset-listener" {
				faults = nil
			}
			w := newWorld(t, sandbox.TwitterConfig{Faults: faults}, sandbox.NodeConfig{}, quick("grabber_retries", "2"))
			if faults == nil {
				w.tw.Close()
			}
			code, out := w.run("grabber")
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			has(t, "it", out, tt.says...)
			if n := len(w.tw.Attempts()); n < tt.tries || n > 3 {
				t.Errorf("%d requests, want %d to 3", n, tt.tries)
			}
			if s := w.status("grabber"); s.State != "failed" || s.LastError == "" {
				t.Errorf("last status is %+v, want failed and why", s)
			}
			w.keepsSecrets(out)
			w.filesBelow(func(path string, data []byte) {
				if strings.Contains(string(data), "hunter2") {
					t.Errorf("%s holds a URL's secret", path)
				}
			})
		})
	}
}

// TestExitRateLimitIsWaitedOut costs no retry, in any of its three forms.
func TestExitRateLimitIsWaitedOut(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"calm*2", "420*2", "exceeded*2", "rate-limit=1*1", "disconnect=7*1"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.TwitterConfig{Faults: []string{fault}}, sandbox.NodeConfig{}, quick())
			if code, out := w.run("grabber", "--messages", "50"); code != 0 {
				t.Errorf("exit %d, want 0:\n%s", code, out)
			}
			if left := w.text("store/.state/grabber.backoff.json"); left != "" {
				t.Errorf("a message came, but a wait is left: %s", left)
			}
		})
	}
}

// TestExitBackoffSurvives: neither a restart nor a kill shortens a wait.
func TestExitBackoffSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Faults: []string{"calm"}}, sandbox.NodeConfig{},
		quick("grabber_backoff_rate_limit", "1h-2h"))
	first := w.start("grabber")
	var saved struct {
		Kind string
		Step int
		Wait time.Duration
	}
	eventually(t, "the back-off is saved", func() bool {
		return json.Unmarshal([]byte(w.text("store/.state/grabber.backoff.json")), &saved) == nil && saved.Step > 0
	})
	first.kill()
	if !strings.Contains(saved.Kind, "rate") || saved.Wait < 45*time.Minute || saved.Wait > 72*time.Minute {
		t.Errorf("saved %+v, want about an hour of a rate limit", saved)
	}
	asked := len(w.tw.Attempts())
	w.forget("grabber")
	second := w.start("grabber")
	eventually(t, "the next one waits", func() bool { return w.status("grabber").State == "waiting" })
	has(t, "its status", w.status("grabber").Detail, "before this one")
	second.stop()
	if n := len(w.tw.Attempts()); n != asked || asked != 1 {
		t.Errorf("asked %d times, then %d: the wait was not kept", asked, n-asked)
	}
	// Other credentials begin anew.
	w.set("stream_url", w.tw.URL()+"/1.1/statuses/filter.json?track=x")
	if err := w.tw.SetFault(); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("grabber", "--messages", "1"); code != 0 {
		t.Errorf("exit %d with another stream, want 0:\n%s", code, out)
	}
}

// TestExitLocked: the second of a kind names the first.
func TestExitLocked(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"grabber", "uploader", "daemon"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.TwitterConfig{Rate: 10}, sandbox.NodeConfig{}, nil)
			first := w.start(name)
			eventually(t, name+" runs", func() bool { return w.status(name).PID == first.pid() })
			code, out := w.run(name)
			if code != 5 {
				t.Errorf("the second %s exited %d, want 5", name, code)
			}
			has(t, "it", out, fmt.Sprint(first.pid()), "--store")
			first.stop()
		})
	}
}

// TestExitStore is a store that cannot be used.
func TestExitStore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(w *world)
		says  []string
	}{
		{"newer", func(w *world) { put(t, w.store+"/.state/version", "99\n") }, []string{"version 99", "newer"}},
		{"garbled version", func(w *world) { put(t, w.store+"/.state/version", "one\n") }, []string{"not a layout version"}},
		{"a file", func(w *world) { os.RemoveAll(w.store); put(t, w.store, "") }, []string{"store"}},
		{"read-only", readOnly, []string{"read-only"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick())
			w.stock(1)
			w.t = t // so that what spoil skips is this one
			tt.spoil(w)
			for _, name := range []string{"grabber", "uploader", "daemon"} {
				code, out := w.run(name)
				if code != 5 {
					t.Errorf("%s exited %d, want 5", name, code)
				}
				has(t, name, out, append(tt.says, w.store)...)
			}
		})
	}
}

// readOnly puts a store where nobody may write, not even root.
func readOnly(w *world) {
	if os.Geteuid() != 0 {
		if err := os.Chmod(w.store, 0o500); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { os.Chmod(w.store, 0o700) })
		w.t.Skip("a read-only file system needs root to mount one")
	}
	mountTmpfs(w.t, w.store, "size=1m")
	w.makeStore()
	remountReadOnly(w.t, w.store)
}

// TestExitNode is what the uploader makes of a node that takes nothing.
func TestExitNode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		spoil  func(w *world)
		code   int
		says   []string
		budget int // uploads that the node may see at most
	}{
		{"wrong URL", func(w *world) { w.set("upload_url", w.node.URL()+"/api/uplaod") }, 3, []string{"404", "upload_url"}, 8},
		{"moved", fault("redirect=https://user:hunter2@elsewhere.example/up"), 3, []string{"moved to https://elsewhere.example/up"}, 8},
		{"401", fault("401"), 4, []string{"401", "upload_token"}, 8},
		{"403", fault("403"), 4, []string{"403", "upload_token"}, 8},
		{"500", fault("500"), 1, []string{"500"}, 20},
		{"lie", fault("lie"), 1, []string{"hash"}, 20},
		{"html", fault("html"), 1, nil, 20},
		{"no node", func(w *world) { w.node.Close() }, 1, []string{"refused"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{Token: uploadToken}, quick())
			names := w.stock(3)
			tt.spoil(w)
			code, out := w.run("uploader")
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			has(t, "it", out, tt.says...)
			if left := w.finished(); len(left) != len(names) {
				t.Errorf("%v are left, want all of %v", left, names)
			}
			if set := w.reasons(); len(set) > 0 {
				t.Errorf("set aside by a node that takes nothing: %v", set)
			}
			if n := len(w.node.Uploads()); n > tt.budget {
				t.Errorf("the node was asked %d times, want at most %d", n, tt.budget)
			}
			w.keepsSecrets(out)
			if strings.Contains(out, "hunter2") {
				t.Errorf("a URL's secret was said:\n%s", out)
			}
		})
	}
}

// fault throws a switch of the node.
func fault(spec ...string) func(*world) {
	return func(w *world) {
		w.t.Helper()
		if err := w.node.SetFault(spec...); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestSecretsStayWhereTheyAreKept runs everything, with faults and loudly.
func TestSecretsStayWhereTheyAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 500, Faults: []string{"401*1", "503*1"}}, sandbox.NodeConfig{Token: uploadToken, Faults: []string{"503*1", "lie*2"}},
		quick("grabber_cut_size", "64", "upload_retries", "4", "grabber_retries", "4", "restart_backoff", "10ms-100ms"))
	d := w.start("daemon", "-v")
	eventually(t, "something is shipped", func() bool { return w.booked() > 3 })
	for _, name := range []string{"grabber", "uploader"} {
		var pid int // 0 while it is down, and a signal to 0 would reach this very test
		eventually(t, name+" runs", func() bool { pid, _, _, _ = w.child(name); return alive(pid) })
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		for _, secret := range []string{uploadToken, w.tw.Credentials().OAuthTokenSecret, w.tw.Credentials().ConsumerSecret} {
			if strings.Contains(string(args), secret) {
				t.Errorf("%s has a secret among its arguments", name)
			}
		}
		_ = syscall.Kill(pid, syscall.SIGQUIT) // its stacks go into the .out file
	}
	eventually(t, "both have come back", func() bool {
		_, a, _, _ := w.child("grabber")
		_, b, _, _ := w.child("uploader")
		return a > 0 && b > 0
	})
	has(t, "grabber.out", w.text("logs/grabber.out"), "goroutine ")
	_, table := w.run("daemon", "status")
	_, view := w.run("daemon", "status", "--json")
	_, checked := w.run("daemon", "check")
	d.stop()
	w.keepsSecrets(d.out.String(), table, view, checked)
}

// TestExitNoLoopbackOverHTTP: credentials do not go over plain http to others.
func TestExitNoLoopbackOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("stream_url", "http://stream.example.com/1.1/statuses/sample.json"))
	code, out := w.run("grabber")
	if code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
	has(t, "it", out, "allow_insecure")
	for _, a := range w.tw.Attempts() {
		if a.Status != http.StatusOK {
			t.Errorf("asked for %s", a.Path)
		}
	}
}
