package grabber

import (
	"strings"
	"testing"
	"testing/synctest"
)

func TestBufferBoundsMemory(t *testing.T) {
	t.Parallel()
	for held, half := range map[int]int{
		0:         256 << 10,
		448 << 10: 256 << 10,
		820 << 10: 90 << 10,
		1 << 20:   64 << 10, // a batch worth writing fits in any case
	} {
		boundsMemory(t, held, half)
	}
}

func boundsMemory(t *testing.T, held, half int) {
	t.Helper()
	b := newBuffer()
	b.beside(held)
	message := []byte(strings.Repeat("x", 999))
	blocked := make(chan bool, 2)
	go func() {
		defer close(blocked)
		for {
			b.put(message, func(waiting bool) { blocked <- waiting })
			select {
			case <-b.gone:
				return
			default:
			}
		}
	}()
	<-blocked // the first half is full
	first := len(b.take())
	<-blocked
	<-blocked // the second, too
	if _, size := b.pending(); first > half || size > 2*half || size < 2*half-2000 {
		t.Errorf("%d bytes in memory beside %d, want both halves of %d full", size, held, half)
	}
	b.abandon()
	for range blocked {
	}
	if n, size := b.pending(); n*1000 != uint64(size) {
		t.Errorf("%d messages and %d bytes pending, want each counted", n, size)
	}
}

// A capture leaves the source the memory that it may need.
func TestMemoryIsSharedWithTheSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps, _ := numbered(20_000, 100)
		c := newCapture(steps...)
		c.source.counts.Held = 800 << 10
		c.writer.hang = make(chan struct{})
		stop, _ := c.start(t)
		<-c.writer.entered
		synctest.Wait()                                                     // the reader has filled what there is to fill
		if at := c.source.where(); at > 1+200<<10/100 || at < 100<<10/100 { // one waits for room
			t.Errorf("%d messages of 100 bytes were read beside 800 KiB in the source, want at most 200 KiB", at)
		}
		close(c.writer.hang)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestBufferForgetsALargeMessage(t *testing.T) {
	t.Parallel()
	b := newBuffer()
	large := []byte(strings.Repeat("x", 4<<20))
	for range 2 {
		b.put(large, func(bool) { t.Error("a large message waits though it is alone") })
		b.stored(len(b.take()))
	}
	if got := cap(b.lines) + cap(b.half); got > 3*halfBytes {
		t.Errorf("%d bytes kept, want two halves of %d", got, halfBytes)
	}
}

func TestBufferLetsALargeMessageInAlone(t *testing.T) {
	t.Parallel()
	b := newBuffer()
	b.put([]byte("small"), nil)
	b.take()
	waits := make(chan bool, 2)
	go b.put([]byte(strings.Repeat("x", 2*halfBytes)), func(waiting bool) { waits <- waiting })
	if waiting := <-waits; !waiting {
		t.Error("a large message was let in beside another")
	}
	b.stored(len("small\n"))
	if waiting := <-waits; waiting {
		t.Error("a large message waits though nothing else is there")
	}
}
