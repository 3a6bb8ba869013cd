package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// eachOperation calls try with 1, 2, 3, … until it reports that the run ended
// before that many operations; under the race detector with every sparse-th
// number, from one at random.
func eachOperation(t *testing.T, try func(t *testing.T, n int) (reached bool)) {
	t.Helper()
	for n := 1 + rand.IntN(sparse); ; n += sparse {
		reached := false
		synctest.Test(t, func(t *testing.T) { reached = try(t, n) })
		if n > 2000 {
			t.Fatal("a run that does not end")
		}
		if !reached {
			if n < 8 {
				t.Errorf("only %d tries: the run did not run", n)
			}
			return
		}
		if t.Failed() {
			return // the others would say the same
		}
	}
}

// patience is how long a dying grabber waits in Close.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// Invariant 2 and 3, a SIGKILL at every operation: all that Append took is in
// the store, whole and once, and so is what was there before. (To die after an
// operation is to die before the next.)
func TestInvariant2Kill(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		for name, how := range map[string]death{"before": diesBefore, "half done": diesHalf} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				eachOperation(t, func(t *testing.T, n int) bool {
					c := way.capture()
					c.m.dieAt(n, how)
					err := c.run(patience(t))
					next := c.m.restart()
					lines := bookLines(t, next)
					for name, content := range c.visible() { // it may be shipped and gone before the next start
						if name != beforeTheBook {
							entered(t, lines, name, content)
						}
					}
					recoveredBy(t, next, way.later)
					c.whole(t, next, never)
					if t.Failed() {
						t.Errorf("killed at operation %d (%s), which said %v:\n%s", n, name, err, c.m.trace())
					}
					return c.m.died()
				})
			})
		}
	})
}

// Invariant 2, a power cut at every operation: only what was accepted within
// the last sync interval is lost, and whatever is left of it is whole.
func TestInvariant2PowerCut(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		for delay, every := range map[time.Duration]int{0: 1, 700 * time.Millisecond: 5, 3 * time.Second: 7} {
			t.Run(fmt.Sprint("fsync takes ", delay), func(t *testing.T) {
				t.Parallel()
				eachOperation(t, func(t *testing.T, n int) bool {
					n *= every
					c := way.capture()
					c.m.syncDelay = delay
					c.m.dieAt(n, diesHalf)
					err := c.run(patience(t))
					visible := c.visible()
					for fate, next := range c.m.powerCuts() {
						next.syncDelay = 0
						c.keeps(t, next, visible)
						c.whole(t, next, c.unsynced)
						if t.Failed() {
							t.Errorf("power cut (%s) at operation %d, which said %v:\n%s", fate, n, err, c.m.trace())
							break
						}
					}
					return c.m.died()
				})
			})
		}
	})
}

// Invariant 2 when every Append is synced: a power cut takes nothing.
func TestInvariant2PowerCutSyncAlways(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		eachOperation(t, func(t *testing.T, n int) bool {
			n *= 2
			c := way.capture()
			c.cfg.SyncInterval = 0
			c.m.syncDelay = 10 * time.Millisecond
			c.m.dieAt(n, diesBefore)
			err := c.run(patience(t))
			for fate, next := range c.m.powerCuts() {
				recoveredBy(t, next, way.later)
				c.whole(t, next, never)
				if t.Failed() {
					t.Errorf("power cut (%s) at operation %d, which said %v:\n%s", fate, n, err, c.m.trace())
					break
				}
			}
			return c.m.died()
		})
	})
}

// Invariant 3: a recovery that is killed, or loses power, at any operation and
// is run again ends as if it had not been.
func TestInvariant3DiesAgain(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		for name, how := range map[string]death{"before": diesBefore, "half done": diesHalf} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				eachOperation(t, func(t *testing.T, n int) bool {
					c := way.capture()
					c.m.dieAt(n, how)
					w, err := c.writer()
					if err == nil {
						err = w.Close(patience(t))
					}
					cuts := c.m.powerCuts()
					cuts["kill"] = c.m.restart()
					for fate, next := range cuts {
						for _, name := range next.names(rejectedDir) {
							if strings.HasSuffix(name, damagedSuffix) && !slices.Contains(next.names(rejectedDir), name+reasonSuffix) {
								t.Errorf("%s stands without its reason", name)
							}
						}
						recoveredBy(t, next, way.later)
						c.whole(t, next, never)
						checkOldDamage(t, next)
						if t.Failed() {
							t.Errorf("%s at operation %d of recovery, which said %v:\n%s", fate, n, err, c.m.trace())
							break
						}
					}
					return c.m.died()
				})
			})
		}
	})
}

// checkOldDamage checks that what was damaged in the old store is all there.
func checkOldDamage(t testing.TB, m *memFS) {
	t.Helper()
	for name, want := range map[string]string{
		"rejected/p-19990101T000000.000003Z-000002.jsonl.damaged": "{\"torn\n\x00\x00\x00\n",
		"rejected/p-19990101T000000.000004Z-000003.jsonl.damaged": "{\"seq\":8\n",
		"rejected/p-19990101T000000.000005Z-000004.jsonl.damaged": "{\"only\":\"torn\n",
	} {
		if got := m.read(t, name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

// Two deaths: the second one anywhere in the life after the first.
func TestInvariant3DiesTwice(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		var first []*memFS
		var lives []*capture
		for n := 3; ; n += 17 {
			reached := false
			synctest.Test(t, func(t *testing.T) {
				c := way.capture()
				c.m.dieAt(n, diesHalf)
				_ = c.run(patience(t)) // it is dead
				reached = c.m.died()
				first, lives = append(first, c.m.restart()), append(lives, c)
			})
			if !reached {
				break
			}
		}
		for i, m := range first {
			eachOperation(t, func(t *testing.T, n int) bool {
				n = n*9 - i%9
				c := newCapture(m.restart())
				c.cfg.Compress = way.now
				c.next = lives[i].next
				c.m.dieAt(n, diesHalf)
				err := c.run(patience(t))
				next := c.m.restart()
				recoveredBy(t, next, way.later)
				for n, at := range lives[i].accepted {
					c.accepted[n] = at
				}
				for n := range lives[i].offered {
					c.offered[n] = true
				}
				c.whole(t, next, never)
				if t.Failed() {
					t.Errorf("killed at the %d-th, then at operation %d, which said %v:\n%s", i, n, err, c.m.trace())
				}
				return c.m.died()
			})
			if t.Failed() {
				return
			}
		}
	})
}

// Any operation fails once: whatever comes of it, the store is whole after the
// next start. A full disk is fatal only where an fsync of a file says so.
func TestInvariant2Errors(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		for name, failure := range map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC, "EDQUOT": syscall.EDQUOT} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				eachOperation(t, func(t *testing.T, n int) bool {
					c := way.capture()
					hit := ""
					c.m.fail = func(op memOp) error {
						if op.n != n {
							return nil
						}
						if failure != syscall.EIO && !takesRoom(op) {
							hit = "none"
							return nil
						}
						hit = op.op
						return failure
					}
					err := c.run(t.Context())
					var unfinished *UnfinishedError // no room just when Close cut
					if failure != syscall.EIO && err != nil && hit != "sync" && !errors.As(err, &unfinished) {
						t.Errorf("%v at %s ended the capture: %v", failure, hit, err)
					}
					next := c.m.restart()
					recoveredBy(t, next, way.later)
					c.whole(t, next, never)
					if t.Failed() {
						t.Errorf("%v at operation %d, which said %v:\n%s", failure, n, err, c.m.trace())
					}
					if c.m.opened != 0 {
						t.Errorf("%v at operation %d: %d files are still open\n%s", failure, n, c.m.opened, c.m.trace())
					}
					return hit != ""
				})
			})
		}
	})
}

// takesRoom reports whether a full disk may refuse an operation.
func takesRoom(op memOp) bool {
	switch op.op {
	case "create", "write", "rename", "replace", "mkdir", "sync", "syncdir":
		return true
	}
	return false
}

// A failing disk: from an operation on, every write and every sync fails.
// Nothing that was accepted is lost, and the capture ends instead of spinning.
func TestInvariant2DiskFails(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		eachOperation(t, func(t *testing.T, n int) bool {
			c := way.capture()
			hit := false
			c.m.fail = func(op memOp) error {
				if op.n >= n && (takesRoom(op) || op.op == "truncate") {
					hit = true
					return syscall.EIO
				}
				return nil
			}
			err := c.run(patience(t))
			if hit && err == nil {
				t.Errorf("no error though the disk failed")
			}
			next := c.m.restart()
			recoveredBy(t, next, way.later)
			c.whole(t, next, never)
			if t.Failed() {
				t.Errorf("disk fails from operation %d on, which said %v:\n%s", n, err, c.m.trace())
			}
			return hit
		})
	})
}

// mute is a test that fails without a word.
type mute struct {
	testing.TB
	failed bool
}

func (m *mute) Errorf(string, ...any) { m.failed = true }

// The tests above are worth something only if they see a step that is left
// out. Here a sync that is not done claims to be, of each kind that the order
// of steps relies on.
func TestInvariant2SeesMissingSyncs(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(memOp) bool{
		"none":                    func(memOp) bool { return false },
		"of the working file":     func(op memOp) bool { return op.op == "sync" && op.name == "grabber.dat" },
		"of the directory":        func(op memOp) bool { return op.op == "syncdir" && op.name == "." },
		"of what recovery writes": func(op memOp) bool { return op.op == "sync" && op.name == rewriteName },
		"of what is left": func(op memOp) bool {
			return op.op == "sync" && op.name == ".p-19990101T000000.000002Z-000001.jsonl"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := &mute{TB: t}
			eachOperation(t, func(t *testing.T, n int) bool {
				n *= 3
				m := oldStore()
				left, err := m.find(".p-19990101T000000.000002Z-000001.jsonl")
				if err != nil {
					t.Fatal(err)
				}
				left.synced = nil // in memory alone, as the page cache may hold it
				c := newCapture(m)
				c.m.lie = lie
				c.m.dieAt(n, diesBefore)
				_ = c.run(patience(t)) // it dies
				if _, finished := c.content["p-19990101T000000.000002Z-000001.jsonl"]; !finished && name == "of what is left" {
					return c.m.died() // not yet promised
				}
				for _, next := range c.m.powerCuts() {
					c.promised(t, seen, next)
				}
				return c.m.died()
			})
			if want := name != "none"; seen.failed != want {
				t.Errorf("missing fsync %s: seen %v, want %v", name, seen.failed, want)
			}
		})
	}
}

// promised is whole for a store of which not even the old files are durable:
// only what was told to be finished, or is too old to be lost, must be there.
func (c *capture) promised(t *testing.T, seen *mute, m *memFS) {
	t.Helper()
	for name, content := range c.content {
		if n, err := m.find(name); err == nil && string(n.data) == content {
			continue
		}
		if n, err := m.find(dotName(name)); err != nil || string(n.data) != content {
			seen.Errorf("%s was finished and is gone", name)
		}
	}
	recovered(t, m)
	found := map[int]bool{}
	for _, name := range m.names(".") {
		for n := range c.accepted {
			if name[0] != '.' && strings.Contains(m.read(t, name), message(n)+"\n") {
				found[n] = true
			}
		}
	}
	for n, at := range c.accepted {
		if !found[n] && !c.unsynced(at) {
			seen.Errorf("message %d is lost", n)
		}
	}
}

// What came while an fsync ran is synced too, though nothing comes after it.
func TestInvariant2QuietStream(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, way way) {
		for _, gap := range []time.Duration{0, 400 * time.Millisecond, 600 * time.Millisecond, 1100 * time.Millisecond, 2 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				c := way.capture()
				c.cfg.CutBytes = 1 << 20
				w, err := c.writer()
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				c.m.syncDelay = 700 * time.Millisecond
				for range 2 {
					if err := c.add(w, 1); err != nil {
						t.Fatal(err)
					}
					time.Sleep(gap)
				}
				time.Sleep(3 * time.Second)
				idle := c.m.operations()
				next := c.m.powerCut(namesLost, contentLost)
				next.syncDelay = 0
				time.Sleep(time.Hour)
				if n := c.m.operations() - idle; n != 0 {
					t.Errorf("%d operations in an hour without a message", n)
				}
				recoveredBy(t, next, way.later)
				c.whole(t, next, never)
				if t.Failed() {
					t.Logf("messages came %v apart", gap)
				}
				if err := w.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

// A file that somebody puts under the working file's name is neither continued
// nor overwritten, as the original did.
func TestInvariant3ForeignWorkingFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(oldStore())
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		c.m.put("grabber.dat", message(500)+"\n")
		c.offered[500] = true
		n, err := w.Append([]byte(message(501) + "\n"))
		var trouble *Error
		if n != 0 || !errors.As(err, &trouble) || trouble.Hint == "" {
			t.Errorf("Append over a foreign working file: %d, %v", n, err)
		}
		if got, want := c.m.read(t, "grabber.dat"), message(500)+"\n"; got != want {
			t.Errorf("the foreign file holds %q, want %q", got, want)
		}
		if err := w.Close(t.Context()); !errors.As(err, &trouble) {
			t.Errorf("Close: %v", err)
		}
		recovered(t, c.m)
		c.whole(t, c.m, never)
	})
}
