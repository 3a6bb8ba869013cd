package store

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// How often the store's size is looked up: seldom enough that even a store of
// 100,000 files costs no more than one part in a hundred of a core.
const (
	usageEvery = 5 * time.Second
	usageShare = 100
)

// usage is the store's size, from a scan of its names now and then and from
// what was appended since. Removals are seen by the next scan.
type usage struct {
	appended atomic.Int64 // bytes, by this writer

	mu      sync.Mutex    // guards what follows
	running chan struct{} // closed when the scan that runs is over; nil while none does
	next    time.Time     // when the next scan is due
	base    int64         // bytes, by the last scan
	mark    int64         // appended when it began
}

// bytes returns the store's size as far as known.
func (u *usage) bytes() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.base + u.appended.Load() - u.mark
}

// refresh starts a scan, if one is due, and does not wait for it: on a disk
// that must be asked for each inode it takes long.
func (u *usage) refresh(s *Store) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running != nil || time.Now().Before(u.next) {
		return
	}
	u.running = make(chan struct{})
	go u.scan(s)
}

// wait waits for a scan that runs, until ctx ends.
func (u *usage) wait(ctx context.Context) {
	u.mu.Lock()
	running := u.running
	u.mu.Unlock()
	if running == nil {
		return
	}
	select {
	case <-running:
	case <-ctx.Done():
	}
}

func (u *usage) scan(s *Store) {
	begin, mark := time.Now(), u.appended.Load()
	total, err := s.size()
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil { // else the old figure is better than none
		u.base, u.mark = total, mark
	}
	close(u.running)
	u.running = nil
	u.next = time.Now().Add(max(usageEvery, usageShare*time.Since(begin)))
}

// size adds up the files of the store, but for the ledger: that only ever
// grows, so nothing would end a pause for its sake.
func (s *Store) size() (total int64, err error) {
	for _, dir := range []string{".", rejectedDir} {
		err := s.eachName(dir, func(entry fs.DirEntry) error {
			if !entry.Type().IsRegular() {
				return nil
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // uploaded meanwhile
			}
			if err == nil {
				total += info.Size()
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return total, nil
}
