package grabber

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/stream"
)

// step is what a fake source does at one call of Next.
type step func(ctx context.Context) ([]byte, error)

func says(message string) step {
	return func(context.Context) ([]byte, error) { return []byte(message), nil }
}

func fails(kind stream.Kind) step { return failsWith(&stream.Error{Kind: kind}) }

func failsWith(err *stream.Error) step {
	return func(context.Context) ([]byte, error) {
		e := *err
		e.URL = "http://stream.example/"
		if e.Err == nil {
			e.Err = fmt.Errorf("kind %d: %w", e.Kind, io.EOF) // a cut is no end of the input
		}
		return nil, &e
	}
}

func pauses(d time.Duration) step {
	return func(ctx context.Context) ([]byte, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d):
			return nil, nil // skipped
		}
	}
}

func ends(context.Context) ([]byte, error) { return nil, io.EOF }

func hangs(ctx context.Context) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// fakeSource plays steps, then hangs until ctx ends.
type fakeSource struct {
	steps []step

	mu       sync.Mutex // guards what follows
	at       int
	buffered int // messages that were read when ctx ended
	tries    []time.Time
	counts   stream.Counts
	inTry    bool
}

func (s *fakeSource) Next(ctx context.Context) ([]byte, error) {
	for {
		s.mu.Lock()
		if !s.inTry {
			s.tries, s.inTry = append(s.tries, time.Now()), true
		}
		do := hangs
		if s.buffered > 0 && ctx.Err() != nil {
			s.buffered--
			do = says(fmt.Sprintf("buffered %d", s.buffered))
		} else if s.at < len(s.steps) && ctx.Err() == nil {
			do = s.steps[s.at]
			s.at++
		}
		s.mu.Unlock()
		message, err := do(ctx)
		s.mu.Lock()
		if message == nil && (err == nil || ctx.Err() != nil && s.buffered > 0) {
			s.mu.Unlock()
			continue
		}
		if err != nil {
			s.inTry = false
		} else {
			s.counts.Messages++
		}
		s.mu.Unlock()
		return message, err
	}
}

func (s *fakeSource) Buffered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffered > 0
}

func (s *fakeSource) Counts() stream.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// where returns how many steps have been played.
func (s *fakeSource) where() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// gaps returns the times between tries.
func (s *fakeSource) gaps() (gaps []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.tries); i++ {
		gaps = append(gaps, s.tries[i].Sub(s.tries[i-1]))
	}
	return gaps
}
