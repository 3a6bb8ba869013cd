package grabber

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

func TestStopWritesWhatIsInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"), says("b"))
		c.source.buffered = 3 // whole messages off the socket, not yet asked for
		stop, _ := c.start(t)
		time.Sleep(time.Minute)
		began := time.Now()
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("stopping took %v", took)
		}
		c.wantStored(t, "a\nb\nbuffered 2\nbuffered 1\nbuffered 0\n")
		if !c.writer.hurried || c.writer.closed != 1 {
			t.Errorf("hurried = %v, closed %d times, want true, once", c.writer.hurried, c.writer.closed)
		}
		if got := c.state.status(t); got.State != status.Stopped || got.Messages != 5 {
			t.Errorf("last status = %s with %d messages, want stopped with 5", got.State, got.Messages)
		}
	})
}

func TestStopDuringAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(fails(2))
		stop, _ := c.start(t)
		time.Sleep(10 * time.Second)
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > 100*time.Millisecond {
			t.Errorf("Run = %v after %v, want nil at once", err, time.Since(began))
		}
	})
}

func TestStopWithAWriterThatWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps, lines := numbered(5000, 100)
		c := newCapture(steps...)
		c.writer.hang = make(chan struct{})
		stop, _ := c.start(t)
		<-c.writer.entered
		synctest.Wait() // the reader has filled what there is to fill
		go func() {
			time.Sleep(5 * time.Second)
			close(c.writer.hang)
		}()
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		got := c.writer.lines()
		if !strings.HasPrefix(lines, got) || len(got) < halfBytes {
			t.Errorf("stored %d bytes, want all that was read, in order: %q", len(got), shorten(got))
		}
		if lost := c.state.status(t).LostAtStop; lost != 0 {
			t.Errorf("lost %d messages, want none", lost)
		}
	})
}

func TestStopWithADeadDiskCountsWhatIsLost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(w *fakeWriter)
	}{
		{"append never returns", func(w *fakeWriter) { w.hang = make(chan struct{}) }},
		{"full all the time", func(w *fakeWriter) { w.refuse = &store.FullError{Reason: "full"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCapture(says("one"), says("two"), says("three"))
				tt.change(c.writer)
				if hang := c.writer.hang; hang != nil {
					defer close(hang) // the bubble's last goroutine must end
				}
				stop, _ := c.start(t)
				time.Sleep(3 * time.Second)
				began := time.Now()
				if err := stop(); err != nil {
					t.Errorf("Run = %v, want nil", err)
				}
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("stopping took %v, want at most 8s", took)
				}
				said := c.log.of("messages in memory could not be written and are lost")
				if len(said) != 1 || said[0].Data["messages"] != uint64(3) || said[0].Data["bytes"] != len("one\ntwo\nthree\n") {
					t.Errorf("said %v, want 3 messages of 14 bytes once", said)
				}
				if got := c.state.status(t); got.State != status.Stopped || got.LostAtStop != 3 {
					t.Errorf("last status = %s with %d lost, want stopped with 3", got.State, got.LostAtStop)
				}
			})
		})
	}
}

func TestStopWhileFullWritesBelowTheReserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(pauses(5*time.Second), says("a"))
		c.writer.noRoom = &store.FullError{Reason: "less than 64 MiB free"}
		stop, _ := c.start(t)
		time.Sleep(time.Minute)
		c.wantStored(t, "")
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > time.Second {
			t.Errorf("Run = %v after %v, want nil within a second", err, time.Since(began))
		}
		c.wantStored(t, "a\n")
	})
}

func TestStopOutlivesTheDisksError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"))
		c.writer.closing = errDisk
		stop, _ := c.start(t)
		time.Sleep(time.Second)
		if err := stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if said := c.log.of("not everything is finished: the next start recovers it"); len(said) != 1 {
			t.Errorf("said %v, want it said once", said)
		}
	})
}

// What the reader holds in its hand while it waits for room, and what is
// behind it, is lost, too.
func TestStopWithADeadDiskCountsWhatHasNoRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(w *fakeWriter)
	}{
		{"append never returns", func(w *fakeWriter) { w.hang = make(chan struct{}) }},
		{"full all the time", func(w *fakeWriter) { w.refuse = &store.FullError{Reason: "full"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				steps, _ := numbered(10_000, 100)
				c := newCapture(steps...)
				c.source.buffered = 3
				tt.change(c.writer)
				if hang := c.writer.hang; hang != nil {
					defer close(hang) // the bubble's last goroutine must end
				}
				stop, _ := c.start(t)
				time.Sleep(3 * time.Second)
				began := time.Now()
				if err := stop(); err != nil || time.Since(began) > 8*time.Second {
					t.Errorf("Run = %v after %v, want nil within 8s", err, time.Since(began))
				}
				read := c.source.where() + 3
				if lost := c.state.status(t).LostAtStop; lost != uint64(read) || read < halfBytes/101 || read > len(steps) {
					t.Errorf("lost %d messages, want all %d that were read counted", lost, read)
				}
			})
		})
	}
}

func TestStopDoesNotWaitForAStatusThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"))
		c.state.hang = make(chan struct{})
		defer close(c.state.hang) // the bubble's last goroutine must end
		stop, _ := c.start(t)
		time.Sleep(3 * time.Second)
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("Run = %v after %v, want nil within 2s", err, time.Since(began))
		}
		c.wantStored(t, "a\n")
		if said := c.log.of("the last status could not be written"); len(said) != 1 {
			t.Errorf("said %v, want it said once", said)
		}
	})
}
