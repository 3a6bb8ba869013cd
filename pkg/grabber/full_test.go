package grabber

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

func TestFullDiskPausesAndGoesOn(t *testing.T) {
	t.Parallel()
	full := &store.FullError{Reason: "the disk has 3 MiB free, 64 MiB are wanted"}
	for _, tt := range []struct {
		name         string
		fill, remedy func(w *fakeWriter)
	}{
		{
			"found out by asking",
			func(w *fakeWriter) { w.noRoom = full },
			func(w *fakeWriter) { w.noRoom = nil },
		},
		{
			"found out by a write",
			func(w *fakeWriter) { w.refuse, w.noRoom = full, full },
			func(w *fakeWriter) { w.refuse, w.noRoom = nil, nil },
		},
		{
			"a quota, of which asking knows nothing",
			func(w *fakeWriter) { w.refuse = full },
			func(w *fakeWriter) { w.refuse = nil },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				before, linesBefore := numbered(10, 100)
				during, linesDuring := numbered(50_000, 100)
				c := newCapture(append(append(before, pauses(10*time.Second)), during...)...)
				stop, _ := c.start(t)
				time.Sleep(5 * time.Second)
				c.writer.set(tt.fill)
				time.Sleep(5*time.Minute + 5*time.Second)

				c.wantStored(t, linesBefore)
				wantPaused(t, c, full.Reason)

				c.writer.set(tt.remedy)
				time.Sleep(5 * time.Second)
				c.wantStored(t, linesBefore+linesDuring)
				if got := c.state.status(t); got.State != status.Capturing || got.Messages != 50_010 {
					t.Errorf("status = %s with %d messages, want capturing with 50010", got.State, got.Messages)
				}
				if n := len(c.log.of("the store has room again: capture goes on")); n != 1 {
					t.Errorf("said %d times that it goes on, want once", n)
				}
				if err := stop(); err != nil {
					t.Errorf("Run = %v, want nil", err)
				}
			})
		})
	}
}

// wantPaused checks a capture that has been paused for five minutes.
func wantPaused(t *testing.T, c *capture, why string) {
	t.Helper()
	if got := c.state.status(t); got.State != status.Paused || got.Detail != why || got.Stuck != nil {
		t.Errorf("status = %s (%s), stuck in %q, want paused, why, and not stuck", got.State, got.Detail, got.Stuck)
	}
	if at := c.source.where(); at > 10+1+2*halfBytes/100 {
		t.Errorf("the reader is at message %d: it did not stop", at)
	}
	said := len(c.log.of("the store has no room: capture pauses"))
	if said < 9 || said > 11 { // in five minutes
		t.Errorf("said %d times, want once every 30 s", said)
	}
	if n := len(c.writer.writes()); n > 310 {
		t.Errorf("%d tries in five minutes: that is hammering", n)
	}
}

func TestFullDiskWithAFiniteInputWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"), ends)
		c.writer.refuse = &store.FullError{Reason: "full"}
		_, ended := c.start(t)
		time.Sleep(time.Hour)
		select {
		case err := <-ended:
			t.Fatalf("Run = %v, want it to wait for room", err)
		default:
		}
		c.writer.set(func(w *fakeWriter) { w.refuse = nil })
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		c.wantStored(t, "a\n")
	})
}

func TestSlowSyncLosesNoConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// 500 ms of a disk that does not answer, in a stream as large as Twitter's
		// sample. What a larger one sends meanwhile waits in the kernel.
		var steps []step
		message := strings.Repeat("x", 3500)
		for range 60 {
			steps = append(steps, says(message), pauses(time.Second/60))
		}
		c := newCapture(append(steps, ends)...)
		hang := make(chan struct{})
		c.writer.hang = hang
		_, ended := c.start(t)
		<-c.writer.entered
		at := c.source.where()
		time.Sleep(500 * time.Millisecond)
		if went := c.source.where() - at; went < 50 { // 30 messages, each a step and a pause
			t.Errorf("the reader took %d steps while the disk did not answer, want about 60", went)
		}
		c.writer.set(func(w *fakeWriter) { w.hang = nil })
		close(hang)
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if got := strings.Count(c.writer.lines(), "\n"); got != 60 {
			t.Errorf("stored %d messages, want 60", got)
		}
	})
}

func TestFullDiskEndsWhenTheTimeIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		messages, _ := numbered(50_000, 100) // more than fits into memory
		c := newCapture(append(messages, hangs)...)
		c.cfg.Duration = time.Minute
		c.writer.refuse = &store.FullError{Reason: "full"}
		began := time.Now()
		if err := c.run(t); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took < time.Minute || took > time.Minute+stopTime {
			t.Errorf("Run took %v, want a minute, and at most %v to store what is in memory", took, stopTime)
		}
		if got := c.state.status(t); got.LostAtStop == 0 {
			t.Error("what was in memory is not counted as lost")
		}
	})
}
