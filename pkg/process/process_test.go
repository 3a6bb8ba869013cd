package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const roleVariable = "TWITTER_STREAM_TEST_ROLE"

// The test binary is also the processes that it looks at.
func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "parent": // starts a watcher and waits to be killed
		cmd := self("watcher")
		cmd.Env = append(cmd.Env, ParentVariable+"="+strconv.Itoa(os.Getpid()))
		if err := cmd.Run(); err != nil {
			os.Exit(1)
		}
	case "watcher": // says in a file that it watches, and that its parent is gone
		parent, _ := strconv.Atoi(os.Getenv(ParentVariable))
		say("watching " + strconv.Itoa(os.Getpid()))
		WatchParent(context.Background(), parent, 50*time.Millisecond, func() { say("gone") })
	case "sleeper":
		time.Sleep(time.Minute)
	}
	os.Exit(0)
}

func self(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

func say(text string) {
	if err := os.WriteFile(os.Getenv("TWITTER_STREAM_TEST_FILE"), []byte(text), 0o600); err != nil {
		os.Exit(1)
	}
}

func start(t *testing.T, role, file string) *exec.Cmd {
	t.Helper()
	cmd := self(role)
	cmd.Env = append(cmd.Env, "TWITTER_STREAM_TEST_FILE="+file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // ended already in most tests
		_ = cmd.Wait()
	})
	return cmd
}

// eventually polls until ok, for much longer than it should take.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func needIdentities(t *testing.T) {
	t.Helper()
	if _, ok := Find(os.Getpid()); !ok {
		t.Skip("this system does not tell one process from another")
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	needIdentities(t)
	me := Self()
	if again, ok := Find(os.Getpid()); !ok || !me.Same(again) {
		t.Errorf("Find(self) = %+v, %v, want %+v", again, ok, me)
	}
	exe, err := os.Executable()
	if err != nil || me.Exe != exe {
		t.Errorf("Exe = %q, want %q (%v)", me.Exe, exe, err)
	}
	child := start(t, "sleeper", "")
	found, ok := Find(child.Process.Pid)
	if !ok || found.Same(me) || found.PID != child.Process.Pid || found.Started == "" {
		t.Errorf("Find(child) = %+v, %v", found, ok)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a killed child that is not reaped is not found", func() bool {
		_, ok := Find(child.Process.Pid)
		return !ok
	})
}

func TestSame(t *testing.T) {
	t.Parallel()
	whole := Identity{7, "boot/1", "/bin/x"}
	for _, tt := range []struct {
		name string
		a, b Identity
		want bool
	}{
		{"same", whole, whole, true},
		{"recycled pid", whole, Identity{7, "boot/2", "/bin/x"}, false},
		{"other executable", whole, Identity{7, "boot/1", "/bin/y"}, false},
		{"start not told", Identity{7, "", "/bin/x"}, Identity{7, "", "/bin/x"}, false},
		{"executable not told", Identity{7, "boot/1", ""}, Identity{7, "boot/1", ""}, false},
		{"nobody", Identity{}, Identity{}, false},
	} {
		if got := tt.a.Same(tt.b); got != tt.want {
			t.Errorf("%s: %+v.Same(%+v) = %v, want %v", tt.name, tt.a, tt.b, got, tt.want)
		}
	}
}

func TestFindNobody(t *testing.T) {
	t.Parallel()
	for _, pid := range []int{-1, 0, 1 << 30} {
		if id, ok := Find(pid); ok {
			t.Errorf("Find(%d) = %+v", pid, id)
		}
	}
}

func TestParent(t *testing.T) {
	t.Parallel()
	needIdentities(t)
	if got, ok := Parent(os.Getpid()); !ok || got != os.Getppid() {
		t.Errorf("Parent(self) = %d, %v, want %d", got, ok, os.Getppid())
	}
	child := start(t, "sleeper", "")
	if got, ok := Parent(child.Process.Pid); !ok || got != os.Getpid() {
		t.Errorf("Parent(child) = %d, %v, want %d", got, ok, os.Getpid())
	}
	for _, pid := range []int{-1, 0, 1 << 30} {
		if got, ok := Parent(pid); ok {
			t.Errorf("Parent(%d) = %d, want none", pid, got)
		}
	}
}

func TestWatchParent(t *testing.T) {
	t.Parallel()
	calls := 0
	WatchParent(t.Context(), os.Getppid()+1, time.Hour, func() { calls++ })
	if calls != 1 {
		t.Errorf("another parent: gone was called %d times, want once and without waiting", calls)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	WatchParent(ctx, os.Getppid(), time.Millisecond, func() { t.Error("gone was called for the living parent") })
}

func TestKilledParentIsNoticed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "said")
	said := func() string {
		text, _ := os.ReadFile(file) // not there yet
		return string(text)
	}
	parent := start(t, "parent", file)
	eventually(t, "the child watches", func() bool { return strings.HasPrefix(said(), "watching ") })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child notices", func() bool { return said() == "gone" })
}
