//go:build unix

package supervisor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/storj/twitter-stream/pkg/process"
	"github.com/storj/twitter-stream/pkg/status"
)

func TestRealGoodChildStopsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDen(t, "good", 30*time.Second)
	pid := d.running()
	// Ctrl-C goes to the terminal's foreground group: the child has its own.
	if group, err := unix.Getpgid(pid); err != nil || group != pid || group == unix.Getpgrp() {
		t.Errorf("group of child %d = %d, %v; want one of its own", pid, group, err)
	}
	began := time.Now()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > termWait {
		t.Errorf("stopping took %v: the child was not asked but killed", took)
	}
	if c := d.child(); c.State != status.Stopped || c.LastExit != "exit 0" {
		t.Errorf("status = %+v, want stopped, exit 0", c)
	}
}

func TestRealCrashIsQuoted(t *testing.T) {
	t.Parallel()
	d := newDen(t, "crash", 30*time.Second)
	if c := d.restarted(); c.LastExit != "exit 2" {
		t.Errorf("last exit = %q, want exit 2", c.LastExit)
	}
	if got := d.logged("output"); !strings.Contains(got, "panic: made to crash") {
		t.Errorf("output in the log = %q, want the panic", got)
	}
}

func TestRealKilledFromOutside(t *testing.T) {
	t.Parallel()
	d := newDen(t, "good", 30*time.Second)
	if err := unix.Kill(d.running(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if c := d.restarted(); c.LastExit != "signal killed" {
		t.Errorf("last exit = %q, want signal killed", c.LastExit)
	}
	d.running()
}

func TestRealDeafChildIsKilled(t *testing.T) {
	t.Parallel()
	d := newDen(t, "deaf", 30*time.Second)
	d.running()
	began := time.Now()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < termWait {
		t.Errorf("stopping took %v, want SIGKILL only after %v", took, termWait)
	}
	if c := d.child(); c.LastExit != "signal killed" {
		t.Errorf("last exit = %q, want signal killed", c.LastExit)
	}
}

func TestRealSecondSignalKillsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDen(t, "deaf", 30*time.Second)
	d.running()
	began := time.Now()
	d.super.Kill()
	if err := d.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > termWait {
		t.Errorf("killing took %v", took)
	}
}

// A hung child shows its stacks before it is killed.
func TestRealHungChildShowsItsStacks(t *testing.T) {
	t.Parallel()
	d := newDen(t, "deaf-hung", 3*time.Second)
	d.running()
	if c := d.restarted(); c.LastExit != "exit 2" {
		t.Errorf("last exit = %q, want exit 2, which SIGQUIT gives", c.LastExit)
	}
	b, err := os.ReadFile(d.out)
	if err != nil || !strings.Contains(string(b), "impersonate") {
		t.Errorf("output = %d bytes, %v; want a stack with the function that hangs", len(b), err)
	}
}

// A stopped child counts as hung, and is woken so that it can end well.
func TestRealStoppedChild(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ role, exit string }{{"good", "exit 0"}, {"deaf-hung", "exit 2"}} {
		t.Run(tt.role, func(t *testing.T) {
			t.Parallel()
			d := newDen(t, tt.role, 3*time.Second)
			if err := unix.Kill(d.running(), unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			if c := d.restarted(); c.LastExit != tt.exit {
				t.Errorf("last exit = %q, want %q", c.LastExit, tt.exit)
			}
		})
	}
}

// A child that floods its output fills neither memory nor disk.
func TestRealFloodingChild(t *testing.T) {
	t.Parallel()
	d := newDen(t, "flood", 30*time.Second)
	d.until("the flood was emptied", func() bool {
		for _, e := range d.logs.AllEntries() {
			if strings.Contains(e.Message, "emptied") {
				return true
			}
		}
		return false
	})
	if c := d.child(); c.Restarts != 0 {
		t.Errorf("status = %+v, want the child to go on", c)
	}
}

// What a child has left in its group goes with it.
func TestRealGrandchildGoesToo(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("only Linux lets a dead child's group be swept safely")
	}
	d := newDen(t, "fork", 30*time.Second)
	d.restarted()
	b, err := os.ReadFile(d.out)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`grandchild (\d+)`).FindSubmatch(b)
	if found == nil {
		t.Fatalf("output = %q, want a grandchild's pid", b)
	}
	pid, _ := strconv.Atoi(string(found[1]))
	d.until("the grandchild is gone", func() bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) || zombie(pid) })
}

// What a dead daemon left behind and somebody has stopped keeps the lock for
// ever: it is woken and ended, and only then the new child works.
func TestRealStoppedOrphan(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "orphan")
	daemon := exec.Command(self)
	daemon.Env = append(os.Environ(), roleVariable+"=daemon", orphanVariable+"="+file, statusVariable+"="+file+".json")
	if err := daemon.Run(); err != nil { // it is dead when this returns
		t.Fatal(err)
	}
	orphan := orphanOf(file)
	t.Cleanup(func() { _ = unix.Kill(orphan, unix.SIGKILL) })
	id, alive := process.Find(orphan)
	if !alive {
		t.Skip("the system does not tell who a process is")
	}
	awaitFile(t, file+".json") // it works, so it hears signals
	if err := unix.Kill(orphan, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	holder := Holder{PID: id.PID, Started: id.Started, Exe: id.Exe, Parent: daemon.Process.Pid}
	d := newDen(t, "locked", 30*time.Second, func(c *Child) {
		c.Env = append(c.Env, orphanVariable+"="+file)
		c.Holder = func() (Holder, bool) { return holder, true }
	})
	if c := d.restarted(); c.LastExit != "exit 5" {
		t.Errorf("last exit = %q, want exit 5", c.LastExit)
	}
	d.running()
	if _, alive := process.Find(orphan); alive {
		t.Error("the orphan still lives")
	}
	if _, err := os.Stat(file + ".json" + cleanSuffix); err != nil {
		t.Errorf("the orphan did not end well: %v", err)
	}
}

func TestRealMissingBinary(t *testing.T) {
	t.Parallel()
	_, err := startProcess(Child{Path: "/nonexistent/grabber"}, nil)
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/grabber") {
		t.Errorf("start = %v, want an error that names the file", err)
	}
}
