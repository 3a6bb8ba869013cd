package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// tidy is how long work that is no longer wanted gets to take its temporary
// file away, if the file system answers.
const tidy = 250 * time.Millisecond

// errOver tells work that nobody waits for it any more.
var errOver = errors.New("nobody waits for this any more")

// watch is the tie between a caller and the work done for it.
type watch struct {
	progress func(n int)

	mu    sync.Mutex // guards what follows, and calls of progress and of the content
	over  bool
	moved time.Time
}

// alive notes progress, n more bytes or a mere sign of life, and fails when
// nobody waits any more.
func (w *watch) alive(n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return errOver
	}
	w.moved = time.Now()
	if w.progress != nil {
		w.progress(n)
	}
	return nil
}

// readAt reads the caller's content while the caller waits.
func (w *watch) readAt(content io.ReaderAt, p []byte, off int64) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return 0, errOver
	}
	n, err := content.ReadAt(p, off)
	w.moved = time.Now()
	return n, err
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

func (w *watch) still() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.moved)
}

// guard does work in a goroutine of its own and gives it up when ctx ends or
// when nothing has moved for limit. A call on a dead mount cannot be
// ended: as long as one hangs no more work is begun, else each try would leave
// one more thread behind.
func (a *Archive) guard(ctx context.Context, limit time.Duration, work func(*watch) error) error {
	if since := a.stuck.since(); since > 0 {
		return a.silent(since)
	}
	w := &watch{moved: time.Now()}
	done := make(chan error, 1)
	go func() { done <- work(w) }()
	tick := time.NewTicker(max(limit/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return a.giveUp(w, done, ctx.Err())
		case <-tick.C:
			if still := w.still(); still >= limit {
				return a.giveUp(w, done, a.silent(still))
			}
		}
	}
}

// giveUp returns why, or what the work came to just now.
func (a *Archive) giveUp(w *watch, done <-chan error, why error) error {
	w.end()
	timer := time.NewTimer(tidy)
	defer timer.Stop()
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
	case <-timer.C:
		a.stuck.enter(time.Now())
		go func() {
			<-done
			a.stuck.leave()
		}()
	}
	return why
}

func (a *Archive) silent(since time.Duration) error {
	return &sink.Error{Kind: sink.Pause, Err: fmt.Errorf("%s does not answer, for %v now", a.path, since.Round(time.Second)), Hint: "look after its disk or file server" + goesOn}
}

// stuck counts the work that was given up and has not ended.
type stuck struct {
	mu    sync.Mutex // guards what follows
	count int
	first time.Time
}

func (s *stuck) enter(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		s.first = now
	}
	s.count++
}

func (s *stuck) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count--
}

// since returns for how long something has been stuck, 0 if nothing is.
func (s *stuck) since() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return 0
	}
	return max(time.Since(s.first), 1)
}
