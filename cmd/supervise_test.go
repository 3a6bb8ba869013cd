//go:build unix

package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// supervised is a world for a daemon: a slow stream, short waits.
func supervised(t testing.TB, more ...string) *world {
	t.Helper()
	return newWorld(t, sandbox.TwitterConfig{Rate: 200, KeepAlive: time.Second}, sandbox.NodeConfig{},
		quick(append([]string{"restart_backoff", "50ms-200ms", "grabber_cut_size", "16"}, more...)...))
}

// daemon starts one and waits until both children work. At the test's end
// nothing of it is left.
func (w *world) daemon(args ...string) *proc {
	w.t.Helper()
	d := w.begin(args...)
	w.bothWork(d)
	return d
}

// begin starts a daemon, of which nothing is left at the test's end.
func (w *world) begin(args ...string) *proc {
	w.t.Helper()
	w.leavesNothing()
	return w.start("daemon", args...)
}

// leavesNothing fails if a child outlives its test's processes: call it before
// they are started.
func (w *world) leavesNothing() {
	w.t.Helper()
	w.t.Cleanup(func() {
		for _, name := range []string{"grabber", "uploader"} {
			pid := w.status(name).PID
			_ = syscall.Kill(pid, syscall.SIGCONT)
			w.gone(pid, name)
		}
	})
}

// bothWork waits until the daemon's children are capturing and shipping.
func (w *world) bothWork(d *proc) {
	w.t.Helper()
	eventually(w.t, "both children work", func() bool {
		select {
		case <-d.ended:
			w.t.Fatalf("the daemon has ended:\n%s", d.out)
		default:
		}
		grabber, _, _, _ := w.child("grabber")
		uploader, _, _, _ := w.child("uploader")
		g, u := w.status("grabber"), w.status("uploader")
		return w.status("daemon").PID == d.pid() && grabber > 0 && uploader > 0 &&
			g.PID == grabber && u.PID == uploader && g.Messages > 0 && ships(u)
	})
}

// ships reports whether an uploader does its work.
func ships(u state) bool { return u.State == "idle" || u.State == "uploading" }

// gone waits, as long as five times the contract's two seconds, for the end of
// a process that is not the test's child.
func (w *world) gone(pid int, what string) {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; alive(pid); <-tick.C {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			w.t.Fatalf("%s (pid %d) is still there after 10 s", what, pid)
		}
	}
}

// logged waits for words in one line of the daemon's log.
func (w *world) logged(parts ...string) {
	w.t.Helper()
	eventually(w.t, "the daemon's log says "+strings.Join(parts, " … "), func() bool { return w.said(parts...) > 0 })
}

// said counts the lines of the daemon's log that hold all of the parts.
func (w *world) said(parts ...string) (n int) {
	w.t.Helper()
	for line := range strings.Lines(w.text("logs/daemon.log")) {
		if holds(line, parts...) {
			n++
		}
	}
	return n
}

func TestSupervisedChildrenComeBack(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	for _, name := range []string{"grabber", "uploader"} {
		pid, before, _, _ := w.child(name)
		kill(t, pid, syscall.SIGKILL)
		began := time.Now()
		eventually(t, name+" is back", func() bool {
			again, restarts, in, _ := w.child(name)
			return again != pid && again > 0 && restarts == before+1 && in == "running"
		})
		t.Logf("%s is back after %v", name, time.Since(began))
		if _, _, _, exit := w.child(name); !strings.Contains(exit, "kill") {
			t.Errorf("last exit of %s is %q, want the signal", name, exit)
		}
	}
	w.logged("killed from outside", "grabber")
	w.bothWork(d)
	d.stop()
	if s := w.status("daemon"); s.State != "stopped" {
		t.Errorf("the daemon's last status is %q, want stopped", s.State)
	}
	for _, name := range []string{"grabber", "uploader"} {
		if s := w.status(name); s.State != "stopped" || alive(s.PID) {
			t.Errorf("%s is left as %+v", name, s)
		}
	}
	if left := w.text("store/grabber.dat"); left != "" {
		t.Errorf("a working file of %d bytes is left after an orderly end", len(left))
	}
}

func kill(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if pid <= 0 {
		t.Fatalf("no process to send %v to", sig)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("send %v to %d: %v", sig, pid, err)
	}
}

func TestSupervisedHungChildIsRestarted(t *testing.T) {
	t.Parallel()
	w := supervised(t, "heartbeat_timeout", "3s")
	d := w.daemon()
	pid, _, _, _ := w.child("grabber")
	kill(t, pid, syscall.SIGSTOP)
	w.logged("hang", "grabber")
	eventually(t, "the grabber is another one", func() bool {
		now, _, in, _ := w.child("grabber")
		return now != pid && in == "running"
	})
	if alive(pid) {
		t.Errorf("the hung grabber (pid %d) is still there", pid)
	}
	w.bothWork(d)
	d.stop()
}

func TestSupervisedDaemonDiesAndChildrenWithIt(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	grabber, _, _, _ := w.child("grabber")
	uploader, _, _, _ := w.child("uploader")
	d.kill()
	died := time.Now()
	w.gone(grabber, "grabber")
	w.gone(uploader, "uploader")
	t.Logf("both are gone after %v", time.Since(died))
	if s := w.status("grabber"); s.State != "stopped" {
		t.Errorf("the grabber ended as %q, want an orderly end", s.State)
	}
}

func TestSupervisedDoubleSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	for _, name := range []string{"grabber", "uploader"} { // deaf: ten seconds each
		pid, _, _, _ := w.child(name)
		kill(t, pid, syscall.SIGSTOP)
	}
	d.signal(syscall.SIGINT)
	eventually(t, "the daemon stops", func() bool { return strings.Contains(d.out.String(), "asked to stop") })
	again := time.Now()
	eventually(t, "the daemon ends", func() bool { // not at the first of them, which may be the same wish
		d.signal(syscall.SIGINT)
		select {
		case <-d.ended:
			return true
		default:
			return false
		}
	})
	if took := time.Since(again); took > 8*time.Second {
		t.Errorf("the end took %v after the second signal: the first one's ten seconds were waited for", took)
	}
}

// timeout(1) tells the process and then its group.
func TestSupervisedSignalToldTwiceIsOne(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	for range 2 {
		d.signal(syscall.SIGTERM)
	}
	d.wait()
	if out := d.out.String(); strings.Contains(out, "killed") {
		t.Errorf("the children were killed:\n%s", out)
	}
	if s := w.status("grabber"); s.State != "stopped" {
		t.Errorf("the grabber ended as %q, want an orderly end", s.State)
	}
}

func TestSupervisedReload(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	before, _, _, _ := w.child("grabber")
	w.set("upload_concurrency", "none of them")
	d.signal(syscall.SIGHUP)
	w.logged("not taken", "upload_concurrency")
	if now, _, _, _ := w.child("grabber"); now != before {
		t.Errorf("a bad configuration restarted the grabber")
	}
	w.set("upload_concurrency", "2")
	w.set("grabber_storage_directory", "elsewhere")
	d.signal(syscall.SIGHUP)
	w.logged("not taken", "restart of the daemon")
	w.set("grabber_storage_directory", "store")
	w.set("tweet_file_prefix", "renamed-")
	d.signal(syscall.SIGHUP)
	eventually(t, "the new prefix is used", func() bool {
		now, _, _, _ := w.child("grabber")
		return now != before && now > 0 && strings.Contains(w.text("store/ledger/"+time.Now().UTC().Format("2006-01")+".jsonl"), `"renamed-`)
	})
	d.stop()
}

func TestSupervisedStoppedOrphanIsFreed(t *testing.T) {
	t.Parallel()
	adoptOrphans(t)
	w := supervised(t)
	first := w.daemon()
	orphan, _, _, _ := w.child("grabber")
	kill(t, orphan, syscall.SIGSTOP)
	first.kill()
	w.t.Cleanup(func() { _ = syscall.Kill(orphan, syscall.SIGKILL) }) // if nobody has freed it
	second := w.daemon()
	w.gone(orphan, "orphan")
	w.logged("left behind")
	second.stop()
}

// TestSupervisedCrashLoopDoesNotHammer puts scripts in the children's place.
func TestSupervisedCrashLoopDoesNotHammer(t *testing.T) {
	t.Parallel()
	w := supervised(t, "restart_backoff", "1s-5m")
	programs := filepath.Join(w.dir, "bin")
	put(t, filepath.Join(programs, "grabber"), "#!/bin/sh\necho start >> "+w.dir+"/starts\necho 'panic: of a kind' >&2\nexit 2\n")
	install(t, programs, "daemon", "uploader")
	if err := os.Chmod(filepath.Join(programs, "grabber"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.leavesNothing()
	d := startAt(t, filepath.Join(programs, "daemon"), nil, "-c", w.config)
	starts := func() int { return strings.Count(w.text("starts"), "\n") }
	eventually(t, "the third start", func() bool { return starts() >= 3 })
	eventually(t, "the uploader works meanwhile", func() bool { return ships(w.status("uploader")) })
	w.logged("crashed", "exit 2", "panic: of a kind")
	if err := os.Remove(filepath.Join(programs, "uploader")); err != nil {
		t.Fatal(err)
	}
	var pid int
	eventually(t, "the daemon tells of the uploader", func() bool { pid, _, _, _ = w.child("uploader"); return pid > 0 })
	kill(t, pid, syscall.SIGKILL)
	w.logged("uploader", "could not be started")
	install(t, programs, "uploader")
	eventually(t, "the uploader is back", func() bool {
		now, _, in, _ := w.child("uploader")
		return now > 0 && now != pid && in == "running"
	})
	began, before := time.Now(), starts()
	_, restarts, _, _ := w.child("grabber")
	eventually(t, "another start", func() bool { return starts() > before })
	if n := starts(); n > 8 || restarts > 8 {
		t.Errorf("started %d times within the first seconds (%v for the last): this hammers", n, time.Since(began))
	}
	d.stop()
}

// install links programs into a directory.
func install(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Link(filepath.Join(bin, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSupervisedRefusedCredentialsWaitForAPerson(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	good := w.text("config_twitter_oauth.ini")
	put(t, filepath.Join(w.dir, "config_twitter_oauth.ini"), strings.ReplaceAll(good, w.tw.Credentials().OAuthTokenSecret, "wrong"))
	d := w.begin()
	w.logged("refused its credentials", "exit 4")
	asked := len(w.tw.Attempts())
	eventually(t, "the uploader works all the same", func() bool { return ships(w.status("uploader")) })
	if n := len(w.tw.Attempts()); n > asked {
		t.Errorf("asked %d times more without a change: this hammers", n-asked)
	}
	if n := w.said("refused its credentials"); n != 1 {
		t.Errorf("said %d times, want once", n)
	}
	put(t, filepath.Join(w.dir, "config_twitter_oauth.ini"), good)
	w.bothWork(d)
	d.stop()
}

// TestSupervisedConfigurationPutRight: any change of config.ini is a new try.
func TestSupervisedConfigurationPutRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 100, Faults: []string{"404*1"}}, sandbox.NodeConfig{}, quick())
	d := w.begin()
	w.logged("put right", "exit 3")
	w.set("grabber_cut_size", "17")
	w.bothWork(d)
	d.stop()
}

func TestSupervisedOneChildOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ key, runs, not string }{
		{"stream_url", "uploader", "grabber"}, {"upload_url", "grabber", "uploader"},
	} {
		t.Run(tt.key, func(t *testing.T) {
			t.Parallel()
			w := supervised(t, tt.key, "none")
			d := w.start("daemon")
			w.leavesNothing()
			eventually(t, tt.runs+" runs", func() bool { _, _, in, _ := w.child(tt.runs); return in == "running" })
			if n := len(w.status("daemon").Children); n != 1 || w.status(tt.not).PID != 0 {
				t.Errorf("%d children, and a %s with pid %d", n, tt.not, w.status(tt.not).PID)
			}
			if code, out := w.run("daemon", "status"); code != 0 {
				t.Errorf("status exits %d though all that is configured runs:\n%s", code, out)
			}
			d.stop()
		})
	}
}

// TestSupervisedStoreGone takes the store away and brings it back.
func TestSupervisedStoreGone(t *testing.T) {
	t.Parallel()
	w := supervised(t)
	d := w.daemon()
	aside := w.store + ".aside"
	if err := os.Rename(w.store, aside); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, name := range []string{"grabber", "uploader"} {
		var s state
		readStatus(t, aside, name, &s)
		pids = append(pids, s.PID)
	}
	w.logged("store is gone")
	for _, pid := range pids {
		w.gone(pid, "a child without a store")
	}
	w.logged("child cannot use the store", "exit 5", "grabber")
	w.logged("child cannot use the store", "exit 5", "uploader")
	if _, err := os.Lstat(w.store); !os.IsNotExist(err) {
		t.Errorf("something has made a store anew: %v", err)
	}
	if err := os.Rename(aside, w.store); err != nil {
		t.Fatal(err)
	}
	w.logged("store is back")
	w.bothWork(d)
	d.stop()
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Errorf("uploader --drain exited %d:\n%s", code, out)
	}
	lines(t, w.captured())
}

// TestSupervisedPersistentFailureIsPatient: restarts cut no wait short.
func TestSupervisedPersistentFailureIsPatient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Faults: []string{"503"}}, sandbox.NodeConfig{},
		quick("grabber_backoff_http", "2s-2s"))
	d := w.begin()
	eventually(t, "it was started again", func() bool { _, n, _, _ := w.child("grabber"); return n >= 2 })
	requests := w.tw.Attempts()
	for i := 1; i < len(requests); i++ {
		if apart := requests[i].Time.Sub(requests[i-1].Time); apart < 1500*time.Millisecond {
			t.Errorf("requests %d and %d are %v apart: a restart has cut the wait of 2 s short", i, i+1, apart)
		}
	}
	d.stop()
}
