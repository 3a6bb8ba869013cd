package status

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stage is one stage of a process's work and its word on how long the present
// step may rightly take. Each goroutine that can hang has a stage of its own:
// one word for all would let a live reader hide a dead writer.
//
// Begin and Idle belong to one goroutine; Busy may be called by any number of
// them at once. Time is the monotonic clock's, so neither a stepped clock nor
// a suspended machine breaks a word. None of the three allocates once a stage
// has been in use.
type Stage struct {
	name  string
	start time.Time
	until atomic.Int64 // nanoseconds after start; 0 is idle

	mu      sync.Mutex // guards free and all
	free    []*worker
	all     []*worker
	workers atomic.Int64 // len(all), so that a stage without them takes no lock
}

// worker is one of several steps that a stage works at once.
type worker struct {
	until atomic.Int64
	done  func() // made once: a step is begun and ended without allocating
}

// NewStage returns an idle stage. Its name ("read", "write") is what the
// status shows when it overruns its word.
func NewStage(name string) *Stage {
	return &Stage{name: name, start: time.Now()}
}

// Begin says that the stage works on something that may take until limit has
// passed. Called again it renews the word, as an endless wait does in its loop.
func (s *Stage) Begin(limit time.Duration) { s.until.Store(s.deadline(limit)) }

// Idle says that the stage has nothing to do, for as long as that may be.
func (s *Stage) Idle() { s.until.Store(0) }

// Busy is Begin for a stage at which several goroutines work: each step has a
// word of its own until done, which is called once, ends it.
func (s *Stage) Busy(limit time.Duration) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.hire()
	w.until.Store(s.deadline(limit))
	return w.done
}

// hire returns a worker that is free, s.mu held.
func (s *Stage) hire() *worker {
	if n := len(s.free); n > 0 {
		w := s.free[n-1]
		s.free = s.free[:n-1]
		return w
	}
	w := &worker{}
	w.done = func() {
		w.until.Store(0)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, w)
	}
	s.all = append(s.all, w)
	s.workers.Add(1)
	return w
}

// deadline is never 0, which is idle.
func (s *Stage) deadline(limit time.Duration) int64 {
	return max(1, int64(time.Since(s.start)+limit))
}

// overrun reports whether a word of this stage has been broken.
func (s *Stage) overrun() bool {
	now := int64(time.Since(s.start))
	if until := s.until.Load(); until != 0 && now > until {
		return true
	}
	if s.workers.Load() == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.all {
		if until := w.until.Load(); until != 0 && now > until {
			return true
		}
	}
	return false
}
