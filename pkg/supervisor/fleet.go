package supervisor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// runner is the supervisor's side of one child's goroutine.
type runner struct {
	name string
	stop context.CancelFunc
	done chan struct{} // closed when the goroutine has ended; err is set then
	err  error
}

// launch starts the loop of one child.
func (s *Supervisor) launch(spec Child, cfg Config) *runner {
	ctx, stop := context.WithCancel(s.killed)
	r := &runner{name: spec.Name, stop: stop, done: make(chan struct{})}
	c := newChild(s, spec, cfg)
	go func() {
		defer close(r.done)
		r.err = c.run(ctx)
	}()
	return r
}

// restart replaces old by the children of cfg, one after the other, so that
// while one ends the other works. What cfg no longer has is stopped first.
// When ctx ends, what has not been replaced is returned as it is, also one
// that has been asked to end and has not yet.
func (s *Supervisor) restart(ctx context.Context, old []*runner, cfg Config) []*runner {
	old = slices.DeleteFunc(old, func(r *runner) bool {
		if slices.ContainsFunc(cfg.Children, func(c Child) bool { return c.Name == r.name }) || !r.end(ctx) {
			return false
		}
		s.board.forget(r.name)
		return true
	})
	var now []*runner
	for _, spec := range cfg.Children {
		if i := slices.IndexFunc(old, func(r *runner) bool { return r.name == spec.Name }); i >= 0 {
			if !old[i].end(ctx) {
				break
			}
			old = slices.Delete(old, i, i+1)
		}
		if ctx.Err() != nil {
			break
		}
		now = append(now, s.launch(spec, cfg))
	}
	return append(now, old...)
}

// end stops a child and waits for that, unless ctx ends first: then it is
// whoever stops all of them in order who waits.
func (r *runner) end(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	r.stop()
	select {
	case <-r.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// stop ends the children in order: each has a head start over the next, which
// bounds the whole to little more than one child's time.
func (s *Supervisor) stop(running []*runner) error {
	for i, r := range running {
		r.stop()
		if i == len(running)-1 {
			break
		}
		select {
		case <-r.done:
		case <-time.After(headStart):
		case <-s.killed.Done():
		}
	}
	var errs []error
	for _, r := range running {
		<-r.done
		errs = append(errs, r.err)
	}
	return errors.Join(errs...)
}

// serve starts what stands beside the children: the look after the store and
// the writer of the status. The function that it returns ends both and waits,
// but no longer than a healthy disk needs.
func (s *Supervisor) serve() (closing func()) {
	ctx, end := context.WithCancel(context.Background())
	var side sync.WaitGroup
	looked := make(chan struct{})
	side.Go(func() { s.gate.run(ctx, looked) })
	side.Go(func() { s.board.run(ctx) })
	within(lookPatience, looked)
	return func() {
		s.board.stop(status.Stopped)
		end()
		done := make(chan struct{})
		go func() {
			side.Wait()
			close(done)
		}()
		if !within(killWait, done) {
			s.deps.Log.Warn("last status not written, the disk does not answer")
		}
	}
}

// within reports whether done was closed in time.
func within(d time.Duration, done <-chan struct{}) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-done:
		return true
	case <-late.C:
		return false
	}
}
