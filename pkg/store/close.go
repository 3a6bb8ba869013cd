package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// Close cuts and waits until everything is finished, or ctx ends: what is not
// finished then is left to recovery and named in an *UnfinishedError. From the
// first call on, Append no longer waits for the syncer. It is idempotent.
//
// When ctx ends while the disk hangs, a goroutine may still be inside one call
// to the system; it does nothing after it.
func (w *Writer) Close(ctx context.Context) error {
	w.Hurry()
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.over {
		return w.failing
	}
	w.failing = w.finishAll(ctx)
	w.over = true
	return w.failing
}

// finishAll is Close's work, done once.
func (w *Writer) finishAll(ctx context.Context) error {
	err := w.failure()
	if err == nil {
		err = w.cutWork()
	}
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.abandoned = true
		w.progress.Broadcast()
	})
	defer stop()
	w.mu.Lock()
	w.closed = true
	for w.err == nil && !w.abandoned && !w.idle() {
		w.progress.Wait()
	}
	w.mu.Unlock()
	close(w.quit)
	select {
	case <-w.ended:
	case <-ctx.Done():
	}
	w.usage.wait(ctx)
	return w.leftBehind(ctx, err)
}

// idle reports whether nothing is on its way any more, w.mu held.
func (w *Writer) idle() bool { return w.recovered && len(w.cut) == 0 && len(w.ready) == 0 }

// leftBehind frees the working file and says what Close did not finish.
func (w *Writer) leftBehind(ctx context.Context, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		err = w.err
	}
	var names []string
	if w.work != nil {
		_ = w.work.f.Close() // what is in it was written, and is recovery's to sync
		if w.work.size > 0 {
			names = append(names, w.s.cfg.WorkingName)
		}
		w.work = nil
	}
	for _, f := range w.ready {
		names = append(names, f.dot)
	}
	for _, f := range w.cut {
		_ = f.f.Close() // as above
		names = append(names, dotName(f.name))
	}
	var failed *Error
	if errors.As(err, &failed) || err == nil && len(names) == 0 && w.recovered {
		return err
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	return &UnfinishedError{Names: names, Err: err}
}

// An UnfinishedError says what Close left to the recovery of the next start.
// Nothing of it is lost, so it exits 0.
type UnfinishedError struct {
	Names []string // of files in the store; none when only recovery was not over
	Err   error    // why
}

func (e *UnfinishedError) Error() string {
	what := "recovery"
	if len(e.Names) > 0 {
		what = strings.Join(e.Names, ", ")
	}
	return fmt.Sprintf("finish %s: left to the next start: %v", what, e.Err)
}

func (e *UnfinishedError) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table.
func (e *UnfinishedError) ExitCode() int { return exitcode.Done }
