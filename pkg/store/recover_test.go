package store

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// Invariant 3: what a dead grabber left is recovered as it is promised, in the
// order of its capture and before anything newer.
func TestInvariant3(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := oldStore()
		m.put(".other-19980101T000000.000000Z-000000.jsonl", message(0)+"\n") // of an earlier prefix
		m.put(".recovering.tmp", "left by a recovery")
		m.put(".p-foreign", "not of our grammar")
		c := newCapture(m)
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.add(w, 3); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"other-19980101T000000.000000Z-000000.jsonl", "p-19990101T000000.000002Z-000001.jsonl", "p-19990101T000000.000003Z-000002.jsonl",
			"p-19990101T000000.000004Z-000003.jsonl", "p-20000101T000000.000000Z-000005.jsonl", "p-20000101T000000.000001Z-000006.jsonl",
		}
		if !slices.Equal(c.finished, want) {
			t.Errorf("finished\n%q, want\n%q", c.finished, want)
		}
		for name, want := range map[string]string{
			"other-19980101T000000.000000Z-000000.jsonl": message(0) + "\n",
			"p-19990101T000000.000003Z-000002.jsonl":     message(4) + "\n" + message(5) + "\n",
			"p-19990101T000000.000004Z-000003.jsonl":     message(6) + "\n" + message(7) + "\n",
			"p-20000101T000000.000000Z-000005.jsonl":     message(9) + "\n" + message(10) + "\n",
			".p-foreign":                                 "not of our grammar",
		} {
			if got := m.read(t, name); got != want {
				t.Errorf("%s holds %q, want %q", name, got, want)
			}
		}
		checkOldDamage(t, m)
		checkAside(t, m)
		if got := w.Damaged(); got != 4 || len(c.notices) != 3 {
			t.Errorf("Damaged = %d, notices %q", got, c.notices)
		}
		if slices.Contains(m.names("."), rewriteName) {
			t.Errorf("store holds %q", m.names("."))
		}
	})
}

// A file that cannot be read does not keep the grabber from coming up: after a
// second try it is set aside whole. A passing trouble costs only a second.
func TestRecoverUnreadable(t *testing.T) {
	t.Parallel()
	const bad = "p-19990101T000000.000003Z-000002.jsonl"
	for _, tt := range []struct {
		name  string
		times int // that reading fails
		mode  fs.FileMode
		aside bool
	}{
		{"bad sector", 1000, 0o600, true},
		{"once", 1, 0o600, false},
		{"no permission", 0, 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := oldStore()
			content := m.read(t, "."+bad)
			m.putMode("."+bad, content, tt.mode)
			left := tt.times
			m.fail = func(op memOp) error {
				if op.op == "read" && op.name == "."+bad && left > 0 {
					left--
					return syscall.EIO
				}
				return nil
			}
			c := newCapture(m)
			w, err := c.writer()
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Close(t.Context()); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if aside := !slices.Contains(m.names("."), bad); aside != tt.aside {
				t.Errorf("%s: set aside %v, want %v", tt.name, aside, tt.aside)
			}
			if !tt.aside {
				c.whole(t, m, never)
				return
			}
			if got := m.read(t, rejectedDir+"/"+bad+damagedSuffix); got != content {
				t.Errorf("%s: set aside %q, want %q", tt.name, got, content)
			}
			if got := m.read(t, rejectedDir+"/"+bad+damagedSuffix+reasonSuffix); !strings.Contains(got, "cannot be read") {
				t.Errorf("%s: reason %q", tt.name, got)
			}
			if slices.Contains(m.names("."), "."+bad) {
				t.Errorf("%s: still in the store", tt.name)
			}
		})
	}
}

// Names of ours that are no files are left alone, a working file that is none
// is said.
func TestTakeOverForeign(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := oldStore()
		const pipe = ".p-19990101T000000.000009Z-000009.jsonl"
		m.putMode(pipe, "", fs.ModeNamedPipe|0o600)
		c := newCapture(m)
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(m.names("."), pipe) || !strings.Contains(strings.Join(c.notices, "\n"), "no regular file") {
			t.Errorf("store holds %q, notices %q", m.names("."), c.notices)
		}
		m.putMode("grabber.dat", "", fs.ModeSymlink|0o600)
		_, err = newCapture(m).writer()
		var trouble *Error
		if !errors.As(err, &trouble) || !errors.Is(err, ErrNotRegular) || exitcode.Of(err) != exitcode.Store || trouble.Hint == "" {
			t.Errorf("a link as working file: %v", err)
		}
	})
}

// Recovery of much goes on behind the capture, and a stop in the middle of it
// leaves it to the next start.
func TestRecoveryDoesNotHoldUpCapture(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := oldStore()
		m.syncDelay = 20 * time.Second // each step of recovery takes that long
		c := newCapture(m)
		c.cfg.SyncInterval = time.Minute
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for range 10 {
			if err := c.add(w, 1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("10 messages in 10 s took %v", took)
		}
		if len(c.finished) != 0 {
			t.Errorf("finished %q before the old ones", c.finished)
		}
		err = w.Close(patience(t))
		var unfinished *UnfinishedError
		if !errors.As(err, &unfinished) {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(time.Hour)
		next := m.restart()
		next.syncDelay = 0
		recovered(t, next)
		c.whole(t, next, never)
	})
}
