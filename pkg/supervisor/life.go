package supervisor

import (
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// reason is why a life ended or is to end.
type reason int

const (
	unasked        reason = iota // by itself
	notStarted                   // it never ran
	stopped                      // the daemon was asked to stop it
	hung                         // its beat stood still
	newCredentials               // so that it reads them
)

// life is one run of a child's process.
type life struct {
	proc   childProcess
	ended  chan exit // gets one value when the process has been waited for
	over   bool      // that value has been taken, into exit
	exit   exit
	why    reason
	killed bool // by our own SIGKILL
	spec   Child
	out    *outFile
	began  time.Time
	ran    time.Duration

	before status.Common // what the status file said before this life
	marks  marks         // the watched files before this life
	last   status.Common // the last status that is this life's
	pulse  pulse
}

func newLife(before look, spec Child) *life {
	now := time.Now()
	return &life{
		ended: make(chan exit, 1), spec: spec, began: now,
		before: before.status, marks: before.marks, pulse: pulse{looked: now},
	}
}

// own reports whether a status was written by this life: pids come again (in a
// container at each start), so one that was there before does not count.
func (l *life) own(seen look) bool {
	s := seen.status
	return seen.ok && l.proc != nil && s.PID == l.proc.PID() &&
		(s.PID != l.before.PID || !s.Started.Equal(l.before.Started))
}

// take notes how the process ended.
func (l *life) take(end exit) { l.exit, l.over = end, true }
