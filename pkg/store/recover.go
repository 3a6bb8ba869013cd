package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/storj/twitter-stream/pkg/pack"
)

// The file that recovery writes what is left of another to. Its name is not of
// the form of one being finished, and the lock lets nobody else use it.
const rewriteName = ".recovering" + tempSuffix

// recover finishes one file that a dead grabber left under its dot name:
// complete messages are kept, everything else goes to rejected/. Killed at any
// instruction and run again, it ends the same; false: the writer ends. last is
// the last of those that were left: what is remembered tells of all of them.
func (w *Writer) recover(name, last string) bool {
	var found verdict
	unreadable := 0
	for {
		recovered := w.persist(&w.finisher, func() error {
			now, err := w.recoverOnce(name)
			found = now.after(found)
			if errors.Is(err, errUnreadable) {
				unreadable++
				found.unreadable, err = err, nil
			}
			return err
		})
		switch {
		case !recovered:
			return false
		case found.unreadable == nil:
			return w.conclude(name, last, found)
		case unreadable > 1:
			return w.setAsideWhole(name, found.unreadable)
		case !w.pause(): // it may have been a passing trouble of the disk
			return false
		}
	}
}

// syncLeft brings all that a dead grabber left to the disk before the first of it
// is finished: what is kept then is what Memory says of all of it, and to remember
// messages that a power cut takes would lose them. What cannot be opened, nobody
// remembers, and recovery says.
func (w *Writer) syncLeft(left []string) bool {
	if w.cfg.Memory == nil || len(left) < 2 { // recovery syncs the first itself
		return true
	}
	for _, name := range left {
		synced := w.persist(&w.finisher, func() error {
			f, err := w.s.fs.OpenFile(dotName(name), os.O_RDWR, 0)
			if err != nil {
				return nil //nolint:nilerr // see above
			}
			defer f.Close() //nolint:errcheck // it is only synced
			return w.s.fsync(dotName(name), f)
		})
		if !synced {
			return false
		}
	}
	return true
}

// conclude says what was set aside and finishes what is left.
func (w *Writer) conclude(name, last string, found verdict) bool {
	if found.damaged > 0 {
		w.damaged.Add(uint64(found.damaged))
		w.s.cfg.Notice(w.s.path(rejectedDir+"/"+name+damagedSuffix),
			fmt.Sprintf("recovery set aside %d damaged lines (%d bytes) of a file that a dead grabber left", found.damaged, found.damagedBytes))
	}
	if found.messages == 0 {
		return true
	}
	files := []finished{{dot: dotName(name), name: name, bytes: found.bytes}}
	return w.persist(&w.finisher, func() (err error) { files[0].line, err = w.sumUp(name, found); return err }) &&
		w.settle(files) &&
		w.persist(&w.finisher, func() error { return w.remember(last, 0) }) &&
		w.persist(&w.finisher, func() error { return w.enter(files) }) &&
		w.nameAll(files)
}

// recoverOnce brings the file under the dot name into the state in which it
// may be finished, or removes it when no message is in it. The order:
//
//  1. fsync of the file and of the directory: a page of the file may have
//     outlived the process in memory alone, and the last rename too;
//  2. if anything but whole messages is in it: what is damaged to rejected/
//     (see publishDamaged), what is not to a temporary file, fsync, rename over
//     the dot name, fsync of the directory.
func (w *Writer) recoverOnce(name string) (verdict, error) {
	dot := dotName(name)
	f, err := w.s.fs.OpenFile(dot, os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist): // removed by the try before this one
		return verdict{}, w.syncTop()
	case errors.Is(err, fs.ErrPermission):
		return verdict{}, fmt.Errorf("%w: %w", errUnreadable, cause(err))
	case err != nil:
		return verdict{}, w.s.trouble("open", dot, err)
	}
	defer f.Close() //nolint:errcheck // it is only read and synced
	if err := w.s.fsync(dot, f); err != nil {
		return verdict{}, err
	}
	if err := w.nextStep(w.syncTop); err != nil {
		return verdict{}, err
	}
	if method := pack.Of(name); method != pack.None {
		return w.judgePacked(f, method)
	}
	found, err := w.judge(f)
	if err != nil || !found.changed {
		return found, err
	}
	return found, w.rewrite(f, name, found)
}

// errEnds says that the writer ends in the middle of a recovery.
var errEnds = errors.New("recovery is left to the next start")

// nextStep does one more step of a recovery, unless the writer ends: whoever
// calls Close may give the store up when it returns.
func (w *Writer) nextStep(step func() error) error {
	if !w.goesOn() {
		return errEnds
	}
	w.begin(&w.finisher)
	return step()
}

// setAsideWhole moves a file that cannot be read to rejected/, its reason
// first. Recovery must not fail for good because of one bad sector: the
// grabber would never come up again.
func (w *Writer) setAsideWhole(name string, why error) bool {
	moved := w.persist(&w.finisher, func() error {
		if err := w.writeReason(name, verdict{}, why.Error()); err != nil {
			return err
		}
		aside := rejectedDir + "/" + name + damagedSuffix
		err := w.s.fs.Rename(dotName(name), aside) // replaces only what a try before this one set aside of it
		if err != nil {
			return w.s.trouble("rename", dotName(name), err)
		}
		if err := w.syncRejected(); err != nil {
			return err
		}
		return w.syncTop()
	})
	if moved {
		w.damaged.Add(1)
		w.s.cfg.Notice(w.s.path(rejectedDir+"/"+name+damagedSuffix), "recovery set the whole file aside: "+why.Error())
	}
	return moved
}

// syncRejected makes the names in rejected/ durable.
func (w *Writer) syncRejected() error {
	return w.s.trouble("fsync", rejectedDir, w.s.fs.SyncDir(rejectedDir))
}
