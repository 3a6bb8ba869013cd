package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// end ends a life that has not ended by itself: SIGTERM, ten seconds, for a
// hung child SIGQUIT that its stacks be written, SIGKILL. The error is a
// process that outlives even that when ctx ends; until then it is waited for,
// since it still holds its lock and a second one of its kind would be of no
// use.
func (c *child) end(ctx context.Context, l *life) error {
	if l.over {
		return nil
	}
	if l.why == hung {
		c.log.WithFields(map[string]any{"pid": l.proc.PID(), "still": l.pulse.still.Round(time.Second).String(), "stuck": l.last.Stuck}).
			Error("child hangs and is ended")
		c.show(stateHung)
	} else {
		c.show(status.Stopping)
	}
	c.signal("terminate", l.proc.Terminate)
	if c.await(l, termWait) {
		return nil
	}
	if l.why == hung && c.super.killed.Err() == nil {
		c.signal("quit", l.proc.Quit)
		if c.await(l, quitWait) {
			return nil
		}
	}
	return c.kill(ctx, l)
}

// await blocks until the process has ended, at most for d, and no longer than
// until everything is to be killed.
func (c *child) await(l *life, d time.Duration) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case end := <-l.ended:
		l.take(end)
	case <-late.C:
	case <-c.super.killed.Done():
	}
	return l.over
}

// kill ends the process with SIGKILL and waits for it. Only a process that the
// kernel does not let go is left, and only when ctx ends.
func (c *child) kill(ctx context.Context, l *life) error {
	l.killed = true
	c.signal("kill", l.proc.Kill)
	late := time.NewTimer(killWait)
	defer late.Stop()
	select {
	case end := <-l.ended:
		l.take(end)
		return nil
	case <-late.C:
	}
	c.log.WithField("pid", l.proc.PID()).Error("child cannot be killed, it may wait for a disk")
	c.super.board.retire(c.spec.Name)
	select {
	case end := <-l.ended:
		l.take(end)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("kill %s (pid %d): it is still there and may wait for a disk", c.spec.Name, l.proc.PID())
	}
}

// signal sends one; an error is of no consequence to what follows, since the
// end of the process is what is waited for.
func (c *child) signal(what string, send func() error) {
	if err := send(); err != nil {
		c.log.WithError(err).WithField("signal", what).Debug("signal not delivered")
	}
}

// bury takes down how a life ended: its last status, its run time, its place
// among the deaths.
func (c *child) bury(l *life) {
	l.ran = time.Since(l.began)
	if seen, ok := c.looker.look(); ok && l.own(seen) {
		l.last = seen.status
	}
	c.row.PID, c.row.LastExit = 0, l.exit.String()
	switch {
	case l.why == stopped:
		c.log.WithField("exit", l.exit.String()).Info("child stopped")
	case l.meaning() != finished && l.meaning() != renewed:
		c.super.board.death(status.Death{Time: time.Now().UTC(), Name: c.spec.Name, Exit: l.exit.String(), RanFor: l.ran})
	}
}
