package supervisor

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/storj/twitter-stream/pkg/process"
)

// Holder is who holds a child's lock, as that process wrote it down.
type Holder struct {
	PID     int
	Started string // process.Identity's
	Exe     string
	Parent  int // the daemon's pid, 0 for a process that had none
}

// freeLock ends the process that holds the child's lock if it is what a dead
// daemon left behind and cannot end by itself, being stopped (SIGSTOP); true
// when it is gone. Anybody else is named and left alone.
func (c *child) freeLock(ctx context.Context) bool {
	if c.spec.Holder == nil {
		return false
	}
	holder, held := c.spec.Holder()
	if !held {
		return false
	}
	log := c.log.WithFields(map[string]any{"pid": holder.PID, "started": holder.Started})
	// Opened before it is identified: the handle cannot come to mean another
	// process afterwards, where the system has such handles.
	victim, err := c.super.system.open(holder.PID)
	if err != nil {
		log.WithError(err).Warn("process that holds the lock cannot be looked at")
		return false
	}
	defer victim.Release()
	if err := c.super.orphan(holder, c.spec.Path); err != nil {
		log.WithError(err).Warn("lock is held by another process")
		return false
	}
	log.Warn("lock is held by what a dead daemon left behind, it is ended")
	c.signal("terminate", victim.Terminate)
	if c.gone(ctx, holder, termWait) {
		return true
	}
	c.signal("kill", victim.Kill)
	return c.gone(ctx, holder, killWait)
}

// orphan returns nil only for a living process that is without doubt the one
// which wrote h, runs the program that the child is, and has lost its daemon.
func (s *Supervisor) orphan(h Holder, path string) error {
	if h.Parent <= 0 {
		return fmt.Errorf("pid %d was started by no daemon", h.PID)
	}
	// Whether the daemon's pid lives would say nothing: it may be another's by
	// now. An orphan, though, has another parent than the one it wrote down.
	parent, ok := s.system.parent(h.PID)
	if !ok {
		return fmt.Errorf("pid %d has ended, or its parent cannot be told", h.PID)
	}
	if parent == h.Parent {
		return fmt.Errorf("pid %d belongs to the daemon with pid %d", h.PID, h.Parent)
	}
	if !s.same(h) {
		return fmt.Errorf("pid %d is not the process that took the lock", h.PID)
	}
	if filepath.Base(h.Exe) != filepath.Base(path) {
		return fmt.Errorf("pid %d runs %s", h.PID, h.Exe)
	}
	return nil
}

// same reports whether the process that wrote h lives. What the system does
// not tell matches nothing.
func (s *Supervisor) same(h Holder) bool {
	if h.PID <= 0 || h.Started == "" || h.Exe == "" {
		return false
	}
	id, alive := s.system.find(h.PID)
	return alive && id == process.Identity{PID: h.PID, Started: h.Started, Exe: h.Exe}
}

// gone waits for the end of a process that is no child of ours.
func (c *child) gone(ctx context.Context, h Holder, d time.Duration) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for c.super.same(h) {
		select {
		case <-ctx.Done():
			return false
		case <-late.C:
			return false
		case <-tick.C:
		}
	}
	return true
}
