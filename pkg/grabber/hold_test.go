package grabber

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// A source that pauses by its own will is shown, said every 30 s, and no hung
// process.
func TestHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("first"))
		c.cfg.Budget = func() *status.Budget { return &status.Budget{Month: "2000-01", Posts: 7} }
		journal := &fakeJournal{}
		c.cfg.Journal = journal
		g := New(c.cfg, c.state)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx, c.source, c.writer) }()
		time.Sleep(2 * time.Second)
		for range 65 {
			g.Hold("the budget is spent", false)
			time.Sleep(time.Second)
		}
		s := c.state.status(t)
		if s.State != status.Paused || s.Detail != "the budget is spent" || s.Beat < 20 || s.Budget == nil || s.Budget.Posts != 7 {
			t.Errorf("status %+v, want a pause, a beat and the budget", s)
		}
		if n := len(c.log.of("capture pauses")); n != 3 {
			t.Errorf("said %d times in a minute, want at once and every 30 s", n)
		}
		if heard := journal.heard(); !strings.Contains(heard, "budget") {
			t.Errorf("the captured book was told %q, want the budget", heard)
		}
		g.Release()
		time.Sleep(2 * time.Second)
		if s := c.state.status(t); s.State != status.Capturing || len(c.log.of("capture goes on")) != 1 {
			t.Errorf("after it: %s", s.State)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
