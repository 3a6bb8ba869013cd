package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// place is a fake node of a URL of its own.
type place struct {
	*fakeNode
	url string
}

func (p place) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	r, err := p.fakeNode.Put(ctx, obj)
	r.URL = p.url
	return r, err
}

// mirror is a configuration of several places, a, b, c ….
func mirror(nodes ...*fakeNode) Config {
	cfg := config(nodes[0])
	cfg.Targets = nil
	for i, n := range nodes {
		url := "http://" + string(rune('a'+i)) + ".test/"
		cfg.Targets = append(cfg.Targets, Target{Sink: place{n, url}, Kind: "fake", URL: url, For: url})
	}
	return cfg
}

// receiptOf is one that a place gave for a file of a fakeSpool.
func receiptOf(name, url string, at time.Time) store.Receipt {
	content := "content of " + name
	sum := sha256.Sum256([]byte(content))
	return store.Receipt{Time: at, Name: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Sink: "fake", URL: url, By: store.ByWatch}
}

// booked fails unless each of the names has one receipt of each place.
func bookedOnce(t *testing.T, s *fakeSpool, cfg Config, names []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, r := range s.receipts {
		count[r.URL+" "+r.Name]++
	}
	for _, target := range cfg.Targets {
		for _, name := range names {
			if n := count[target.URL+" "+name]; n != 1 {
				t.Errorf("%d receipts of %s by %s, want 1", n, name, target.URL)
			}
		}
	}
	if len(s.receipts) != len(names)*len(cfg.Targets) {
		t.Errorf("%d receipts, want %d", len(s.receipts), len(names)*len(cfg.Targets))
	}
}

// on is a switch that is on.
func on() *atomic.Bool {
	b := &atomic.Bool{}
	b.Store(true)
	return b
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}

func TestMirror(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := numbered("p-", 1, 50)
		s, a, b, c := newSpool(names...), newNode(nil), newNode(nil), newNode(nil)
		b.takes = time.Second
		cfg := mirror(a, b, c)
		cfg.Drain = true
		if err := newUploader(cfg, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, n := range []*fakeNode{a, b, c} {
			equal(t, "taken", sorted(n.taken), names)
		}
		bookedOnce(t, s, cfg, names)
		equal(t, "left in the store", s.names(), nil)
		got := lastStatus(t, s)
		if got.State != status.Done || got.Uploaded != 50 || got.Waiting != 0 || len(got.Targets) != 3 {
			t.Errorf("last status %+v", got)
		}
		for _, target := range got.Targets {
			if target.Uploaded != 50 || target.Waiting != 0 || target.LastUpload.IsZero() {
				t.Errorf("target %+v, want 50 uploaded and none waiting", target)
			}
		}
	})
}

// One that takes nothing, however it says so, holds up no other and ends
// nothing; when it is back it gets what it lacks, and nobody anything twice.
func TestMirrorOneDown(t *testing.T) {
	for _, kind := range []sink.Kind{sink.Temporary, sink.Pause, sink.Credentials, sink.Misdirected, sink.Permanent} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				names := numbered("p-", 1, 40)
				s, down := newSpool(names...), on()
				a, b := newNode(func(name string, _ int) error {
					if down.Load() {
						return refusal(name, kind, 500)
					}
					return nil
				}), newNode(nil)
				cfg := mirror(a, b)
				r := start(t, cfg, s)
				pass(10 * time.Minute)
				equal(t, "taken by the other", sorted(b.taken), names)
				equal(t, "in the store", s.names(), names)
				if r.over() {
					t.Fatalf("it ended: %v", r.err)
				}
				if n := len(a.seen()); n == 0 || n > 60 {
					t.Errorf("the one that is down was asked %d times in ten minutes", n)
				}
				got := lastStatus(t, s)
				if x, y := got.Targets[0], got.Targets[1]; x.Waiting != 40 || x.LastError == "" || x.State == status.Idle || y.Waiting != 0 || y.State != status.Idle || y.Uploaded != 40 {
					t.Errorf("targets %+v", got.Targets)
				}
				if got.Waiting != 40 || got.Uploaded != 0 || got.State != status.Waiting {
					t.Errorf("status %+v, want 40 waiting, none uploaded", got)
				}
				down.Store(false)
				pass(5 * time.Minute)
				equal(t, "left in the store", s.names(), nil)
				bookedOnce(t, s, cfg, names)
				if n := len(b.seen()); n != 40 {
					t.Errorf("%d puts to the other, want 40", n)
				}
				if err := r.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// It ends when all have given up, with what one alone would have ended it.
func TestMirrorAllDown(t *testing.T) {
	for kind, code := range map[sink.Kind]int{sink.Temporary: exitcode.Failed, sink.Credentials: exitcode.Credentials, sink.Misdirected: exitcode.Config} {
		bubbleIn(t, fmt.Sprint(kind), func(t *testing.T) {
			refuse := func(name string, _ int) error { return refusal(name, kind, 500) }
			s, a, b := newSpool(numbered("p-", 1, 9)...), newNode(refuse), newNode(refuse)
			cfg := mirror(a, b)
			err := newUploader(cfg, s).Run(t.Context())
			if got := exitcode.Of(err); got != code {
				t.Errorf("exit %d (%v), want %d", got, err, code)
			}
			var states []string
			for name := range s.state {
				if strings.HasPrefix(name, "uploader.backoff") {
					states = append(states, name)
				}
			}
			if len(states) != 2 || s.state[store.StateUploaderBackoff] != nil {
				t.Errorf("back-off of %v, want a file of each", states)
			}
			// The next process waits, and goes on where both stood.
			calls := len(a.seen()) + len(b.seen())
			began := time.Now()
			if err := newUploader(cfg, s).Run(t.Context()); exitcode.Of(err) != code || time.Since(began) < time.Second {
				t.Errorf("the next one ended after %v with %v", time.Since(began), err)
			}
			if more := len(a.seen()) + len(b.seen()) - calls; more < 2 || more > 4 {
				t.Errorf("the next one asked %d times", more)
			}
		})
	}
}

// One that gave up and is back lives: when another gives up then, it goes on.
func TestMirrorTakesTurns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		aDown, bDown := on(), &atomic.Bool{}
		while := func(down *atomic.Bool) func(string, int) error {
			return func(name string, _ int) error {
				if down.Load() {
					return refusal(name, sink.Credentials, 403)
				}
				return nil
			}
		}
		s, a, b := newSpool(numbered("p-", 1, 9)...), newNode(while(aDown)), newNode(while(bDown))
		cfg := mirror(a, b)
		r := start(t, cfg, s)
		pass(5 * time.Minute)
		aDown.Store(false)
		pass(5 * time.Minute)
		equal(t, "left in the store", s.names(), nil)
		bDown.Store(true)
		for _, name := range numbered("q-", 1, 9) {
			s.add(name, "content of "+name)
		}
		pass(5 * time.Minute)
		if r.over() {
			t.Fatalf("it ended: %v", r.err)
		}
		bDown.Store(false)
		pass(5 * time.Minute)
		equal(t, "left in the store", s.names(), nil)
		bookedOnce(t, s, cfg, append(numbered("p-", 1, 9), numbered("q-", 1, 9)...))
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestMirrorDrainsWithOneDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := numbered("p-", 1, 30)
		s, a := newSpool(names...), newNode(func(name string, _ int) error { return refusal(name, sink.Temporary, 500) })
		b := newNode(nil)
		cfg := mirror(a, b)
		cfg.Drain = true
		err := newUploader(cfg, s).Run(t.Context())
		if exitcode.Of(err) != exitcode.Failed || !strings.Contains(fmt.Sprint(err), "refused") {
			t.Errorf("Run = %v, want why one takes nothing", err)
		}
		equal(t, "taken by the other", sorted(b.taken), names)
		equal(t, "in the store", s.names(), names)
	})
}

// A file that one refuses for good goes aside when all others have it; put back,
// only the one that lacks it gets it.
func TestMirrorRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, refuses, down := newSpool(numbered("p-", 1, 20)...), on(), on()
		a := newNode(func(name string, _ int) error {
			if name == "p-005" && refuses.Load() {
				return refusal(name, sink.Permanent, 413)
			}
			return nil
		})
		b := newNode(func(name string, _ int) error {
			if down.Load() {
				return refusal(name, sink.Pause, 500)
			}
			return nil
		})
		cfg := mirror(a, b)
		r := start(t, cfg, s)
		pass(5 * time.Minute)
		equal(t, "set aside while one lacks it", s.setAsideNames(), nil)
		if n := a.tries("p-005"); n > 4 {
			t.Errorf("the file was tried %d times where it is refused", n)
		}
		down.Store(false)
		pass(3 * time.Minute)
		equal(t, "set aside", s.setAsideNames(), []string{"p-005"})
		equal(t, "left in the store", s.names(), nil)
		if why := s.aside["p-005"]; why.URL != cfg.Targets[0].URL || why.Status != 413 || !strings.Contains(why.Reason, cfg.Targets[0].URL) || strings.Contains(why.Reason, cfg.Targets[1].URL) {
			t.Errorf("reason %+v, want the one place that refuses it", why)
		}
		refuses.Store(false)
		s.mu.Lock()
		delete(s.aside, "p-005")
		s.mu.Unlock()
		s.add("p-005", "content of p-005")
		pass(time.Minute)
		equal(t, "left in the store after it was put back", s.names(), nil)
		bookedOnce(t, s, cfg, numbered("p-", 1, 20))
		if n := b.tries("p-005"); n != 1+b.refusedOf("p-005") {
			t.Errorf("it was put %d times where it was", n)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// refusedOf counts the tries of a name that were refused.
func (n *fakeNode) refusedOf(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken := 0
	for _, other := range n.taken {
		if other == name {
			taken++
		}
	}
	return n.each[name] - taken
}

// A place that is added gets what is still in the store; one that is removed
// holds back nothing.
func TestMirrorChanges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := numbered("p-", 1, 20)
		s, a, b, c := newSpool(names...), newNode(nil), newNode(func(name string, _ int) error { return refusal(name, sink.Pause, 500) }), newNode(nil)
		r := start(t, mirror(a, b), s)
		pass(time.Minute)
		equal(t, "in the store", s.names(), names)
		if err := r.end(); err != nil {
			t.Error(err)
		}
		three := mirror(a, b, c)
		three.Targets = []Target{three.Targets[0], three.Targets[2]} // b is gone, c is new
		three.Drain = true
		if err := newUploader(three, s).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, "left in the store", s.names(), nil)
		equal(t, "taken by the new one", sorted(c.taken), names)
		if len(a.seen()) != 20 {
			t.Errorf("%d puts to the one that had all", len(a.seen()))
		}
	})
}

// A disk that is full of receipts stops all and loses nothing.
func TestMirrorFullLedger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := numbered("p-", 1, 100)
		s, a, b := newSpool(names...), newNode(nil), newNode(nil)
		s.fill(&store.FullError{Reason: "no room"})
		cfg := mirror(a, b)
		r := start(t, cfg, s)
		pass(time.Minute)
		if got := lastStatus(t, s); got.State != status.Paused || got.Blocked == "" {
			t.Errorf("status %+v, want paused", got)
		}
		if len(a.taken) > 40 || len(s.names()) != 100 {
			t.Errorf("%d taken and %d left while nothing can be booked", len(a.taken), len(s.names()))
		}
		s.fill(nil)
		pass(time.Minute)
		equal(t, "left in the store", s.names(), nil)
		bookedOnce(t, s, cfg, names)
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// The store's failure ends all.
func TestMirrorStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 10)...)
		s.fill(&store.Error{Op: "append to", Path: "ledger", Err: errors.New("input/output error")})
		err := newUploader(mirror(newNode(nil), newNode(nil)), s).Run(t.Context())
		if exitcode.Of(err) != exitcode.Store || strings.Count(err.Error(), "input/output") != 1 {
			t.Errorf("Run = %v, want the store's error once", err)
		}
	})
}
