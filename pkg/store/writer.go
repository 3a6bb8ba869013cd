package store

import (
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// The stages of which a Writer tells WriterConfig.Busy, and how long one step
// of them may take: a write or an fsync on a disk that is about to fail.
const (
	stageWrite  = "write"
	stageFinish = "finish"
	stepLimit   = 5 * time.Minute
)

// WriterConfig says how captured lines become finished files.
type WriterConfig struct {
	CutBytes     int64         // largest finished file, bytes
	CutInterval  time.Duration // a non-empty working file is cut after this; 0 never
	SyncInterval time.Duration // oldest age of an unsynced byte; 0 syncs every Append
	MinFree      int64         // store_min_free, bytes
	MaxStore     int64         // store_max, bytes; 0 none
	Memory       Memory        // nil: a source that cannot go on where it ended
	Compress     Compression   // of finished files, beside the capture
	// Busy announces a step that the disk may hold up ("write", "finish") and
	// how long it may rightly take; the returned function ends it. Several
	// steps of one stage may go on at once. nil is fine.
	Busy func(stage string, limit time.Duration) (done func())
	// Finished is told of each finished file, in order, by the goroutine that
	// finishes them; nil is fine.
	Finished func(name string, bytes int64)
}

// Writer turns captured lines into finished files. It belongs to the process
// that holds RoleGrabber; Append, Cut, Tick, Room and Close are meant for one
// goroutine (several would take turns), Hurry and Damaged for any.
//
// Two goroutines stand behind it. The syncer brings bytes and names to the
// disk: the working file every so often, cut files at once. The finisher
// recovers what a dead grabber left, then packs cut files that are on the disk,
// if that is wanted, and gives them their final names, in name order. Neither runs a timer while nothing is due.
type Writer struct {
	s     *Store
	cfg   WriterConfig
	names *namer
	usage usage

	turn    sync.Mutex // held by one caller at a time; guards over, failing and the working file's own fields
	over    bool       // Close has ended
	failing error      // and this was its error

	mu        sync.Mutex // guards what follows
	progress  *sync.Cond // of mu: anything below has changed
	work      *working   // the working file, nil while there is none
	cut       []*working // cut, but not on the disk yet, in name order
	ready     []finished // on the disk, waiting for their final names
	recovered bool       // what a dead grabber left is finished
	hurried   bool       // Append no longer waits, but for a disk without any room
	closed    bool       // Close was called
	abandoned bool       // Close's patience is over
	noRoom    bool       // there was an ENOSPC: go on with 2 MiB free only
	err       error      // the first failure, for good
	handed    bool       // a file has gone to the finisher
	earlyDone bool       // Memory was asked and had something to say before that

	packing   packing   // the finisher's
	keeping   keeping   // likewise
	enteredAt time.Time // the finisher's: when files last were entered into the captured book; monotonic

	syncer, finisher lane
	quit             chan struct{} // closed: both goroutines end
	ended            chan struct{} // closed: both have ended
	damaged          atomic.Uint64
}

// NewWriter renames what a dead grabber left to dot names, starts the
// finisher (which recovers those first) and returns. It reads the names in the
// store and the last receipts, but no file. *FullError: there is no room even
// to rename; try again.
func (s *Store) NewWriter(cfg WriterConfig) (*Writer, error) {
	if cfg.CutBytes < 1 {
		return nil, fmt.Errorf("write to store %s: files of at most %d bytes hold nothing", s.cfg.Dir, cfg.CutBytes)
	}
	names, err := s.newNamer()
	if err != nil {
		return nil, err
	}
	packing, err := newPacking(cfg.Compress)
	if err != nil {
		return nil, fmt.Errorf("write to store %s: %w", s.cfg.Dir, err)
	}
	w := &Writer{
		s: s, cfg: cfg, names: names, packing: packing,
		syncer: newLane(), finisher: newLane(),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	w.progress = sync.NewCond(&w.mu)
	left, err := w.takeOver()
	if err != nil {
		return nil, err
	}
	s.captured.own(w)
	var loops sync.WaitGroup
	loops.Go(w.syncLoop)
	loops.Go(func() { w.finishLoop(left) })
	go func() {
		loops.Wait()
		close(w.ended)
	}()
	return w, nil
}

// Append writes whole lines, each ended by '\n', by one write to the working
// file, cutting before and between them so that no file exceeds CutBytes
// unless one line alone does. It returns how many bytes of lines, always
// whole ones, were taken; the rest is the caller's to offer again. *FullError:
// there is no room now. *Error: the store failed, for good.
//
// It waits for the disk only while a byte is unsynced for longer than
// SyncInterval, or too many files are on their way.
func (w *Writer) Append(lines []byte) (taken int, err error) {
	w.turn.Lock()
	defer w.turn.Unlock()
	if len(lines) == 0 {
		return 0, w.failure()
	}
	if lines[len(lines)-1] != '\n' {
		return 0, fmt.Errorf("append to store %s: the last line has no end", w.s.cfg.Dir)
	}
	if err := w.admit(); err != nil {
		return 0, err
	}
	if err := w.enoughFree(0); err != nil {
		return 0, err
	}
	done := w.busy(stageWrite)
	taken, err = w.place(lines)
	if err == nil {
		err = w.write(lines[:taken])
	}
	done()
	if err != nil {
		return 0, err
	}
	if w.cfg.SyncInterval == 0 {
		err = w.awaitSync()
	}
	return taken, err
}

// Tick does what is due by time: it cuts a working file that is older than
// CutInterval, and returns the finisher's sticky error. Call it about once a
// second. A full disk is for Append and Room to tell.
func (w *Writer) Tick() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if err := w.failure(); err != nil {
		return err
	}
	if w.work == nil || w.cfg.CutInterval == 0 || time.Since(w.work.born) < w.cfg.CutInterval {
		return nil
	}
	if err := w.cutWork(); !isFull(err) {
		return err
	}
	return nil
}

// Cut finishes the working file now, if it is not empty. It does not wait for
// the disk.
func (w *Writer) Cut() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if err := w.failure(); err != nil {
		return err
	}
	return w.cutWork()
}

// Hurry makes Append stop waiting for the syncer, and for more room than it
// needs: we were asked to stop, and written is worth more than synced.
func (w *Writer) Hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurried = true
	w.progress.Broadcast()
}

// Damaged returns how many lines recovery has set aside so far.
func (w *Writer) Damaged() uint64 { return w.damaged.Load() }

// failure returns the sticky error, or that the writer is closed.
func (w *Writer) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil && w.closed {
		return w.closedError()
	}
	return w.err
}

func (w *Writer) closedError() error {
	return &Error{Op: "write to store", Path: w.s.cfg.Dir, Err: fs.ErrClosed}
}

// fail makes err sticky, unless another was first.
func (w *Writer) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.progress.Broadcast()
	return w.err
}

// busy announces a step of a stage.
func (w *Writer) busy(stage string) (done func()) {
	if w.cfg.Busy == nil {
		return func() {}
	}
	return w.cfg.Busy(stage, stepLimit)
}
