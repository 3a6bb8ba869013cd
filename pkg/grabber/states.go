package grabber

import (
	"sync"

	"github.com/storj/twitter-stream/pkg/status"
)

// What is true at the same time and cannot be shown together, from the least
// to the most important.
const (
	rankConnection = iota
	rankPaused
	rankStopping
	rankEnded
)

// states decides which state the status shows: that the process ends outweighs
// that the store has no room, which outweighs what the connection does.
type states struct {
	reporter *status.Reporter

	mu         sync.Mutex // guards what follows
	rank       int
	connection func(*status.Reporter) // enters the connection's state again
}

func newStates(r *status.Reporter) *states {
	return &states{reporter: r, connection: func(r *status.Reporter) { r.Enter(status.Starting, "") }}
}

// connects enters what the connection does.
func (s *states) connects(enter func(*status.Reporter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connection = enter
	if s.rank == rankConnection {
		enter(s.reporter)
	}
}

func (s *states) capturing() {
	s.connects(func(r *status.Reporter) { r.Enter(status.Capturing, "") })
}

// pause says that the writer waits for room, and why.
func (s *states) pause(why string) { s.raise(rankPaused, status.Paused, why) }

func (s *states) paused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rank == rankPaused
}

// resume ends a pause.
func (s *states) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rank == rankPaused {
		s.rank = rankConnection
		s.connection(s.reporter)
	}
}

// hold says that the source pauses, and why. What the connection does next is
// shown over it.
func (s *states) hold(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rank == rankConnection {
		s.reporter.Enter(status.Paused, why)
	}
}

// release shows again what the connection does.
func (s *states) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rank == rankConnection {
		s.connection(s.reporter)
	}
}

// stopping says that we were asked to stop, or have to.
func (s *states) stopping() { s.raise(rankStopping, status.Stopping, "") }

// end enters the state in which the process ends.
func (s *states) end(state, detail string) { s.raise(rankEnded, state, detail) }

func (s *states) raise(rank int, state, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rank >= s.rank {
		s.rank = rank
		s.reporter.Enter(state, detail)
	}
}
