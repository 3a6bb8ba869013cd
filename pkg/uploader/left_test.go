package uploader

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
	"github.com/storj/twitter-stream/pkg/store"
)

// A foreign file that somebody writes to all the time is waited for, but not
// for ever.
func TestDrainEndsWithAFileThatKeepsChanging(t *testing.T) {
	for _, tt := range []struct {
		name      string
		longest   time.Duration
		unread    bool
		quietFrom time.Duration // 0 never
		takes     time.Duration
		left      int
		first     string
	}{
		{"never quiet", time.Minute, false, 0, time.Minute, 1, "p-x"},
		{"never quiet, short waits", time.Second, false, 0, leastForeign, 1, "p-x"},
		{"beside one that cannot be read", time.Minute, true, 0, time.Minute, 2, "p-002"},
		{"quiet in time", time.Minute, false, 30 * time.Second, 30 * time.Second, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, n := newSpool(numbered("p-", 1, 3)...), newNode(nil)
				s.foreign = []string{"p-x"}
				if tt.unread {
					s.openErr["p-002"] = os.ErrPermission
				}
				if tt.quietFrom > 0 {
					time.AfterFunc(tt.quietFrom, func() {
						s.mu.Lock()
						defer s.mu.Unlock()
						s.foreign = nil
					})
				}
				cfg := config(n)
				cfg.Drain, cfg.Backoff.Max = true, tt.longest
				began := time.Now()
				r := start(t, cfg, s)
				select {
				case <-r.ended:
				case <-time.After(time.Hour):
					t.Error("the drain goes on for ever")
				}
				if took := time.Since(began); took < tt.takes || took > tt.takes+3*time.Second {
					t.Errorf("ended after %v, want %v", took, tt.takes)
				}
				err := r.end()
				if tt.left == 0 {
					if err != nil {
						t.Errorf("Run = %v, want nil", err)
					}
					return
				}
				var left *LeftError
				if !errors.As(err, &left) || left.Files != tt.left || left.First != tt.first || exitcode.Of(err) != exitcode.Failed {
					t.Errorf("Run = %v, want %d left, the first %s", err, tt.left, tt.first)
				}
			})
		})
	}
}

// What an earlier process wrote may name anything: the working file, a file
// that is not ours. Nothing but finished files leaves the store.
func TestSuspectsAreFinishedFiles(t *testing.T) {
	t.Parallel()
	st, files := realStore(t, 3)
	names := []string{"grabber.dat", "other.txt", "." + prefix + "20260102T030405.000009Z-000009.jsonl", "Other-20260102T030405.000009Z-000009.jsonl"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(st.Dir(), name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	state := fmt.Sprintf(`{"kind":"doubt","step":1,"for":"us","suspects":[%q,%q,%q,%q]}`, names[0], names[1], names[2], names[3])
	if err := st.WriteState(store.StateUploaderBackoff, []byte(state), true); err != nil {
		t.Fatal(err)
	}
	n := sinktest.NewWebNode(t)
	cfg := realConfig(t, n)
	cfg.Drain = true
	if err := New(cfg, st).Run(t.Context()); err != nil {
		t.Error(err)
	}
	checkBooks(t, st, n, files)
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(st.Dir(), name)); err != nil {
			t.Errorf("%s has left the store: %v", name, err)
		}
	}
}

// However many files are in flight, a start finds the receipt of each file
// that a kill left in the store.
func TestUnremovedReceiptsAreFound(t *testing.T) {
	t.Parallel()
	const unsynced = 256
	for _, concurrency := range []int{1, 4, 100, 256} {
		for _, lands := range []int{1, concurrency/2 + 1, concurrency} {
			cfg := config(newNode(nil))
			cfg.Concurrency = concurrency
			p := newPlan(cfg)
			p.refill(numberedWide(4 * recentReceipts))
			for {
				for next := p.next(time.Now()); next != nil; next = p.next(time.Now()) {
					p.start(next)
				}
				flying := slices.Collect(maps.Values(p.flying))
				if len(flying) == 0 {
					break
				}
				for _, t := range flying[:min(lands, len(flying))] {
					p.taken(t, true)
				}
			}
			if got := len(p.booking); got+unsynced > recentReceipts || got < 4*min(concurrency, 100) {
				t.Errorf("%d in flight, %d land at once: %d files may be proven and not removed, want room for all of them in %d receipts",
					concurrency, lands, got, recentReceipts)
			}
		}
	}
}

func numberedWide(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("p-%06d", i))
	}
	return names
}
