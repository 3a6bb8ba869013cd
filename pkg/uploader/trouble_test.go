package uploader

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// A wrong URL, or refused credentials: nothing is set aside, the node is asked
// twice and not once a file, and the process ends with the code that says what
// a person must do.
func TestWrongURLSetsNothingAside(t *testing.T) {
	for _, tt := range []struct {
		name string
		kind sink.Kind
		exit int
	}{{"404", sink.Misdirected, exitcode.Config}, {"401", sink.Credentials, exitcode.Credentials}, {"413 for all", sink.Permanent, exitcode.Failed}} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				names := numbered("p-", 1, 40)
				s := newSpool(names...)
				n := newNode(func(name string, _ int) error { return refusal(name, tt.kind, 404) })
				err := newUploader(config(n), s).Run(t.Context())
				if got := exitcode.Of(err); got != tt.exit {
					t.Errorf("Run = %v, exit %d, want %d", err, got, tt.exit)
				}
				equal(t, "left", s.names(), names)
				equal(t, "set aside", s.setAsideNames(), nil)
				if got := len(n.seen()); got > 5 { // those in flight, and a probe
					t.Errorf("%d puts, want 5 at most", got)
				}
				if s.state[store.StateUploaderBackoff] == nil {
					t.Error("no back-off was written for the next process")
				}
				if got := lastStatus(t, s); got.State != status.Failed || got.LastError == "" {
					t.Errorf("status %+v, want failed, with the error", got)
				}
			})
		})
	}
}

// Down for hours, restarted by its supervisor a second after each end: one
// probe a process, the waits go up to the longest and stay there, the next
// name each time and round. Then all is shipped and nothing was set aside.
func TestNodeDownAcrossRestarts(t *testing.T) {
	for name, kind := range map[string]sink.Kind{"refused connections": sink.Temporary, "413 for all": sink.Permanent} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				names := numbered("p-", 1, 20)
				s := newSpool(names...)
				down := true
				n := newNode(func(name string, _ int) error {
					if down {
						return refusal(name, kind, 0)
					}
					return nil
				})
				cfg := config(n)
				restarts := 0
				for began := time.Now(); time.Since(began) < 3*time.Hour; restarts++ {
					before := len(n.seen())
					if err := newUploader(cfg, s).Run(t.Context()); err == nil {
						t.Fatal("Run = nil while the node is down")
					}
					if puts := len(n.seen()) - before; restarts > 0 && puts != 1 {
						t.Fatalf("process %d: %d puts, want one probe", restarts, puts)
					}
					pass(time.Second)
				}
				calls := n.seen()
				probes := calls[len(calls)-41:]
				for i, call := range probes[1:] {
					if wait := call.at - probes[i].at; wait < time.Minute || wait > 80*time.Second {
						t.Errorf("wait before probe %d: %v, want about a minute", i, wait)
					}
				}
				var first, second []string
				for i := 1; i <= 20; i++ {
					first, second = append(first, probes[i].name), append(second, probes[i+20].name)
				}
				equal(t, "second round", second, first)
				slices.Sort(first)
				equal(t, "names of a round", first, names)
				down = false
				r := start(t, cfg, s)
				pass(3 * time.Minute)
				equal(t, "left when it is up again", s.names(), nil)
				equal(t, "set aside", s.setAsideNames(), nil)
				if _, ok := s.state[store.StateUploaderBackoff]; ok {
					t.Error("the back-off is still there")
				}
				if err := r.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// More bad files than are in flight, the oldest of all: they do not hold up
// the good ones for ever, and are set aside, whatever restarts it takes.
func TestPoisonAtTheHead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(append(numbered("p-bad", 1, 10), numbered("p-good", 1, 30)...)...)
		n := newNode(func(name string, _ int) error {
			if name < "p-good" {
				return refusal(name, sink.Permanent, 413)
			}
			return nil
		})
		restarts := superviseUntil(t, config(n), s, time.Hour)
		equal(t, "left", s.names(), nil)
		equal(t, "set aside", s.setAsideNames(), numbered("p-bad", 1, 10))
		if restarts > 15 {
			t.Errorf("%d restarts", restarts)
		}
	})
}

// A slow stream: the bad file is the newest when it comes, and there is never
// more than one other to find out with.
func TestPoisonInASlowStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool()
		n := newNode(func(name string, _ int) error {
			if name == "p-002" {
				return refusal(name, sink.Permanent, 413)
			}
			return nil
		})
		go func() {
			for _, name := range numbered("p-", 1, 6) {
				s.add(name, "content of "+name)
				time.Sleep(5 * time.Minute)
			}
		}()
		superviseUntil(t, config(n), s, 40*time.Minute)
		equal(t, "left", s.names(), nil)
		equal(t, "set aside", s.setAsideNames(), []string{"p-002"})
		equal(t, "receipts", s.booked(), []string{"p-001", "p-003", "p-004", "p-005", "p-006"})
	})
}

// superviseUntil starts Run again a second after each end, for a time.
func superviseUntil(t *testing.T, cfg Config, s *fakeSpool, d time.Duration) (restarts int) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); restarts++ {
		r := start(t, cfg, s)
		select {
		case <-r.ended:
		case <-time.After(time.Until(end)):
		}
		if err := r.end(); err == nil {
			break
		}
		pass(time.Second)
	}
	return restarts
}

// A node that is full or wants payment pauses everything, loses nothing, and
// is asked with one file after each longest wait, by one process for ever.
func TestPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := numbered("p-", 1, 20)
		s := newSpool(names...)
		var full atomic.Bool
		full.Store(true)
		n := newNode(func(name string, _ int) error {
			if full.Load() {
				return refusal(name, sink.Pause, 402)
			}
			return nil
		})
		cfg := config(n)
		r := start(t, cfg, s)
		pass(10 * time.Minute)
		if r.over() {
			t.Fatalf("Run returned %v", r.err)
		}
		calls := n.seen()
		if len(calls) < 8 || len(calls) > 14 {
			t.Errorf("%d puts in 10 minutes, want the 4 in flight and about one a minute", len(calls))
		}
		for i := 5; i < len(calls); i++ {
			if wait := calls[i].at - calls[i-1].at; wait < time.Minute || wait > 80*time.Second || calls[i].name <= calls[i-1].name {
				t.Errorf("probe %d: %s after %v, want the next name after a minute", i, calls[i].name, wait)
			}
		}
		if got := lastStatus(t, s); got.State != status.Paused || got.Detail == "" || !got.NextTry.After(time.Now()) {
			t.Errorf("status %+v, want paused, why, and until when", got)
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}

		began := time.Now() // a restart does not ask sooner
		r = start(t, cfg, s)
		before := len(n.seen())
		for len(n.seen()) == before {
			pass(time.Second)
		}
		if waited := time.Since(began); waited < 10*time.Second || waited > 75*time.Second {
			t.Errorf("after a restart the node was asked in %v, want what was left of the minute", waited)
		}
		full.Store(false)
		pass(2 * time.Minute)
		equal(t, "left when there is room", s.names(), nil)
		equal(t, "set aside", s.setAsideNames(), nil)
		if got := lastStatus(t, s).State; got != status.Idle {
			t.Errorf("state %s, want %s", got, status.Idle)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// A wait was imposed on one URL and token; another one is asked at once.
func TestBackoffIsForOneNodeOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool("p-1")
		n := newNode(func(name string, call int) error {
			if call == 1 {
				return refusal(name, sink.Misdirected, 404)
			}
			return nil
		})
		cfg := config(n)
		cfg.Backoff.First = time.Minute
		if err := newUploader(cfg, s).Run(t.Context()); err == nil {
			t.Fatal("Run = nil, want the 404")
		}
		cfg.Targets[0].For = "another URL"
		r := start(t, cfg, s)
		pass(2 * time.Second)
		equal(t, "left two seconds after the URL was mended", s.names(), nil)
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// What an earlier process wrote may be anything.
func TestDamagedBackoff(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"kind":"doubt","step":-1,"for":"us"}`, `{"kind":"x","step":1,"for":"us"}`,
		`{"kind":"doubt","step":3,"for":"us","wait":9000000000000000000,"written":"2999-01-01T00:00:00Z","probed":"zzz","suspects":["","gone","p-1"]}`} {
		t.Run(text, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, n := newSpool("p-1", "p-2"), newNode(nil)
				s.state[store.StateUploaderBackoff] = []byte(text)
				r := start(t, config(n), s)
				pass(time.Hour + 5*time.Minute)
				equal(t, "left", s.names(), nil)
				if err := r.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Drain waits for nobody who wants payment.
func TestDrainAndAFullNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool("p-1", "p-2")
		n := newNode(func(name string, _ int) error { return refusal(name, sink.Pause, 402) })
		cfg := config(n)
		cfg.Drain = true
		began := time.Now()
		err := newUploader(cfg, s).Run(t.Context())
		if exitcode.Of(err) != exitcode.Failed || time.Since(began) > 2*time.Minute {
			t.Errorf("drain to a full node: %v after %v, want an error within 2 minutes", err, time.Since(began))
		}
		equal(t, "left", s.names(), []string{"p-1", "p-2"})
	})
}

// While one file waits for its next try and the node has taken nothing since,
// the others are not all thrown at it.
func TestDownNodeIsNotSentEverything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 100)...)
		n := newNode(func(name string, _ int) error { return refusal(name, sink.Temporary, 500) })
		if err := newUploader(config(n), s).Run(t.Context()); err == nil {
			t.Fatal("Run = nil")
		}
		if got := len(n.seen()); got > 4*5+1 {
			t.Errorf("%d puts before giving up, want 4 files 5 times and a probe at most", got)
		}
	})
}
