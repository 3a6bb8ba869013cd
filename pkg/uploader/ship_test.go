package uploader

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
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
				if s.scans > map[bool]int{true: 900, false: 150}[silent] {
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

// Events that do not come, on a network mount say, are not waited for long.
func TestEventsThatDoNotCome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, n := newSpool(), newNode(nil)
		s.deaf = true
		r := start(t, config(n), s)
		for i, name := range numbered("p-", 1, 20) {
			pass(17*time.Second + 300*time.Millisecond)
			s.add(name, "x")
			limit := scanSeldom
			if i > maxMissed {
				limit = time.Second
			}
			pass(limit)
			if n.tries(name) != 1 {
				t.Errorf("%s was not put %v after it came", name, limit)
			}
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
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

// bubbleIn is bubble as a subtest.
func bubbleIn(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { bubble(t, f) })
}
