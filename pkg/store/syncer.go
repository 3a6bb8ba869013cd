package store

import (
	"cmp"
	"sync"
	"time"
)

// batch is what is brought to the disk at a time.
type batch struct {
	files []*working
	cut   int    // so many of them, the first, were cut before the batch began
	early []byte // what Memory has to say once it is done
}

// syncLoop brings bytes and names to the disk until the writer ends.
func (w *Writer) syncLoop() {
	for w.goesOn() {
		b, wait := w.due()
		switch {
		case len(b.files) == 0 && !w.sleep(&w.syncer, wait):
			return
		case len(b.files) > 0 && !w.sync(b):
			return
		}
	}
}

// due returns what is to be synced now: the first cut files, and the working
// file once its oldest unsynced byte has half of its time behind it. When
// nothing is, it says how long that will last (negative: until called).
func (w *Writer) due() (b batch, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.cut = min(len(w.cut), maxFsyncs)
	b.files = append(b.files, w.cut[:b.cut]...)
	wait = -1
	if w.work != nil && !w.work.since.IsZero() {
		wait = max(0, w.cfg.SyncInterval/2-time.Since(w.work.since))
		if wait == 0 {
			b.files = append(b.files, w.work)
		}
	}
	for _, f := range b.files {
		f.syncing, f.later = true, time.Time{}
	}
	if len(b.files) > 0 {
		b.early = w.early(b)
	}
	return b, wait
}

// sync brings a batch to the disk: it fsyncs each file, a few at once, and
// beside them the directory, if one of the files got a name since its last.
// Only when all of that is done is the batch durable: the cut ones go to the
// finisher.
//
// A failed fsync of a file is final. The kernel may have dropped the pages and
// would report success the next time.
func (w *Writer) sync(b batch) bool {
	var names error
	var beside sync.WaitGroup
	w.begin(&w.syncer)
	if w.namesDue(b.files) {
		beside.Go(func() { names = w.syncTop() })
	}
	err := w.fsyncAll(b.files)
	beside.Wait()
	w.syncer.end()
	if err == nil && !isFull(names) {
		err = names
	}
	if err != nil {
		_ = w.fail(err) // it reaches whoever calls next
		return false
	}
	if names != nil && !w.persist(&w.syncer, w.syncTop) {
		return false
	}
	w.rememberEarly(b.early)
	w.synced(b)
	return true
}

// syncTop makes the names in the store directory durable.
func (w *Writer) syncTop() error { return w.s.trouble("fsync", ".", w.s.fs.SyncDir(".")) }

func (w *Writer) fsyncAll(files []*working) error {
	errs := make([]error, len(files))
	var all sync.WaitGroup
	for i := 1; i < len(files); i++ {
		all.Go(func() { errs[i] = w.s.fsync(w.nameOf(files[i]), files[i].f) })
	}
	errs[0] = w.s.fsync(w.nameOf(files[0]), files[0].f)
	all.Wait()
	return cmp.Or(errs...)
}

// fsync makes what was captured durable. A failure is final, even for want of
// room.
func (s *Store) fsync(name string, f file) error {
	err := f.Sync()
	if err == nil {
		return nil
	}
	return &Error{Op: "fsync", Path: s.path(name), Err: cause(err),
		Hint: "what was written since the last one may be lost; look at the disk, and for room on it"}
}

// nameOf returns the name that a file has now.
func (w *Writer) nameOf(f *working) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.name == "" {
		return w.s.cfg.WorkingName
	}
	return dotName(f.name)
}

// namesDue reports whether the directory is to be synced with a batch: for a
// file's first name, or for the one that it was cut under.
func (w *Writer) namesDue(files []*working) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range files {
		if !f.named || f.name != "" {
			return true
		}
	}
	return false
}

// synced notes that a batch is on the disk. A file that was cut while the
// batch ran stays: its dot name may not be there yet.
func (w *Writer) synced(b batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, f := range b.files {
		f.since, f.later, f.syncing, f.named = f.later, time.Time{}, false, true
		if i < b.cut {
			_ = f.f.Close() // nothing is in it that was not synced
			w.ready = append(w.ready, finished{dot: dotName(f.name), name: f.name, bytes: f.size, end: f.end, line: f.line(), settled: w.packing.packer == nil})
			w.handed = true
		}
	}
	w.cut = w.cut[b.cut:]
	w.finisher.wake()
	w.progress.Broadcast()
}
