// Package watch ends a try to send something over HTTP when its connection
// makes no progress, however large the object and slow the line.
//
// It guarantees that a line which still takes bytes is never given up, whatever
// the kernel buffers; that the answer is awaited for a bounded time after the
// last byte; and that an answer which came before the peer stopped reading is
// still read, for writes on a broken connection are swallowed.
//
// It must not know what is sent, nor to whom.
package watch

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// grace is how long an answer is still looked for on a connection that takes
// no more bytes.
const grace = 5 * time.Second

// looks is how often, in a limit without progress, the kernel's buffer is
// looked at.
const looks = 4

// Watch ends a try whose connection makes no progress. While the object goes
// out, each byte written, read or taken by the line counts; once all is out
// only the answer is missing, and it is awaited for the longer of the timeout
// and twice the time that the sending took (a node may copy what it got before
// it answers).
type Watch struct {
	timeout time.Duration
	cancel  context.CancelCauseFunc
	broken  func() // the connection takes no more bytes
	alive   func() // called at progress that nobody else sees, w.mu held

	mu      sync.Mutex
	conn    *conn
	timer   *time.Timer
	began   time.Time // of this connection's use
	moved   time.Time // last progress
	limit   time.Duration
	waiting bool
	unsent  int // in the kernel at the last look, -1 unknown
	looked  time.Time
	lost    error // why the connection takes no more bytes
	stopped bool
}

// Start returns a context that ends, with a sentence as its cause, when nothing
// moved for timeout. broken is called when the connection takes no more bytes,
// alive at progress that no reader of the body sees. End frees both.
func Start(ctx context.Context, timeout time.Duration, broken, alive func()) (context.Context, *Watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	now := time.Now()
	w := &Watch{timeout: timeout, cancel: cancel, broken: broken, alive: alive, began: now, moved: now, limit: timeout, unsent: -1}
	w.timer = time.AfterFunc(timeout/looks, w.look)
	return ctx, w
}

// Stop ends the watch but not its context: the answer has been read.
func (w *Watch) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
	w.detach()
}

// End stops the watch and frees its context.
func (w *Watch) End() {
	w.Stop()
	w.cancel(nil)
}

// Attach starts the watch anew for the connection that the request goes onto.
func (w *Watch) Attach(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.detach()
	w.began = time.Now()
	w.moved, w.limit, w.waiting, w.lost = w.began, w.timeout, false, nil
	if w.conn = underlying(c); w.conn != nil {
		w.conn.watch.Store(w)
	}
	w.sample()
}

func (w *Watch) detach() {
	if w.conn != nil {
		w.conn.watch.CompareAndSwap(w, nil)
		w.conn = nil
	}
}

// touch notes progress.
func (w *Watch) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.waiting {
		w.moved = time.Now()
	}
}

// Await begins the wait for the answer. It is idempotent.
func (w *Watch) Await() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting || w.stopped {
		return
	}
	w.waiting = true
	w.moved = time.Now()
	w.limit = max(w.timeout, 2*w.moved.Sub(w.began))
	w.sample()
	w.alive() // whoever waits for us: a wait of its own begins
	w.timer.Reset(w.limit / looks)
}

// sample notes what the next look compares with.
func (w *Watch) sample() { w.looked, w.unsent = time.Now(), w.conn.unsent() }

// lose notes that the connection takes no more bytes. What the node said before
// it closed may still be there to be read.
func (w *Watch) lose(err error) {
	w.mu.Lock()
	if w.lost == nil {
		w.lost, w.waiting = err, true
		w.moved, w.limit, w.unsent = time.Now(), min(grace, w.timeout), -1
		if !w.stopped {
			w.timer.Reset(w.limit / looks)
		}
	}
	w.mu.Unlock()
	w.broken()
}

// look ends the try if its time is over, else comes back when it may be.
func (w *Watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if w.drained() {
		w.moved = w.looked
		w.alive()
	}
	if rest := w.limit - time.Since(w.moved); rest > 0 {
		w.timer.Reset(min(rest, w.limit/looks))
		return
	}
	w.cancel(w.verdict())
}

// drained reports whether bytes left the kernel since the last look. On a slow
// line a whole file may stand there when the last byte has been written, and a
// writer is woken only when much of it has gone; he then fills it again, so
// that more is progress too, unless what we saw him write accounts for it.
func (w *Watch) drained() bool {
	if w.lost != nil {
		return false
	}
	before, written := w.unsent, w.moved.After(w.looked)
	w.sample()
	return !written && before >= 0 && w.unsent >= 0 && w.unsent != before
}

func (w *Watch) verdict() error {
	switch {
	case w.lost != nil:
		return w.lost
	case w.waiting:
		return fmt.Errorf("no answer within %v after the last byte", w.limit.Round(time.Millisecond))
	}
	return fmt.Errorf("no progress on the connection for %v", w.limit)
}
