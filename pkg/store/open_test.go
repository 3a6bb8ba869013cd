package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prepare func(dir string) error
		cfg     Config
		want    string // in the error; "" none
	}{
		{"new", nil, Config{Create: true}, ""},
		{"the original's", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/p-1414081234.5-0.txt", []byte("{}{}"), 0o644))
		}, Config{Create: true}, ""},
		{"below directories that are not there", nil, Config{Create: true, Dir: "a/b/c"}, ""},
		{"none, by a child", nil, Config{}, "no such file"},
		{"empty mount point, by a child", func(dir string) error { return os.Mkdir(dir, 0o755) }, Config{}, "is no store"},
		{"a file", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, Config{Create: true}, "not a directory"},
		{"ledger is a file", func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/ledger", nil, 0o600))
		},
			Config{Create: true}, "not a directory"},
		{"newer", func(dir string) error { return withVersion(dir, "2\n") }, Config{Create: true}, "version 2, newer than the 1"},
		{"newer, only read", func(dir string) error { return withVersion(dir, "2\n") }, Config{ReadOnly: true}, "version 2, newer than the 1"},
		{"garbage", func(dir string) error { return withVersion(dir, "x") }, Config{Create: true}, "not a layout version"},
		{"long garbage", func(dir string) error { return withVersion(dir, strings.Repeat("1", 99)) }, Config{Create: true}, "larger than"},
		{"half made", func(dir string) error { return os.MkdirAll(dir+"/.state", 0o700) }, Config{Create: true}, ""},
		{"ours, by a child", func(dir string) error { return withVersion(dir, "1\n") }, Config{}, ""},
		{"prefix", nil, Config{Create: true, Prefix: "a/b"}, "prefix"},
		{"working name", nil, Config{Create: true, WorkingName: "a/b"}, "bare name"},
		{"working name with the prefix", nil, Config{Create: true, WorkingName: "p-x"}, "begins with the prefix"},
		{"working name is taken", nil, Config{Create: true, WorkingName: "ledger"}, "directory of the store"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := tt.cfg
			cfg.Dir = filepath.Join(t.TempDir(), "store", cfg.Dir)
			if tt.prepare != nil {
				if err := tt.prepare(cfg.Dir); err != nil {
					t.Fatal(err)
				}
			}
			if cfg.Prefix == "" {
				cfg.Prefix = capturePrefix
			}
			if cfg.WorkingName == "" {
				cfg.WorkingName = "grabber.dat"
			}
			s, err := Open(cfg)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Open = %v, want %q", err, tt.want)
			}
			var trouble *Error
			if errors.As(err, &trouble) && exitcode.Of(err) != exitcode.Store {
				t.Errorf("%v exits %d", err, exitcode.Of(err))
			}
			if err != nil {
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if text, err := os.ReadFile(filepath.Join(cfg.Dir, ".state", "version")); string(text) != "1\n" {
				t.Errorf("version is %q, %v", text, err)
			}
			cfg.Create = false
			s, err = Open(cfg)
			if err != nil {
				t.Fatalf("again: %v", err)
			}
			_ = s.Close() // only opened
		})
	}
}

func withVersion(dir, text string) error {
	return errors.Join(os.MkdirAll(dir+"/.state", 0o700), os.WriteFile(dir+"/.state/version", []byte(text), 0o600))
}

// A store that is made is a store at once or not at all, whatever ends the
// making.
func TestOpenDies(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, n int) bool {
		c := newCapture(newMemFS())
		c.m.dieAt(n, diesHalf)
		_, _ = c.open() // it dies
		all := c.m.powerCuts()
		all["kill"] = c.m.restart()
		for fate, next := range all {
			c := newCapture(next)
			if _, err := c.open(); err != nil {
				t.Errorf("%s at operation %d: %v", fate, n, err)
			}
			if got := next.read(t, versionFile); got != "1\n" {
				t.Errorf("%s at operation %d: version %q", fate, n, got)
			}
		}
		return c.m.died()
	})
}

// A disk that is full, at any operation, is no reason to end.
func TestOpenFull(t *testing.T) {
	t.Parallel()
	for _, m := range []func() *memFS{newMemFS, oldStore} {
		eachOperation(t, func(t *testing.T, n int) bool {
			c := newCapture(m())
			hit := false
			c.m.fail = func(op memOp) error {
				hit = hit || op.n == n
				if op.n == n && takesRoom(op) {
					return syscall.ENOSPC
				}
				return nil
			}
			if _, err := c.open(); err != nil && !isFull(err) {
				t.Errorf("no room at operation %d: %v\n%s", n, err, c.m.trace())
			}
			return hit
		})
	}
}

// What cannot be written is found at once, what is only read need not be.
func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	c := newCapture(oldStore())
	c.m.fail = func(op memOp) error {
		if takesRoom(op) || op.op == "remove" {
			return syscall.EROFS
		}
		return nil
	}
	_, err := c.open()
	var trouble *Error
	if !errors.As(err, &trouble) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("Open of a read-only store: %v", err)
	}
	s, err := Open(Config{Dir: "/mem", Prefix: "p-", WorkingName: "grabber.dat", ReadOnly: true, fs: c.m})
	if err != nil {
		t.Fatalf("Open to look at it: %v", err)
	}
	if _, err := s.ReadState(StateGrabber); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadState: %v", err)
	}
}

// Invariant 8: a state file is complete at every instant, and what is durable
// survives a power cut.
func TestInvariant8(t *testing.T) {
	t.Parallel()
	for _, durable := range []bool{false, true} {
		eachOperation(t, func(t *testing.T, n int) bool {
			c := newCapture(oldStore())
			s, err := c.open()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.WriteState(StateGrabber, []byte(`{"beat":0}`), true); err != nil {
				t.Fatal(err)
			}
			c.m.dieAt(n, diesHalf)
			written := 0
			for i := 1; i < 6 && err == nil; i++ {
				if err = s.WriteState(StateGrabber, fmt.Appendf(nil, `{"beat":%d}`, i), durable); err == nil {
					written = i
				}
			}
			all := map[string]*memFS{"kill": c.m.restart()}
			if durable {
				all = c.m.powerCuts()
			}
			for fate, next := range all {
				var got struct{ Beat int }
				text := next.read(t, stateDir+"/"+StateGrabber)
				if err := json.Unmarshal([]byte(text), &got); err != nil || got.Beat < written {
					t.Errorf("%s at operation %d: state is %q after %d was written", fate, n, text, written)
				}
			}
			return c.m.died()
		})
	}
}

// Invariant 8 on a real disk: nobody ever reads a torn status, however fast
// it is replaced.
func TestInvariant8Readers(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	states := [][]byte{
		fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("a", 50_000)),
		fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("b", 20)),
	}
	if err := s.WriteState(StateDaemon, states[0], false); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				text, err := s.ReadState(StateDaemon)
				if err != nil || !slices.ContainsFunc(states, func(want []byte) bool { return string(want) == string(text) }) {
					t.Errorf("read %.40q, %v", text, err)
					return
				}
			}
		})
	}
	for i := range 500 {
		if err := s.WriteState(StateDaemon, states[i%2], false); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	all.Wait()
	if err := errors.Join(s.RemoveState(StateDaemon), s.RemoveState(StateDaemon)); err != nil {
		t.Errorf("RemoveState: %v", err)
	}
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, ".hidden"} {
		_, rerr := s.ReadState(name)
		for op, err := range map[string]error{"write": s.WriteState(name, nil, false), "read": rerr, "remove": s.RemoveState(name)} {
			if err == nil || !strings.Contains(err.Error(), "not a bare name") {
				t.Errorf("%s %q: %v", op, name, err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(s.Dir(), ".state", "big"), make([]byte, maxState+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadState("big"); err == nil {
		t.Error("a state of more than 1 MiB was read")
	}
}

// Temporary files of the dead are removed at start, those of the living not.
func TestStaleTemporaryFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := oldStore()
		for _, name := range []string{".grabber.json.11.tmp", ".grabber.json.22.tmp", ".x.tmp", ".tmp", "11.tmp", ".a.-1.tmp"} {
			m.put(stateDir+"/"+name, "x")
		}
		m.put(rejectedDir+"/.a.reason.json.11.tmp", "x")
		if _, err := Open(Config{Dir: "/mem", Prefix: "p-", WorkingName: "grabber.dat", fs: m, alive: func(pid int) bool { return pid == 22 }}); err != nil {
			t.Fatal(err)
		}
		if got, want := m.names(stateDir), []string{".a.-1.tmp", ".grabber.json.22.tmp", ".tmp", ".x.tmp", "11.tmp", "version"}; !slices.Equal(got, want) {
			t.Errorf(".state holds %q, want %q", got, want)
		}
		if got := m.names(rejectedDir); len(got) != 1 {
			t.Errorf("rejected holds %q", got)
		}
	})
}
