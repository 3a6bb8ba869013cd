//go:build unix

package cmd_test

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// TestInvariants2And4UnderADaemon kills random children of a daemon, and the
// daemon itself now and then, while node and stream have their faults, too.
func TestInvariants2And4UnderADaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t,
		sandbox.TwitterConfig{Rate: 1000, SendBuffer: 32 << 10},
		sandbox.NodeConfig{Faults: []string{"flaky=0.1", "reset-after-body*5", "lie*5"}},
		quick("grabber_cut_size", "64", "grabber_sync_interval", "200ms", "restart_backoff", "10ms-100ms", "upload_retries", "5"))
	w.leavesNothing()
	d := w.start("daemon")
	w.bothWork(d)
	const ends = 20
	daemons := 0
	for i := range ends {
		switch i % 7 {
		case 4:
			if err := w.tw.SetFault([]string{"half-message=100*1", "reset=50*1", "truncated-gzip=70*1"}[i/7]); err != nil {
				t.Fatal(err)
			}
			d = w.killDaemon(d)
			daemons++
		default:
			w.killChild([]string{"grabber", "uploader"}[rand.IntN(2)])
		}
		if i%3 == 0 {
			w.booksBalance()
		}
		if t.Failed() {
			return
		}
	}
	w.bothWork(d)
	d.stop()
	if err := w.node.SetFault(); err != nil {
		t.Fatal(err)
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	if left := w.names(func(string) bool { return true }); len(left) > 0 {
		t.Errorf("left in the store: %v", left)
	}
	w.balance(ends)
	t.Logf("%d daemons were killed", daemons)
}

// killChild lets a random while pass and kills what then runs; it returns when
// another one runs.
func (w *world) killChild(name string) {
	w.t.Helper()
	<-time.After(time.Duration(rand.Int64N(int64(200 * time.Millisecond))))
	var pid int
	eventually(w.t, name+" lives", func() bool { pid, _, _, _ = w.child(name); return alive(pid) })
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended in this moment
	eventually(w.t, name+" was started again", func() bool {
		now, _, _, _ := w.child(name)
		return now > 0 && now != pid
	})
}

// killDaemon kills the daemon and starts another one at once, which finds the
// dying children of the first.
func (w *world) killDaemon(d *proc) *proc {
	w.t.Helper()
	d.kill()
	next := w.start("daemon")
	w.bothWork(next)
	return next
}
