// Package process tells one process from another and keeps a supervised one
// decent: its identity (pid, start time, executable) so that a recycled pid is
// never mistaken for the one meant, the watch over its parent, no core dumps.
//
// It must not know why a process runs or what it does.
package process

import (
	"context"
	"os"
	"time"
)

// ParentVariable is the environment variable by which a daemon tells a child
// its own pid, so that the child ends when that is no longer its parent.
const ParentVariable = "TWITTER_STREAM_DAEMON_PID"

// Identity is a process that cannot be mixed up with a later one of its pid.
type Identity struct {
	PID     int
	Started string // opaque; equal for the same process only; "" where the system does not tell
	Exe     string // path of the executable, "" where the system does not tell
}

// Same reports whether both are certainly the same process: what the system
// did not tell matches nothing.
func (id Identity) Same(other Identity) bool {
	return id == other && id.PID > 0 && id.Started != "" && id.Exe != ""
}

// Self returns this process's identity.
func Self() Identity {
	if id, ok := Find(os.Getpid()); ok {
		return id
	}
	exe, _ := os.Executable() // "" says that it is not known
	return Identity{PID: os.Getpid(), Exe: exe}
}

// Find returns the identity of a living process; ok is false when there is
// none with that pid (one that has ended and is not yet reaped is none), or
// the system does not tell.
func Find(pid int) (id Identity, ok bool) {
	if pid <= 0 {
		return Identity{}, false
	}
	return find(pid)
}

// Parent returns the pid of a living process's parent now, which is another
// one than that which started it once that has ended; ok as in Find.
func Parent(pid int) (parent int, ok bool) {
	if pid <= 0 {
		return 0, false
	}
	return parentOf(pid)
}

// Boot returns what tells this boot of the machine from others, "" where the
// system does not tell.
func Boot() string { return boot() }

// Uptime returns how long ago the machine was booted, the time that it slept
// included, 0 where the system does not tell.
func Uptime() time.Duration { return uptime() }

// WatchParent calls gone once when os.Getppid() is no longer parent: at once,
// or, where the system does not tell of a process's end, looking every
// interval, until ctx ends. It blocks.
func WatchParent(ctx context.Context, parent int, every time.Duration, gone func()) {
	ended, stop := endOf(parent)
	defer stop()
	var tick <-chan time.Time
	if ended == nil {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		tick = ticker.C
	}
	for ctx.Err() == nil {
		// Asking whether the pid lives would be wrong: it may be another's by
		// now. What is our parent still is the process that ended means.
		if os.Getppid() != parent {
			gone()
			return
		}
		select {
		case <-ctx.Done():
		case <-ended:
			gone()
			return
		case <-tick:
		}
	}
}
