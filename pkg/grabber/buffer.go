package grabber

import (
	"bytes"
	"slices"
	"sync"
)

const (
	// heldBytes is how much of whole messages may be in memory, those that wait in
	// the source included: less than the 1 MiB that a SIGKILL may cost.
	heldBytes = 1000 << 10
	// halfBytes is how much one half of the double buffer holds, if there is room
	// for that beside what waits in the source.
	halfBytes = 256 << 10
	// markBytes is a batch worth writing without waiting for more.
	markBytes = 64 << 10
)

// buffer decouples the socket from the disk: the reader gathers lines in one
// half while the writer writes the other. Its memory is fixed; only a single
// message that is larger than a half is let in beyond it, alone.
//
// One goroutine puts, one takes.
type buffer struct {
	ready chan struct{} // something to take: lines, a batch worth writing, the end
	room  chan struct{} // something was taken or stored
	gone  chan struct{} // closed when nobody will take any more

	mu     sync.Mutex // guards what follows
	most   int        // bytes in a half
	lines  []byte     // gathered, whole lines
	batch  []byte     // taken and not yet stored, the end of half
	half   []byte     // the array of batch
	count  uint64     // messages in lines
	queued uint64     // messages in batch
	calm   bool       // nobody looks for lines: a first one must call
	ended  bool       // nothing more will be put
	closed bool       // gone is closed
}

func newBuffer() *buffer {
	return &buffer{
		ready: make(chan struct{}, 1),
		room:  make(chan struct{}, 1),
		gone:  make(chan struct{}),
		lines: make([]byte, 0, halfBytes),
		half:  make([]byte, 0, halfBytes),
		calm:  true,
		most:  markBytes,
	}
}

// beside says how much of messages may wait in the source.
func (b *buffer) beside(held int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = min(halfBytes, max(markBytes, (heldBytes-held)/2))
}

// put copies message and a line end into the buffer, waiting for room as long
// as it takes; full is told when such a wait begins and when it is over. When
// nobody takes any more it does not wait: the message then is in the buffer to
// be counted, as all the rest.
func (b *buffer) put(message []byte, full func(bool)) {
	b.mu.Lock()
	if !b.fits(len(message) + 1) {
		b.mu.Unlock()
		full(true)
		b.await(len(message) + 1)
		full(false)
		b.mu.Lock()
	}
	before := len(b.lines)
	b.lines = slices.Grow(b.lines, len(message)+1) // at once, if at all
	b.lines = append(b.lines, message...)
	b.lines = append(b.lines, '\n')
	b.count++
	wake := before == 0 && b.calm || before < markBytes && len(b.lines) >= markBytes
	b.mu.Unlock()
	if wake {
		signal(b.ready)
	}
}

// fits reports whether n more bytes may be gathered, b.mu held. What is larger
// than may be in a half is alone in memory.
func (b *buffer) fits(n int) bool {
	return len(b.lines)+n <= b.most || len(b.lines) == 0 && len(b.batch) == 0
}

// await returns when n more bytes fit, or nobody takes any more.
func (b *buffer) await(n int) {
	for {
		select {
		case <-b.room:
		case <-b.gone:
			return
		}
		b.mu.Lock()
		ok := b.fits(n)
		b.mu.Unlock()
		if ok {
			return
		}
	}
}

// end says that nothing more will be put.
func (b *buffer) end() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	signal(b.ready)
}

// abandon says that nothing more will be taken. It is idempotent.
func (b *buffer) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		close(b.gone)
	}
}

// take returns lines to be stored: what was taken and not yet stored, else all
// that has been gathered. They are valid until stored is told of them.
func (b *buffer) take() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.batch) == 0 && len(b.lines) > 0 {
		b.batch, b.queued = b.lines, b.count
		b.lines, b.count = b.half[:0], 0
		b.half = b.batch[:0]
		signal(b.room)
	}
	return b.batch
}

// stored says that the first n bytes of what was taken, whole lines, are
// stored, and returns how many messages they are.
func (b *buffer) stored(n int) (messages uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages = b.queued
	if n < len(b.batch) {
		messages = uint64(bytes.Count(b.batch[:n], []byte{'\n'}))
	}
	b.batch, b.queued = b.batch[n:], b.queued-messages
	if len(b.batch) == 0 {
		if cap(b.half) > halfBytes { // a large message is not kept for ever
			b.half = make([]byte, 0, halfBytes)
		}
		signal(b.room)
	}
	return messages
}

// worth reports whether there is no point in waiting for more lines.
func (b *buffer) worth() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended || len(b.lines) >= markBytes
}

// idle reports whether there is nothing to take, and if so has the next line
// call. Else whoever asked will look again before long, and only a batch worth
// writing calls: a busy stream wakes its writer once a batch and not twice.
func (b *buffer) idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calm = len(b.lines) == 0 && len(b.batch) == 0
	return b.calm
}

// finished reports whether all has been stored and nothing more will come.
func (b *buffer) finished() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended && len(b.lines) == 0 && len(b.batch) == 0
}

// pending returns what has been put and not stored.
func (b *buffer) pending() (messages uint64, size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count + b.queued, len(b.lines) + len(b.batch)
}

// signal wakes whoever waits on c, now or at the next look.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
