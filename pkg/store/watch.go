package store

import (
	"errors"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// Watch returns a channel that gets a value, never more than one unread, when
// something may have changed in the store directory, and a function that ends
// it and may be called again. Events only wake: they are lost when the kernel's
// queue is full, and another machine's changes on a network mount make none, so
// scan anyway.
//
// With an error no events will come. The channel can be received from all the
// same and stays silent; so it does after the end. Look once a second then.
func (s *Store) Watch() (changed <-chan struct{}, stop func(), err error) {
	wake := make(chan struct{}, 1)
	stop = func() {}
	// kqueue would take a descriptor for every file that waits.
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		return wake, stop, s.trouble("watch", ".", errors.ErrUnsupported)
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return wake, stop, s.trouble("watch", ".", err)
	}
	if err := watcher.Add(s.cfg.Dir); err != nil {
		_ = watcher.Close() // nothing was watched
		return wake, stop, s.trouble("watch", ".", err)
	}
	var ended sync.WaitGroup
	ended.Go(func() { s.forward(watcher, wake) })
	return wake, sync.OnceFunc(func() {
		_ = watcher.Close() // it only ends what only wakes
		ended.Wait()
	}), nil
}

// forward turns events into at most one unread wake until the watcher ends.
func (s *Store) forward(watcher *fsnotify.Watcher, wake chan<- struct{}) {
	for {
		select {
		case event, ok := <-watcher.Events:
			if !ok {
				return
			}
			// A rename to a name is a create of it. The capture's writes to
			// the working file are none of our business.
			if !event.Has(fsnotify.Create) || !s.ships(filepath.Base(event.Name)) {
				continue
			}
		case _, ok := <-watcher.Errors:
			if !ok {
				return
			}
			// The queue overflowed, or worse: look.
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
