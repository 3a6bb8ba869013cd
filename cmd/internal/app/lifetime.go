package app

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/process"
	"github.com/storj/twitter-stream/pkg/store"
)

// orphanLooks is how often a child looks whether its daemon still lives, and
// orphanGrace how long it may then take to end: both children are gone within
// two seconds of the daemon's death.
const (
	orphanLooks = 200 * time.Millisecond
	orphanGrace = 1500 * time.Millisecond
)

func parentPID() int {
	pid, err := strconv.Atoi(os.Getenv(process.ParentVariable))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// Lifetime returns a context that ends when this process shall stop. Alone:
// at SIGINT, SIGTERM or SIGHUP, and one more of them, a second later or more,
// ends the process at once; sooner ones are the same wish told twice, as
// timeout(1) and many a shell do. Supervised: at the first SIGTERM or SIGINT,
// every further one being ignored, since the daemon has SIGKILL for the
// impatient; and when the daemon is gone, in which case the process ends soon
// even if it cannot stop properly.
func (f *Frame) Lifetime(parent context.Context) (context.Context, context.CancelFunc) {
	_ = process.NoCoreDump()       // the worst case is a core file in the owner's own directory
	signal.Ignore(syscall.SIGPIPE) // a reader of --stdout that goes away is an error of write, not our death
	ctx, cancel := context.WithCancel(parent)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	notice(asked, os.Interrupt)
	if !f.Supervised() {
		notice(asked, syscall.SIGHUP)
		go obey(asked, cancel, func() { os.Exit(exitcode.Failed) })
		return ctx, cancel
	}
	signal.Ignore(syscall.SIGHUP)
	go obey(asked, cancel, func() {})
	go process.WatchParent(parent, f.supervised, orphanLooks, func() {
		cancel()
		time.AfterFunc(orphanGrace, func() { os.Exit(exitcode.Done) })
	})
	return ctx, cancel
}

// notice listens to a signal unless whoever started us had it ignored, as nohup
// does with SIGHUP and a shell with a background job's SIGINT.
func notice(c chan<- os.Signal, sig os.Signal) {
	if !signal.Ignored(sig) {
		signal.Notify(c, sig)
	}
}

// obey calls stop at the first signal and again at each that comes a second
// or more after it.
func obey(asked <-chan os.Signal, stop, again func()) {
	<-asked
	first := time.Now()
	stop()
	for range asked {
		if time.Since(first) >= time.Second {
			again()
		}
	}
}

// Holder returns what this process writes into the lock of its role.
func (f *Frame) Holder() store.Holder {
	self := process.Self()
	return store.Holder{PID: self.PID, Started: self.Started, Exe: self.Exe, Parent: f.supervised}
}
