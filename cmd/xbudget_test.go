//go:build unix

package cmd_test

import (
	"strings"
	"testing"
	"time"
)

// xState is what the tests read of grabber.json.
type xState struct {
	State, Detail, LastError string
	Messages                 uint64
	Budget                   struct {
		Month                  string
		Posts                  uint64
		Spent, Forecast, Limit float64
	}
}

// kept returns the sum of all months on the disk.
func (w *world) kept() (posts uint64) {
	w.t.Helper()
	var sums struct {
		Months map[string]struct{ Posts uint64 }
	}
	readStatus(w.t, w.store, "budget", &sums)
	for _, month := range sums.Months {
		posts += month.Posts
	}
	return posts
}

func TestXBudget(t *testing.T) {
	t.Parallel()
	x := newX(t, oneRule)
	w := x.world(t, quick("stream_price", "0.005", "stream_budget", "1"))
	state := func() (s xState) { readStatus(t, w.store, "grabber", &s); return s }

	p := w.start("grabber")
	x.send(100)
	eventually(t, "100 posts are stored, and no more reserved than for a slow stream", func() bool {
		return state().Messages == 100 && w.kept() >= 100 && w.kept() <= 132
	})
	p.kill()
	x.left(t) // else a dead connection may still be sent some
	p = w.start("grabber")
	x.send(30)
	eventually(t, "30 more", func() bool { return state().Messages == 30 })
	if b := state().Budget; b.Posts < 130 || b.Posts > 162 || b.Limit != 1 {
		t.Errorf("after a kill: %+v, want 130 posts and a reserve", b)
	}
	p.stop()
	if exact := state().Budget.Posts; w.kept() != exact || exact < 130 {
		t.Errorf("after a stop %d posts are kept, want the exact %d", w.kept(), exact)
	}

	p = w.start("grabber")
	x.send(300)
	eventually(t, "a pause", func() bool { return state().State == "paused" })
	s := state()
	if s.Budget.Spent < 1 || !strings.Contains(s.Detail, "is spent") || s.Budget.Posts < 200 {
		t.Errorf("paused: %+v", s)
	}
	x.left(t)
	has(t, "the grabber", p.out.String(), "of this month's budget is spent", "capture pauses")
	if code, out := w.run("daemon", "status"); code != 1 {
		t.Errorf("status: exit %d", code)
	} else {
		has(t, "status", out, "paused", "posts", "stream_budget")
	}
	var before, after struct{ Beat uint64 }
	readStatus(t, w.store, "grabber", &before)
	eventually(t, "the beat moves", func() bool { readStatus(t, w.store, "grabber", &after); return after.Beat > before.Beat+1 })
	connections := look(x, func() int { return len(x.streams) })
	p.kill()
	w.forget("grabber")

	p = w.start("grabber")
	eventually(t, "still a pause", func() bool { return state().State == "paused" })
	if n := look(x, func() int { return len(x.streams) }); n != connections {
		t.Errorf("it connected though the budget is spent")
	}
	p.stop()
	if code, out := w.run("grabber", "coverage", "--json"); code != 0 || !strings.Contains(out, `"reason": "budget"`) && !strings.Contains(out, `"reason":"budget"`) {
		t.Errorf("the captured book knows nothing of the pause (exit %d):\n%s", code, out)
	}

	w.set("stream_budget", "100")
	p = w.start("grabber")
	eventually(t, "all the rest", func() bool { return look(x, func() int { return x.sent }) == 430 && state().State == "capturing" })
	p.stop()
	if got := len(w.inStore()); got < 425 {
		t.Errorf("%d posts are stored, want all 430 but what kills took", got)
	}
}

// Whenever the grabber is killed, the sum of the month holds at least all that
// was ever stored.
func TestXSumSurvivesKills(t *testing.T) {
	t.Parallel()
	x := newX(t, oneRule)
	w := x.world(t, quick("stream_price", "0.005"))
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				x.send(5) // 250 a second, as X sends at most
			}
		}
	}()
	for kill := range 6 {
		before := len(w.inStore())
		p := w.start("grabber")
		eventually(t, "posts are stored", func() bool { return len(w.inStore()) >= before+20+70*kill })
		p.kill()
		stored := uint64(len(w.inStore()))
		sum := w.kept()
		// What each kill may leave too high: twice a second's posts.
		if most := look(x, func() int { return x.sent }) + (kill+1)*(2*250+32); sum < stored || sum > uint64(most) {
			t.Fatalf("after %d kills: %d posts are in the sum, %d stored, at most %d expected", kill+1, sum, stored, most)
		}
	}
}
