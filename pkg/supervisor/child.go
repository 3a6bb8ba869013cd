package supervisor

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/cadence"
	"github.com/storj/twitter-stream/pkg/repeat"
	"github.com/storj/twitter-stream/pkg/status"
)

// The states of a child in the daemon's status file, besides those of the
// status package: Starting, Running, Stopping, Stopped, Waiting (to be started
// again), Paused (the store is gone), Failed (a person must act) and Done.
const stateHung = "hung"

// child is the loop of one supervised process. Its goroutine alone touches it.
type child struct {
	spec    Child
	timeout time.Duration // of the heartbeat
	ladder  backoff.Policy
	super   *Supervisor
	log     *logrus.Entry
	looker  looker

	crashes int // in a row, without a minute of health between
	ends    repeat.Reporter
	told    string // the end that a person was told of and has not acted upon
	loud    bool   // the last end was said, so the next start is too
	row     status.Child
	started bool   // once
	noOut   string // why the output is discarded, once said
}

func newChild(s *Supervisor, spec Child, cfg Config) *child {
	c := &child{
		spec: spec, timeout: cfg.HeartbeatTimeout, ladder: cfg.RestartBackoff, super: s,
		log:    s.deps.Log.WithField("child", spec.Name),
		looker: looker{status: spec.Status, files: watched(spec)},
		row:    s.board.row(spec.Name), loud: true,
	}
	c.show(status.Starting)
	return c
}

// run starts the child, watches it, and starts it again, until ctx ends.
// Its error is a process that could not be killed.
func (c *child) run(ctx context.Context) error {
	for c.awaitStore(ctx) {
		l := c.start()
		if l.why != notStarted {
			c.watch(ctx, l)
			if err := c.end(ctx, l); err != nil {
				l.out.close()
				return err
			}
		}
		c.bury(l)
		if ctx.Err() == nil {
			c.wait(ctx, l, c.decide(ctx, l))
		}
		l.out.close()
	}
	c.row.PID, c.row.NextStart = 0, time.Time{}
	c.show(status.Stopped)
	return nil
}

// awaitStore blocks while the daemon's own lock is gone; false when ctx ends.
func (c *child) awaitStore(ctx context.Context) bool {
	for !c.super.gate.open() {
		c.show(status.Paused)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(lookEvery):
		}
	}
	return ctx.Err() == nil
}

// start begins a life. A start that fails is a life that ended at once.
func (c *child) start() *life {
	if c.started {
		c.row.Restarts++
	}
	c.started = true
	before, _ := c.looker.look()
	l := newLife(before, c.spec)
	l.out = c.openOut()
	p, err := c.super.system.start(c.spec, l.out.file)
	if err != nil {
		l.why, l.exit = notStarted, exit{err: err}
		c.row.PID = 0
		return l
	}
	l.proc = p
	go func() { l.ended <- p.Wait() }()
	if c.loud {
		c.log.WithField("pid", p.PID()).Info("child started")
	}
	c.row.PID, c.row.NextStart = p.PID(), time.Time{}
	c.show(status.Starting)
	return l
}

func (c *child) openOut() *outFile {
	out, err := openOut(c.spec.OutFile)
	switch {
	case err == nil:
		c.noOut = ""
	case err.Error() != c.noOut:
		c.noOut = err.Error()
		c.log.WithError(err).Warn("child's output is discarded")
	}
	return out
}

// watch blocks until the child has ended, is to be stopped, hangs, or needs to
// read its credentials anew; l.why says which.
func (c *child) watch(ctx context.Context, l *life) {
	pace := status.Pace(c.timeout) // no more often than there is something new
	tick := time.NewTimer(cadence.Left(time.Now(), pace))
	defer tick.Stop()
	for l.why == unasked {
		select {
		case end := <-l.ended:
			l.take(end)
			return
		case <-ctx.Done():
			l.why = stopped
		case <-tick.C:
			tick.Reset(cadence.Left(time.Now(), pace))
			seen, ok := c.looker.look()
			switch {
			case ctx.Err() != nil:
				l.why = stopped // a slow look must not win over it again and again
			case ok: // else the disk does not answer us either
				l.judge(seen, c.timeout, c.super.board.writable())
				c.tell(l)
			}
		}
	}
}

// tell shows what the last look has changed.
func (c *child) tell(l *life) {
	if l.out.trim() {
		c.log.WithField("file", c.spec.OutFile).Warn("child's output file was large, emptied")
	}
	if l.pulse.healthy() {
		c.crashes = 0
		c.afresh()
		c.super.board.healthy()
	}
	if l.pulse.seen && c.row.State == status.Starting {
		c.show(status.Running)
	}
	c.super.board.turn(c.spec.Name)
}

// wait lets a verdict's time pass; ctx ends it, and what may help: a changed
// file, a store that is back.
func (c *child) wait(ctx context.Context, l *life, v verdict) {
	if v.forever {
		c.show(v.state)
		c.super.board.retire(c.spec.Name)
		<-ctx.Done()
		return
	}
	c.row.NextStart = time.Now().UTC().Add(v.wait)
	c.show(v.state)
	due := time.NewTimer(v.wait)
	defer due.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	gone := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
			return
		case <-tick.C:
			c.super.board.turn(c.spec.Name)
			open := c.super.gate.open()
			if v.onChange && c.changed(l) || v.onStore && gone && open {
				return
			}
			gone = gone || !open
		}
	}
}

// changed reports whether a person may have put right what a child ended for.
func (c *child) changed(l *life) bool {
	seen, ok := c.looker.look()
	if !ok || !seen.marks.differ(l.marks, watched(c.spec)) {
		return false
	}
	c.log.Info("configuration changed, child is tried again")
	c.afresh()
	return true
}

// show publishes the child's row in a state.
func (c *child) show(state string) {
	if c.row.State != state {
		c.row.State, c.row.Since = state, time.Now().UTC()
	}
	c.super.board.show(c.row)
}
