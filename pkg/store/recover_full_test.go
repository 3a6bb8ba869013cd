package store

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Some file systems say only at an fsync that there is no room. What recovery
// writes is a copy, so that it is made again when there is some.
func TestRecoverFullAtSync(t *testing.T) {
	t.Parallel()
	for _, copied := range []string{rewriteName, damagedSuffix + tempSuffix} {
		for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
			synctest.Test(t, func(t *testing.T) {
				m := oldStore()
				left := 3 // so often it is refused
				m.fail = func(op memOp) error {
					if op.op == "sync" && strings.HasSuffix(op.name, copied) && left > 0 {
						left--
						return full
					}
					return nil
				}
				c := newCapture(m)
				w, err := c.writer()
				if err != nil {
					t.Fatal(err)
				}
				if err := c.add(w, 3); err != nil {
					t.Errorf("%v at the fsync of %s ended the capture: %v", full, copied, err)
				}
				if err := w.Close(t.Context()); err != nil {
					t.Errorf("%v at the fsync of %s: Close: %v", full, copied, err)
				}
				if left > 0 {
					t.Errorf("%s was synced less than three times", copied)
				}
				c.whole(t, m, never)
				checkOldDamage(t, m)
			})
		}
	}
}

// Captured bytes whose fsync failed are never taken for safe, whatever it failed
// for.
func TestFullAtSyncOfCaptured(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"grabber.dat", ".p-19990101T000000.000002Z-000001.jsonl"} {
		synctest.Test(t, func(t *testing.T) {
			m := oldStore()
			left := 3 // whoever tries again shall get through
			m.fail = func(op memOp) error {
				if op.op == "sync" && op.name == name && left > 0 {
					left--
					return syscall.ENOSPC
				}
				return nil
			}
			c := newCapture(m)
			w, err := c.writer()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Append([]byte(message(c.next) + "\n")) // it may hear of it already
			time.Sleep(time.Minute)
			err = w.Close(patience(t))
			var final *Error
			if !errors.As(err, &final) || final.Op != "fsync" || isFull(err) {
				t.Errorf("no room at the fsync of %s: %v, want a final error", name, err)
			}
			c.offered[c.next] = true
			next := m.restart()
			recovered(t, next)
			c.whole(t, next, never)
		})
	}
}

// Damage is said once, also when the file is on its way to the disk without it
// before a full disk holds recovery up.
func TestRecoverSaysDamageAfterFull(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"replace " + rewriteName, "remove .p-19990101T000000.000005Z-000004.jsonl"} {
		synctest.Test(t, func(t *testing.T) {
			m := oldStore()
			before, held := "", 0
			m.fail = func(op memOp) error {
				last := before
				before = op.op + " " + op.name
				if op.op == "syncdir" && op.name == "." && strings.HasPrefix(last, after) {
					held++
					return syscall.ENOSPC
				}
				return nil
			}
			c := newCapture(m)
			w, err := c.writer()
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.Damaged(); got != 4 || len(c.notices) != 3 || held == 0 {
				t.Errorf("held up %d times after %s: Damaged = %d, want 4; notices %q, want 3", held, after, got, c.notices)
			}
			checkOldDamage(t, m)
		})
	}
}
