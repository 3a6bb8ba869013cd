package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/storj/twitter-stream/pkg/status"
)

// shelf is a board that runs over a file in memory.
type shelf struct {
	*board
	t *testing.T

	mu      sync.Mutex // guards what follows
	data    []byte
	failing error
}

func newShelf(t *testing.T, previous []byte) *shelf {
	log, _ := logtest.NewNullLogger()
	s := &shelf{t: t}
	s.board = newBoard(Deps{Log: logrus.NewEntry(log), WriteStatus: s.keep, Previous: previous})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

func (s *shelf) keep(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing == nil {
		s.data = b
	}
	return s.failing
}

func (s *shelf) kept() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = err
}

// next returns the status that is written within the next two seconds.
func (s *shelf) next() status.Daemon {
	s.t.Helper()
	time.Sleep(2 * time.Second)
	d, err := status.DecodeDaemon(s.kept())
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func TestBoardKeepsAHundredDeathsAcrossDaemons(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := newShelf(t, nil)
		for i := range 130 {
			first.death(status.Death{Name: "child", Exit: fmt.Sprint("exit ", i)})
		}
		first.trouble("it hurts\x1b")
		first.next()
		second := newShelf(t, first.kept())
		got := second.next()
		if len(got.Deaths) != 100 || got.Deaths[99].Exit != "exit 129" || got.Deaths[0].Exit != "exit 30" {
			t.Errorf("%d deaths, want the last 100", len(got.Deaths))
		}
		if got.LastError != `it hurts\x1b` {
			t.Errorf("last error = %q, want it taken over and escaped", got.LastError)
		}
		second.healthy()
		if got := second.next().LastError; got != "" {
			t.Errorf("last error = %q once a child is healthy, want none", got)
		}
		for _, garbage := range []string{"", "{", `{"deaths":7}`, "null"} {
			if got := newShelf(t, []byte(garbage)).next(); len(got.Deaths) != 0 {
				t.Errorf("after %q: deaths = %v, want none", garbage, got.Deaths)
			}
		}
	})
}

// The daemon's own beat stands still when the loop of a child does, but not
// when it rightly waits without end.
func TestBeatNeedsEveryLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, nil)
		s.show(status.Child{Name: "stuck"})
		s.show(status.Child{Name: "done"})
		s.retire("done")
		time.Sleep(2 * time.Minute)
		before := s.next()
		if got := s.next(); got.Beat != before.Beat || fmt.Sprint(got.Stuck) != "[children]" {
			t.Errorf("beat %d, then %d, stuck %v; want it to stand", before.Beat, got.Beat, got.Stuck)
		}
		s.turn("stuck")
		if got := s.next(); got.Beat == before.Beat || got.Stuck != nil {
			t.Errorf("beat %d, stuck %v; want it to move again", got.Beat, got.Stuck)
		}
		s.turn("stuck")
		s.forget("stuck")
		time.Sleep(2 * time.Minute)
		if got := s.next(); got.Stuck != nil || len(got.Children) != 1 {
			t.Errorf("%+v; want neither a stuck loop nor the forgotten child", got)
		}
	})
}

func TestWritable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, nil)
		s.next()
		if !s.writable() {
			t.Error("not writable after a success")
		}
		s.fail(errors.New("no space"))
		time.Sleep(6 * time.Second)
		if s.writable() {
			t.Error("writable six seconds after the last success")
		}
		s.fail(nil)
		s.next()
		if !s.writable() {
			t.Error("not writable after another success")
		}
	})
}
