package status

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/cadence"
)

// Every is how often a status is written: as seldom as the promise of two
// seconds allows with some delay, since that is most of what an idle process
// does.
const Every = cadence.Status

// Pace is how often a process writes its status whose beat may stand still for
// heartbeat: three times in that, and no less often than Every.
func Pace(heartbeat time.Duration) time.Duration { return min(Every, heartbeat/3) }

// Reporter publishes a process's status. Its methods may be called from any
// goroutine; none of them but Run writes anything.
type Reporter struct {
	// Version is the program's; set it before Run.
	Version string
	// Pace is how often the status is written, Every by default; set it before
	// Run.
	Pace time.Duration

	write  func([]byte) error
	stages []*Stage

	mu        sync.Mutex // guards what follows
	common    Common
	inherited bool // LastError is a dead predecessor's
}

// New returns a reporter for this process, in state Starting. write replaces
// the status file atomically and without fsync: a status is worth nothing
// after a reboot. The beat moves only while all the stages keep their word.
func New(write func([]byte) error, stages ...*Stage) *Reporter {
	now := time.Now().UTC()
	return &Reporter{
		write:  write,
		stages: stages,
		Pace:   Every,
		common: Common{PID: os.Getpid(), Started: now, State: Starting, Since: now},
	}
}

// Inherit takes over the last error of the status file that was found at the
// start, so that a crash loop does not wipe away its own cause. It is dropped
// at the first Success. What cannot be read is ignored.
func (r *Reporter) Inherit(found []byte) {
	old, err := decodeCommon(found)
	if err != nil || old.LastError == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.common.LastError, r.common.LastErrorAt, r.inherited = old.LastError, old.LastErrorAt, true
}

// Enter says in which state the process is, with one sentence of detail or
// none. Since stays as it is when the state does.
func (r *Reporter) Enter(state, detail string) { r.enter(state, detail, time.Time{}) }

// Wait enters Waiting until next, the time of the next try.
func (r *Reporter) Wait(next time.Time, detail string) { r.enter(Waiting, detail, next.UTC()) }

func (r *Reporter) enter(state, detail string, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if state != r.common.State {
		r.common.State, r.common.Since = state, time.Now().UTC()
	}
	r.common.Detail, r.common.NextTry = detail, next
}

// State returns the state that was entered last.
func (r *Reporter) State() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.common.State
}

// Trouble notes an error with the time; it is shown until another replaces it.
// The text must be fit to be shown: no secrets, foreign text escaped.
func (r *Reporter) Trouble(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.common.LastError, r.common.LastErrorAt, r.inherited = err.Error(), time.Now().UTC(), false
}

// Success says that the work has worked: the error taken over from a dead
// predecessor, if any, is history. An error of our own stays, with its time.
func (r *Reporter) Success() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inherited {
		r.common.LastError, r.common.LastErrorAt, r.inherited = "", time.Time{}, false
	}
}

// Run writes the status at once, then every Pace, and a last time when ctx
// ends, whose error it returns. fill makes the whole status from its common
// fields; it is called by Run's goroutine.
//
// ctx must outlive the work, the orderly end included, and the state that the
// process ends in must have been entered before it ends. A write that fails in
// between is not an error, for the next one makes it good: a full disk takes
// no status either, which is why a beat is judged only by who can write there.
func (r *Reporter) Run(ctx context.Context, fill func(Common) any) error {
	tick := time.NewTimer(cadence.Left(time.Now(), r.Pace))
	defer tick.Stop()
	for {
		_ = r.publish(fill) // see above
		select {
		case <-ctx.Done():
			return r.publish(fill)
		case <-tick.C:
			tick.Reset(cadence.Left(time.Now(), r.Pace))
		}
	}
}

func (r *Reporter) publish(fill func(Common) any) error {
	data, err := json.Marshal(fill(r.next()))
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	if err := r.write(append(data, '\n')); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}

// next returns the common fields of the status to be written now.
func (r *Reporter) next() Common {
	var stuck []string
	for _, s := range r.stages {
		if s.overrun() {
			stuck = append(stuck, s.name)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(stuck) == 0 {
		r.common.Beat++
	}
	c := r.common
	c.Time, c.Stuck, c.Version = time.Now().UTC(), stuck, r.Version
	return c
}
