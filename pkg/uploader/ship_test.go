package uploader

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// bubble runs f with a fake clock.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

// pass lets the fake clock run, and everybody who then has something to do.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func lastStatus(t *testing.T, s *fakeSpool) status.Uploader {
	t.Helper()
	data, err := s.ReadState(store.StateUploader)
	if err != nil {
		t.Fatal(err)
	}
	var u status.Uploader
	if err := json.Unmarshal(data, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestShipsOldestFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := numbered("p-", 1, 50)
		s, n := newSpool(names...), newNode(nil)
		cfg := config(n)
		cfg.Concurrency, cfg.Drain = 1, true
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, "order", n.taken, names)
		equal(t, "receipts", s.booked(), names)
		equal(t, "left in the store", s.names(), nil)
		if got := lastStatus(t, s); got.State != status.Done || got.Uploaded != 50 || got.Waiting != 0 || got.InFlight != 0 {
			t.Errorf("last status %+v, want done with 50 uploaded and none waiting", got)
		}
		if r := s.receipts[0]; r.By != store.ByWatch || r.Attempts != 1 || r.Size != 16 || len(r.Key) != 64 || r.Sink != "fake" {
			t.Errorf("receipt %+v", r)
		}
	})
}

func TestConcurrency(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(numbered("p-", 1, 100)...), newNode(nil)
		n.takes = time.Second
		cfg := config(n)
		cfg.Drain = true
		began := time.Now()
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n.most != 4 || n.clash {
			t.Errorf("%d in flight at once, clash %v, want 4, false", n.most, n.clash)
		}
		if took := time.Since(began); took < 25*time.Second || took > 30*time.Second {
			t.Errorf("100 files of 1 s, 4 at a time: %v", took)
		}
	})
}

func TestNewFileIsSeenWithinASecond(t *testing.T) {
	for name, silent := range map[string]bool{"events": false, "no events": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, n := newSpool(), newNode(nil)
				s.silent = silent
				r := start(t, config(n), s)
				pass(10*time.Minute + 300*time.Millisecond)
				s.add("p-1", "x")
				pass(time.Second)
				if n.tries("p-1") != 1 {
					t.Errorf("a second after it came, the file was put %d times, want once", n.tries("p-1"))
				}
				if s.scans > 1000 {
					t.Errorf("%d looks at an idle directory in 10 minutes", s.scans)
				}
				if err := r.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestBackoffBetweenTries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool("p-1")
		n := newNode(func(name string, call int) error {
			if call < 5 {
				return refusal(name, sink.Temporary, 503)
			}
			return nil
		})
		r := start(t, config(n), s)
		pass(time.Minute)
		defer r.end()
		calls := n.seen()
		if len(calls) != 5 || len(s.names()) != 0 || s.receipts[0].Attempts != 5 {
			t.Fatalf("tries %v, left %v, want 5 and none", calls, s.names())
		}
		for i, want := range []time.Duration{1, 2, 4, 8} {
			wait := calls[i+1].at - calls[i].at
			if low, high := want*time.Second, want*1200*time.Millisecond+2*time.Millisecond; wait < low || wait > high {
				t.Errorf("wait %d: %v, want %v to %v", i+1, wait, low, high)
			}
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 9)...)
		n := newNode(func(name string, call int) error {
			if name == "p-001" && call == 1 {
				e := refusal(name, sink.Temporary, 429)
				e.RetryAfter = 5 * time.Hour // capped at one
				return e
			}
			return nil
		})
		cfg := config(n)
		cfg.Concurrency = 1
		r := start(t, cfg, s)
		defer r.end()
		pass(time.Hour - time.Second)
		if got := len(n.seen()); got != 1 {
			t.Errorf("%d puts within the hour that the node asked for, want 1", got)
		}
		pass(2 * time.Second)
		equal(t, "left after the hour", s.names(), nil)
	})
}

// O8: one bad file went round the loop for ever, and the queue with it.
func TestO8PoisonFileNeverBlocks(t *testing.T) {
	for _, tt := range []struct {
		name      string
		kind      sink.Kind
		wantAside bool
	}{{"413", sink.Permanent, true}, {"503", sink.Temporary, false}, {"too large for a full node", sink.Pause, false}, {"403", sink.Credentials, false}} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newSpool(numbered("p-", 1, 40)...)
				n := newNode(func(name string, _ int) error {
					if name == "p-003" {
						return refusal(name, tt.kind, 499)
					}
					return nil
				})
				r := start(t, config(n), s)
				pass(10 * time.Minute)
				if r.over() {
					t.Fatalf("Run returned %v", r.err)
				}
				want := []string{"p-003"}
				if tt.wantAside {
					equal(t, "set aside", s.setAsideNames(), want)
					if reason := s.aside["p-003"]; reason.Status != 499 || reason.URL != fakeURL || reason.Attempts < 1 || reason.Reason == "" {
						t.Errorf("reason %+v", reason)
					}
					want = nil
				}
				equal(t, "left", s.names(), want)
				if got := n.tries("p-003"); got > 12 {
					t.Errorf("the bad file was put %d times in 10 minutes", got)
				}
				if got := lastStatus(t, s); !tt.wantAside && got.Postponed != 1 || got.LastError == "" {
					t.Errorf("status %+v, want the file postponed and the error shown", got)
				}
				if err := r.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestUnreadableAndChangingFiles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 9)...)
		s.openErr["p-001"] = fs.ErrPermission
		s.openErr["p-002"] = store.ErrNotRegular
		n := newNode(func(name string, call int) error {
			if name == "p-003" {
				return refusal(name, sink.Changed, 0)
			}
			return nil
		})
		r := start(t, config(n), s)
		pass(5 * time.Minute)
		equal(t, "left", s.names(), []string{"p-001", "p-002", "p-003"})
		equal(t, "set aside", s.setAsideNames(), nil)
		if got := n.tries("p-003"); got < 3 || got > 20 {
			t.Errorf("the changing file was put %d times in 5 minutes", got)
		}
		s.mu.Lock()
		s.openErr = nil
		s.mu.Unlock()
		pass(15 * time.Minute)
		equal(t, "left when they can be read", s.names(), []string{"p-003"})
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// A file that changes between its receipt and its removal is uploaded anew.
func TestChangedBeforeRemoval(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool("p-1")
		n := newNode(func(name string, call int) error {
			if call == 1 {
				s.add(name, "something else")
			}
			return nil
		})
		r := start(t, config(n), s)
		pass(time.Minute)
		equal(t, "left", s.names(), nil)
		equal(t, "receipts", s.booked(), []string{"p-1", "p-1"})
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestOldReceipts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*store.Receipt)
		puts   int
	}{
		{"the same file", func(*store.Receipt) {}, 0},
		{"another content", func(r *store.Receipt) { r.SHA256 = strings.Repeat("0", 64) }, 1},
		{"another size", func(r *store.Receipt) { r.Size++ }, 1},
		{"another name", func(r *store.Receipt) { r.Name = "p-2" }, 1},
		{"another node", func(r *store.Receipt) { r.URL = "http://other/" }, 1},
		{"another sink", func(r *store.Receipt) { r.Sink = "other" }, 1},
		{"by push", func(r *store.Receipt) { r.By = store.ByPush }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, n := newSpool("p-1"), newNode(nil)
				cfg := config(n)
				cfg.Drain = true
				if err := newUploader(cfg, s).Run(t.Context()); err != nil { // makes the receipt
					t.Fatal(err)
				}
				tt.change(&s.receipts[0])
				s.add("p-1", "content of p-1") // killed before the removal
				n.calls = nil
				if err := newUploader(cfg, s).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := len(n.seen()); got != tt.puts || len(s.receipts) != 1+tt.puts {
					t.Errorf("%d puts, %d receipts, want %d and %d", got, len(s.receipts), tt.puts, 1+tt.puts)
				}
				equal(t, "left", s.names(), nil)
			})
		})
	}
}

func TestStopGivesEightSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 9)...)
		n := newNode(nil)
		n.takes = 7 * time.Second
		cfg := config(n)
		cfg.Concurrency = 2
		stuck := &stuckNode{fakeNode: n, name: "p-002"}
		cfg.Target.Sink = stuck
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

func TestNoTwoOfOneNameInFlight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool("p-a b", "p-a?b", "p-a*b", "p-ab", "p-a\nb")
		n := newNode(nil)
		n.takes = time.Second
		cfg := config(n)
		cfg.Drain = true
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n.clash || len(s.receipts) != 5 {
			t.Errorf("clash %v, %d receipts, want false, 5", n.clash, len(s.receipts))
		}
	})
}

func TestDrainSaysWhatIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 20)...)
		s.openErr["p-009"] = fs.ErrPermission
		n := newNode(func(name string, _ int) error {
			if name == "p-002" {
				return refusal(name, sink.Temporary, 503)
			}
			return nil
		})
		cfg := config(n)
		cfg.Drain = true
		err := newUploader(cfg, s).Run(t.Context())
		var left *LeftError
		if !errors.As(err, &left) || left.Files != 2 || left.First != "p-002" || exitcode.Of(err) != exitcode.Failed {
			t.Errorf("Run = %v, want that two are left", err)
		}
		equal(t, "left", s.names(), []string{"p-002", "p-009"})
		if got := lastStatus(t, s).State; got != status.Failed {
			t.Errorf("state %s, want %s", got, status.Failed)
		}
	})
}

func TestLastErrorIsKeptUntilTheFirstSuccess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(), newNode(nil)
		s.state[store.StateUploader] = []byte(`{"pid":1,"last_error":"upload x: 503","last_error_at":"2026-01-02T03:04:05Z"}`)
		r := start(t, config(n), s)
		defer r.end()
		pass(5 * time.Second)
		if got := lastStatus(t, s).LastError; got != "upload x: 503" {
			t.Errorf("last_error %q before a success", got)
		}
		s.add("p-1", "x")
		pass(5 * time.Second)
		if got := lastStatus(t, s); got.LastError != "" || got.Uploaded != 1 {
			t.Errorf("last_error %q after a success, uploaded %d", got.LastError, got.Uploaded)
		}
	})
}

func TestPostponedFilesAreBounded(t *testing.T) {
	t.Parallel()
	p := newPlan(config(newNode(nil)))
	for i := range maxPostponed {
		p.postponed[time.Duration(i).String()] = &track{}
	}
	p.putOff(&track{name: "one more"}, time.Now())
	if len(p.postponed) != maxPostponed || !slices.Contains(p.left(), "one more") {
		t.Errorf("%d files behind the others, want %d, the last one among them", len(p.postponed), maxPostponed)
	}
}
