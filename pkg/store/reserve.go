package store

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// reserve is room that is taken while there is some, so that a book can be
// written on a full disk. For it takes a line in the captured book before a
// file is finished, and a receipt of 400 bytes in the ledger before it may leave
// the disk. There are two: .state/reserve for the ledger belongs to the process
// that holds RoleUploader, .state/captured.reserve to that with RoleGrabber.
// Until keep is called one does nothing.
type reserve struct {
	name  string // below the store
	bytes int    // a multiple of reserveBlock

	mu     sync.Mutex
	store  *Store    // nil until keep
	out    bool      // not there, or not whole
	paused time.Time // no attempt to write it before
}

const (
	reserveName  = stateDir + "/reserve"
	reserveBytes = 1 << 20
	// capturedReserveBytes are lines for as many files as may be on their way.
	capturedReserveName  = stateDir + "/captured.reserve"
	capturedReserveBytes = 256 << 10
	reserveBlock         = 64 << 10
	// reserveSlack is what must be left beside it. Together they are less than
	// what capture waits for after a full disk, so that the reserve comes first.
	reserveSlack = 256 << 10
	// reservePause keeps a quota, which free space does not show, from making
	// us write a megabyte for nothing again and again.
	reservePause = 10 * time.Second
)

// keep begins to look after the reserve and writes it where it is missing.
func (r *reserve) keep(s *Store) {
	r.own(s)
	r.refill(false)
}

// own begins to look after the reserve; the next refill writes it where it is
// missing.
func (r *reserve) own(s *Store) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := s.fs.Lstat(r.name)
	r.store, r.out = s, err != nil || info.Size() != int64(r.bytes)
}

// giveUp frees the room. It reports whether there was any to free.
func (r *reserve) giveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.store == nil {
		return false
	}
	if err := r.store.fs.Remove(r.name); err != nil {
		r.out = r.out || errors.Is(err, fs.ErrNotExist)
		return false
	}
	r.out, r.paused = true, time.Time{}
	return true
}

// refill writes the reserve again where it was given up and there is room.
// It is an aid alone: what prevents it is said, and tried again later; at once
// where there is room anew.
func (r *reserve) refill(anew bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.store == nil || !r.out || !anew && time.Now().Before(r.paused) {
		return
	}
	free, err := r.store.fs.Free()
	if err == nil && free < int64(r.bytes)+reserveSlack {
		return
	}
	// Where the system does not tell what is free, trying does.
	if err := r.fill(); err != nil {
		_ = r.store.fs.Remove(r.name) // half a reserve only takes room from others
		r.paused = time.Now().Add(reservePause)
		if !isNoRoom(err) {
			r.store.cfg.Notice(r.store.path(r.name), "cannot be written: "+err.Error())
		}
		return
	}
	r.out = false
}

// fill writes a reserve that takes its size on the disk: fresh bytes, which no
// file system makes smaller, and an fsync, for it may count them only then.
func (r *reserve) fill() error {
	f, err := r.store.fs.OpenFile(r.name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	noise := rand.NewChaCha8([32]byte{'r', 'e', 's', 'e', 'r', 'v', 'e'})
	block := make([]byte, reserveBlock)
	for range r.bytes / len(block) {
		_, _ = noise.Read(block) // it never fails
		n, err := f.Write(block)
		if err == nil && n < len(block) {
			err = io.ErrShortWrite
		}
		if err != nil {
			_ = f.Close() // it goes
			return err
		}
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}
