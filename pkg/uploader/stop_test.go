package uploader

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

func TestStopGivesEightSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 9)...)
		n := newNode(nil)
		n.takes = 7 * time.Second
		cfg := config(n)
		cfg.Concurrency = 2
		stuck := &stuckNode{fakeNode: n, name: "p-002"}
		cfg.Targets[0].Sink = stuck
		r := start(t, cfg, s)
		pass(time.Second)
		began := time.Now()
		if err := r.end(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took != stopGrace {
			t.Errorf("ended after %v, want %v", took, stopGrace)
		}
		equal(t, "receipts", s.booked(), []string{"p-001"})
		if got := len(s.names()); got != 8 {
			t.Errorf("%d files left, want 8", got)
		}
		if got := lastStatus(t, s).State; got != status.Stopped {
			t.Errorf("state %s, want %s", got, status.Stopped)
		}
	})
}

func TestFullLedger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(numbered("p-", 1, 50)...), newNode(nil)
		s.fill(&store.FullError{Reason: "no room"})
		r := start(t, config(n), s)
		pass(10 * time.Minute)
		if r.over() {
			t.Fatalf("a full disk ended Run: %v", r.err)
		}
		held := len(n.seen())
		if held == 0 || held > 8 || len(s.receipts) > 0 || len(s.names()) != 50 {
			t.Errorf("%d puts, %d receipts, %d files while the ledger is full, want a few, 0, 50", held, len(s.receipts), len(s.names()))
		}
		if got := lastStatus(t, s); got.State != status.Paused || got.Blocked == "" || len(got.Stuck) > 0 {
			t.Errorf("status %+v, want paused, blocked, not stuck", got)
		}
		s.fill(nil)
		pass(10 * time.Second)
		equal(t, "receipts", s.booked(), numbered("p-", 1, 50))
		if got := len(n.seen()); got != 50 {
			t.Errorf("%d puts for 50 files", got)
		}
		if got := lastStatus(t, s); got.State != status.Idle || got.Blocked != "" {
			t.Errorf("status %+v, want idle", got)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestStopWithAFullLedger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool("p-1"), newNode(nil)
		s.fill(&store.FullError{Reason: "no room"})
		r := start(t, config(n), s)
		pass(time.Minute)
		time.AfterFunc(5*time.Second, func() { s.fill(nil) })
		if err := r.end(); err != nil || len(s.receipts) != 1 || len(s.names()) != 0 {
			t.Errorf("room came within the grace: %v, %d receipts, left %v", err, len(s.receipts), s.names())
		}

		s, n = newSpool("p-1"), newNode(nil)
		s.fill(&store.FullError{Reason: "no room"})
		r = start(t, config(n), s)
		pass(time.Minute)
		if err := r.end(); err != nil || len(s.names()) != 1 {
			t.Errorf("no room: %v, left %v, want nil and the file", err, s.names())
		}
	})
}

func TestStoreThatFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(numbered("p-", 1, 9)...), newNode(nil)
		s.fill(&store.Error{Op: "append to", Path: "x", Err: errors.New("input/output error")})
		err := newUploader(config(n), s).Run(t.Context())
		if exitcode.Of(err) != exitcode.Store || len(s.names()) != 9 {
			t.Errorf("Run = %v (exit %d), left %d, want exit 5 and 9", err, exitcode.Of(err), len(s.names()))
		}

		s, n = newSpool(), newNode(nil)
		cfg := config(n)
		var gone atomic.Bool
		cfg.Check = func() error {
			if gone.Load() {
				return &store.Error{Op: "check", Path: "x", Err: errors.New("gone")}
			}
			return nil
		}
		r := start(t, cfg, s)
		pass(time.Minute)
		gone.Store(true)
		pass(1100 * time.Millisecond)
		if !r.over() || exitcode.Of(r.err) != exitcode.Store {
			t.Errorf("a second after the store was gone: over %v, %v", r.over(), r.err)
		}
		r.end()
	})
}
