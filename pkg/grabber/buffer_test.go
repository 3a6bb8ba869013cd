package grabber

import (
	"strings"
	"testing"
)

func TestBufferBoundsMemory(t *testing.T) {
	t.Parallel()
	for _, held := range []int{0, heldBytes / 2, heldBytes - 3*markBytes, heldBytes} {
		boundsMemory(t, held)
	}
}

func boundsMemory(t *testing.T, held int) {
	t.Helper()
	b := newBuffer()
	b.beside(held)
	half := max(min(halfBytes, (heldBytes-held)/2), markBytes) // a batch worth writing fits in any case
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
