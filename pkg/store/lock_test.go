package store

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// The test binary run with this variable holds the grabber's lock on the store
// that it names until its standard input ends.
const holdVariable = "TWITTER_STREAM_TEST_HOLD"

func TestHoldsLockInAnotherProcess(t *testing.T) {
	dir := os.Getenv(holdVariable)
	if dir == "" {
		t.Skip("only run by other tests")
	}
	s, err := Open(Config{Dir: dir, Prefix: capturePrefix, WorkingName: "grabber.dat"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(t.Context(), RoleGrabber, Holder{PID: os.Getpid(), Started: "then", Exe: "x", Parent: 1}); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString("held\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// holdElsewhere starts a process that holds the grabber's lock.
func holdElsewhere(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldsLockInAnotherProcess$")
	cmd.Env = append(os.Environ(), holdVariable+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill() // it may be dead already
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return cmd
}

func TestLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	other := holdElsewhere(t, s.Dir())
	holder, held, err := s.Holder(RoleGrabber)
	if want := (Holder{PID: other.Process.Pid, Started: "then", Exe: "x", Parent: 1}); holder != want || !held || err != nil {
		t.Errorf("Holder = %+v, %v, %v; want %+v", holder, held, err, want)
	}
	begin := time.Now()
	_, err = s.Lock(t.Context(), RoleGrabber, Holder{PID: os.Getpid()})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != other.Process.Pid || exitcode.Of(err) != exitcode.Store {
		t.Errorf("second grabber: %v", err)
	}
	if took := time.Since(begin); took < lockWait {
		t.Errorf("gave up after %v, want %v", took, lockWait)
	}
	if l, err := s.Lock(t.Context(), RoleUploader, Holder{}); err != nil {
		t.Errorf("another role: %v", err)
	} else if err := l.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Lock(ctx, RoleGrabber, Holder{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// The lock ends with the process, whatever end that is; who waits gets it.
	time.AfterFunc(100*time.Millisecond, func() { _ = other.Process.Kill() })
	l, err := s.Lock(t.Context(), RoleGrabber, Holder{PID: 1})
	if err != nil {
		t.Fatalf("after the holder was killed: %v", err)
	}
	if err := errors.Join(l.Check(), l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, held, err := s.Holder(RoleGrabber); held || err != nil {
		t.Errorf("after Close: held %v, %v", held, err)
	}
}

// A shorter text replaces a longer one whole, and a look takes no lock away.
func TestLockText(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	if _, held, err := s.Holder(RoleDaemon); held || err != nil {
		t.Errorf("no lock yet: %v, %v", held, err)
	}
	if _, err := os.Lstat(filepath.Join(s.Dir(), ".state", "daemon.lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a look made a lock file: %v", err)
	}
	for _, self := range []Holder{{PID: 123456, Started: strings.Repeat("long", 99), Exe: "/a/b"}, {PID: 7}} {
		l, err := s.Lock(t.Context(), RoleDaemon, self)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, held, err := s.Holder(RoleDaemon); got != self || !held || err != nil {
				t.Errorf("Holder = %+v, %v, %v; want %+v", got, held, err, self)
			}
		}
		text, err := os.ReadFile(filepath.Join(s.Dir(), ".state", "daemon.lock"))
		if err != nil || strings.Count(string(text), "\n") != 1 {
			t.Errorf("lock's text is %q, %v", text, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The store goes away in all ways that it can: whoever uses it hears of it.
func TestStoreGone(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(dir string) error{
		"removed": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+".old") },
		"replaced": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.MkdirAll(dir+"/.state", 0o700))
		},
		"lock removed": func(dir string) error { return os.Remove(dir + "/.state/grabber.lock") },
		"lock replaced": func(dir string) error {
			return errors.Join(os.Remove(dir+"/.state/grabber.lock"), os.WriteFile(dir+"/.state/grabber.lock", nil, 0o600))
		},
		"working file removed": func(dir string) error { return os.Remove(dir + "/grabber.dat") },
		"working file replaced": func(dir string) error {
			return errors.Join(os.Remove(dir+"/grabber.dat"), os.WriteFile(dir+"/grabber.dat", nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTemp(t)
			l, err := s.Lock(t.Context(), RoleGrabber, Holder{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close() //nolint:errcheck // the store is gone
			w := newWriter(t, s, WriterConfig{CutBytes: 1 << 20, SyncInterval: time.Hour})
			appendAll(t, w, []byte("{}\n"))
			if err := errors.Join(l.Check(), w.Room()); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := away(s.Dir()); err != nil {
				t.Fatal(err)
			}
			err = l.Check()
			if strings.HasPrefix(name, "working") {
				err = w.Room()
			}
			var gone *Error
			if !errors.As(err, &gone) || exitcode.Of(err) != exitcode.Store || gone.Hint == "" {
				t.Errorf("store %s: %v", name, err)
			}
		})
	}
}
