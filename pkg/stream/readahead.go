package stream

import (
	"io"
	"sync"
	"time"
)

// What of a stream comes faster than stretchBytes in stretchTime, 40 MB/s, is
// read ahead of whoever checks it.
const (
	stretchBytes = 2 << 20
	stretchTime  = 50 * time.Millisecond
	// aheadBytes is how much is read ahead, and so what a kill may take besides.
	aheadBytes = 256 << 10
)

// readAhead has a second goroutine read, and inflate, while the caller checks
// what came before, for as long as a stream is so fast that one processor may
// not be enough. Any other stream is read by the caller itself: to hand over
// each message would cost more than to read it.
//
// Read is one goroutine's, and stop is the same one's.
type readAhead struct {
	from io.Reader // the goroutine's while it runs, else the caller's

	read  int       // bytes of this stretch; these three as from
	began time.Time // when it did
	fast  bool      // the last one was

	mu          sync.Mutex // guards what follows
	came, room  sync.Cond
	ring        []byte // ring[first:], and then from its beginning, holds size bytes
	first, size int
	running     bool
	stopped     bool
	err         error // what ended the goroutine's reading
}

// newReadAhead returns one that reads from, which must call announce before it
// waits for the network.
func newReadAhead(from io.Reader) *readAhead {
	a := &readAhead{from: from}
	a.came.L, a.room.L = &a.mu, &a.mu
	return a
}

// Read implements io.Reader. What had come before an error is returned first.
func (a *readAhead) Read(p []byte) (int, error) {
	if n, err := a.take(p); n > 0 || err != nil || len(p) == 0 {
		return n, err
	}
	n, err := a.from.Read(p)
	if a.count(n); a.fast && err == nil {
		a.start()
	}
	return n, err
}

// take returns what was read ahead, waiting for it. It returns nothing, and no
// error, when there is no goroutine that reads.
func (a *readAhead) take(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.size == 0 && a.running {
		a.came.Wait()
	}
	if a.size == 0 {
		return 0, a.err
	}
	there := a.ring[a.first:min(a.first+a.size, len(a.ring))]
	a.mu.Unlock()
	n := copy(p, there)
	a.mu.Lock()
	a.first, a.size = (a.first+n)%len(a.ring), a.size-n
	a.room.Signal()
	return n, nil
}

// count adds what has been read, and judges the stretch that it ends.
func (a *readAhead) count(n int) {
	if a.read += n; a.read < stretchBytes {
		return
	}
	now := time.Now()
	a.fast = now.Sub(a.began) < stretchTime
	a.began, a.read = now, 0
}

func (a *readAhead) start() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ring == nil {
		a.ring = make([]byte, aheadBytes)
	}
	a.running = true
	go a.run()
}

// run reads ahead until a stretch was slow, or there is no more.
func (a *readAhead) run() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.fast && a.err == nil {
		for a.size == len(a.ring) && !a.stopped {
			a.room.Wait()
		}
		if a.stopped {
			break
		}
		end := (a.first + a.size) % len(a.ring)
		free := a.ring[end:min(len(a.ring), end+len(a.ring)-a.size)]
		a.mu.Unlock()
		n, err := a.from.Read(free)
		a.count(n)
		a.mu.Lock()
		a.size, a.err = a.size+n, err
		if a.size >= len(a.ring)/2 { // else announce does, before there is a wait
			a.came.Signal()
		}
	}
	a.running = false
	a.came.Signal()
}

// announce is called before the network is asked for more, which may take time:
// what came until then is there for the caller. To wake it for each message that
// is inflated would cost more than to inflate it.
func (a *readAhead) announce() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.size > 0 {
		a.came.Signal()
	}
}

// stop waits for the goroutine, whose read must have been made to end.
func (a *readAhead) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	a.room.Signal()
	for a.running {
		a.came.Wait()
	}
}
