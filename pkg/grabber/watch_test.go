package grabber

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

func TestSilenceIsSaidOnceAndEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"), pauses(time.Hour), says("b"), pauses(5*time.Minute))
		c.cfg.SilenceWarning = 10 * time.Minute
		c.source.counts.Connected, c.source.counts.Connects = time.Now(), 1
		stop, _ := c.start(t)
		time.Sleep(9 * time.Minute)
		if c.state.status(t).Silent {
			t.Error("silent after nine minutes, want not yet")
		}
		time.Sleep(50 * time.Minute)
		const sentence = "the connection is alive but brings no message: are the stream's parameters right?"
		if got := c.state.status(t); !got.Silent || got.State != status.Capturing {
			t.Errorf("status = %s, silent %v, want capturing in silence", got.State, got.Silent)
		}
		if n := len(c.log.of(sentence)); n != 1 {
			t.Errorf("said %d times, want once", n)
		}
		time.Sleep(5 * time.Minute)
		if c.state.status(t).Silent || len(c.log.of("messages come again")) != 1 {
			t.Errorf("silent = %v after a message, said %d times, want false, once", c.state.status(t).Silent, len(c.log.of("messages come again")))
		}
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

// While the store has no room nothing is read: that is not the stream's doing.
func TestNoSilenceWhilePaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"))
		c.cfg.SilenceWarning = 10 * time.Minute
		c.source.counts.Connected, c.source.counts.Connects = time.Now(), 1
		c.writer.noRoom = &store.FullError{Reason: "full"}
		stop, _ := c.start(t)
		time.Sleep(time.Hour)
		if got := c.state.status(t); got.State != status.Paused || got.Silent {
			t.Errorf("status = %s, silent %v, want paused, not silent", got.State, got.Silent)
		}
		c.writer.set(func(w *fakeWriter) { w.noRoom = nil })
		time.Sleep(9 * time.Minute)
		if c.state.status(t).Silent {
			t.Error("silent nine minutes after the pause, want not yet")
		}
		time.Sleep(2 * time.Minute)
		if !c.state.status(t).Silent {
			t.Error("not silent eleven minutes after the pause")
		}
		_ = stop()
	})
}

func TestNoSilenceWithoutAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(fails(stream.RateLimit))
		c.cfg.SilenceWarning = time.Second
		stop, _ := c.start(t)
		time.Sleep(30 * time.Second)
		if c.state.status(t).Silent {
			t.Error("silent while it waits, want not")
		}
		_ = stop()
	})
}

func TestSummaryOnceAMinuteIfThereIsSomethingNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"), pauses(90*time.Second), says("b"), pauses(time.Hour))
		stop, _ := c.start(t)
		time.Sleep(10 * time.Minute)
		if n := len(c.log.of("captured")); n != 2 {
			t.Errorf("summed up %d times, want 2", n)
		}
		_ = stop()
		if said := c.log.of("the capture has ended"); len(said) != 1 || said[0].Data["messages"] != uint64(2) {
			t.Errorf("said %v at the end, want 2 messages", said)
		}
	})
}

func TestNotices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture()
		g := New(c.cfg, c.state)
		g.Notice(stream.NoticeConnected, "http://stream.example/")
		if got := g.reporter.State(); got != status.Capturing {
			t.Errorf("state = %s, want capturing", got)
		}
		for range 1000 {
			g.Notice(stream.NoticeGarbage, "<html>")
			g.Notice("new one", "x")
		}
		g.Notice(stream.NoticeOversize, "17 MiB")
		time.Sleep(30 * time.Second)
		g.Notice(stream.NoticeGarbage, "<html>")
		said := c.log.of("a line that is no JSON object was dropped")
		if len(said) != 2 || said[1].Data["count"] != 1000 {
			t.Errorf("said %v, want at once, then for 1000", said)
		}
		for _, sentence := range []string{"connected", "a message that is too long was skipped", "the stream has something to say"} {
			if n := len(c.log.of(sentence)); n != 1 {
				t.Errorf("%q said %d times, want once", sentence, n)
			}
		}
	})
}

func TestHooksAreStages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(hangs)
		g := New(c.cfg, c.state)
		go func() { _ = g.Run(t.Context(), c.source, c.writer) }()
		g.Reading(time.Minute)
		g.Busy("write", time.Hour)()
		g.Busy("finish", 2*time.Minute)
		time.Sleep(90 * time.Second)
		if got := c.state.status(t).Stuck; len(got) != 1 || got[0] != "read" {
			t.Errorf("stuck = %q, want read", got)
		}
		time.Sleep(time.Minute)
		if got := c.state.status(t).Stuck; len(got) != 2 || got[1] != "finish" {
			t.Errorf("stuck = %q, want read and finish", got)
		}
		g.Finished("x.jsonl", 5)
		time.Sleep(2 * time.Second)
		if got := c.state.status(t).Files; got != 1 {
			t.Errorf("files = %d, want 1", got)
		}
	})
}

func TestRate(t *testing.T) {
	t.Parallel()
	var r rate
	now := time.Unix(1e9, 0)
	add := func(seconds int, value uint64) float64 {
		return r.add(value, now.Add(time.Duration(seconds)*time.Second), 10)
	}
	for i, want := range []float64{0, 100, 100, 100} {
		if got := add(i, uint64(i)*100); got != want {
			t.Errorf("rate at %d s = %v, want %v", i, got, want)
		}
	}
	if got := add(4, 800); got != 200 {
		t.Errorf("rate at 4 s = %v, want 200", got)
	}
	for i := 5; i < 14; i++ { // the last ten looks alone count
		add(i, 800)
	}
	if got := add(14, 800); got != 0 {
		t.Errorf("rate after ten still seconds = %v, want 0", got)
	}
	if got := add(15, 1800); got != 100 {
		t.Errorf("rate when it goes on = %v, want 100", got)
	}
}
