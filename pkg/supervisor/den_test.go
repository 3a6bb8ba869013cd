//go:build unix

package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"golang.org/x/sys/unix"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/status"
)

// patience is far more than anything here takes on a busy machine.
const patience = 100 * time.Second

// den is a supervisor over one real process in a role.
type den struct {
	t    *testing.T
	out  string
	logs *logtest.Hook
	stop func() error

	super *Supervisor
	mu    sync.Mutex // guards what follows
	last  status.Daemon
	pids  map[int]bool // all that were ever shown
}

func newDen(t *testing.T, role string, heartbeat time.Duration, changes ...func(*Child)) *den {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	state := filepath.Join(dir, "child.json")
	log, hook := logtest.NewNullLogger()
	d := &den{t: t, out: filepath.Join(dir, "child.out"), logs: hook, pids: map[int]bool{}}
	child := Child{
		Name: "child", Path: self, Dir: dir, OutFile: d.out,
		Env:    append(os.Environ(), roleVariable+"="+role, statusVariable+"="+state, "GODEBUG=execwait=2"),
		Status: func() ([]byte, error) { return os.ReadFile(state) },
	}
	for _, change := range changes {
		change(&child)
	}
	cfg := Config{Children: []Child{child}, HeartbeatTimeout: heartbeat, RestartBackoff: backoff.Policy{First: time.Second, Max: 5 * time.Minute}}
	d.super, err = New(cfg, Deps{Log: logrus.NewEntry(log), WriteStatus: d.write})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- d.super.Run(ctx) }()
	d.stop = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() {
		d.super.Kill() // who is deaf would take ten seconds
		if err := d.stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		d.nobodyLeft()
	})
	return d
}

func (d *den) write(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = status.Daemon{}
	if err := json.Unmarshal(b, &d.last); err != nil {
		return err
	}
	for _, c := range d.last.Children {
		d.pids[c.PID] = c.PID > 0
	}
	return nil
}

func (d *den) child() status.Child {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.last.Children) == 0 {
		return status.Child{}
	}
	return d.last.Children[0]
}

// nobodyLeft: no process of any child's group lives when Run has returned.
func (d *den) nobodyLeft() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for pid, real := range d.pids {
		if real && groupLives(pid) {
			d.t.Errorf("process group %d is still there", pid)
		}
	}
}

// until waits for something to become true.
func (d *den) until(what string, ok func() bool) {
	d.t.Helper()
	late := time.After(patience)
	for !ok() {
		select {
		case <-late:
			d.t.Fatalf("waited %v until %s; status %+v", patience, what, d.child())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func awaitFile(t *testing.T, path string) {
	t.Helper()
	late := time.After(patience)
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-late:
			t.Fatalf("no %s in %v", path, patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (d *den) running() int {
	d.t.Helper()
	d.until("the child runs", func() bool { return d.child().State == status.Running })
	return d.child().PID
}

func (d *den) restarted() status.Child {
	d.t.Helper()
	d.until("the child was restarted", func() bool { return d.child().Restarts > 0 })
	return d.child()
}

// logged returns a field of the first entry that has it.
func (d *den) logged(field string) string {
	for _, e := range d.logs.AllEntries() {
		if v, ok := e.Data[field]; ok {
			return fmt.Sprint(v)
		}
	}
	return ""
}

// zombie: nobody may reap here what lost its parent.
func zombie(pid int) bool { return stat(pid)[0] == "Z" }

// groupLives reports whether a process group has a member that is no zombie.
func groupLives(group int) bool {
	if unix.Kill(-group, 0) != nil {
		return false
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if f := stat(pid); f[2] == strconv.Itoa(group) && f[0] != "Z" {
			return true
		}
	}
	return len(dirs) == 0 // without /proc, the signal's word
}

// stat returns state, parent and group of a process, blank when it is gone.
func stat(pid int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(b), ") ")
	return append(strings.Fields(after), "", "", "")
}
