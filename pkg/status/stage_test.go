package status

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestStageKeepsItsWordUntilTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 10 * time.Second
	for _, tt := range []struct {
		name string
		do   func(s *Stage)
		wait time.Duration
		want bool
	}{
		{"new is idle", func(*Stage) {}, time.Hour, false},
		{"within", func(s *Stage) { s.Begin(limit) }, limit, false},
		{"overrun", func(s *Stage) { s.Begin(limit) }, limit + 1, true},
		{"idle again", func(s *Stage) { s.Begin(limit); s.Idle() }, time.Hour, false},
		{"renewed", func(s *Stage) { s.Begin(limit); time.Sleep(limit); s.Begin(limit) }, limit, false},
		{"busy within", func(s *Stage) { s.Busy(limit) }, limit, false},
		{"busy overrun", func(s *Stage) { s.Busy(limit) }, limit + 1, true},
		{"busy done", func(s *Stage) { s.Busy(limit)() }, time.Hour, false},
		{"one of two is dead", func(s *Stage) { s.Busy(limit); s.Busy(limit)() }, limit + 1, true},
		{"the other of two is dead", func(s *Stage) { done := s.Busy(limit); s.Busy(limit); done() }, limit + 1, true},
		{"own word beside a done one", func(s *Stage) { s.Begin(limit); s.Busy(limit)() }, limit + 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := NewStage("read")
				tt.do(s)
				time.Sleep(tt.wait)
				if got := s.overrun(); got != tt.want {
					t.Errorf("after %v overrun = %v, want %v", tt.wait, got, tt.want)
				}
			})
		})
	}
}

func TestStageTakesAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	s := NewStage("upload")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				s.Busy(time.Hour)()
			}
		})
	}
	all.Wait()
	if s.overrun() || len(s.free) != len(s.all) || len(s.all) > 8 {
		t.Errorf("overrun = %v, %d of %d workers free, want all of at most 8", s.overrun(), len(s.free), len(s.all))
	}
}

func TestStageDoesNotAllocate(t *testing.T) {
	s := NewStage("write")
	if got := testing.AllocsPerRun(100, func() { s.Begin(time.Second); s.Busy(time.Second)(); s.Idle() }); got != 0 {
		t.Errorf("%v allocations a step, want 0", got)
	}
}
