package store

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

const watchDeadline = 10 * time.Second

func TestWatch(t *testing.T) {
	t.Parallel()
	s := shipStore(t, nil)
	changed, stop, err := s.Watch()
	if runtime.GOOS != "linux" {
		t.Skipf("events here: %v", err)
	}
	if err != nil {
		t.Fatalf("watch: %v", err)
	}
	defer stop()
	in := func(name string) string { return filepath.Join(s.Dir(), name) }
	write := func(name string) {
		if err := os.WriteFile(in(name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wakes := func(why string) {
		t.Helper()
		select {
		case <-changed:
		case <-time.After(watchDeadline):
			t.Fatalf("%s: no wake", why)
		}
	}
	// What is none of ours comes before what is: one wake, when the latter is there.
	write("grabber.dat")
	write("." + ownName(1))
	write("other")
	if err := os.Rename(in("."+ownName(1)), in(ownName(1))); err != nil {
		t.Fatal(err)
	}
	wakes("a file is finished")
	if b := mustScan(t, s, 9, nil); len(b.Names) != 1 {
		t.Errorf("woken, but the store has %q", b.Names)
	}
	for i := range 100 {
		write(ownName(i + 2))
	}
	wakes("a hundred files")
	stop()
	stop()
	select {
	case <-changed: // the one that may be unread
	default:
	}
	write(ownName(200))
	select {
	case <-changed:
		t.Error("a wake after the end")
	default:
	}
}

// Only a file that may be shipped wakes, by appearing; and a wake that nobody
// has read yet holds nobody up.
func TestWatchForwards(t *testing.T) {
	t.Parallel()
	s := shipStore(t, newMemFS())
	watcher := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
	wake := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.forward(watcher, wake)
	}()
	nothing := fsnotify.Event{Name: "/mem/other", Op: fsnotify.Create}
	for _, test := range []struct {
		event fsnotify.Event
		want  int
	}{
		{nothing, 0},
		{fsnotify.Event{Name: "/mem/grabber.dat", Op: fsnotify.Create}, 0},
		{fsnotify.Event{Name: "/mem/." + ownName(1), Op: fsnotify.Create}, 0},
		{fsnotify.Event{Name: "/mem/" + ownName(1), Op: fsnotify.Remove}, 0},
		{fsnotify.Event{Name: "/mem/" + ownName(1), Op: fsnotify.Write | fsnotify.Chmod}, 0},
		{fsnotify.Event{Name: "/mem/" + ownName(1), Op: fsnotify.Create}, 1},
		{fsnotify.Event{Name: "/mem/tw-foreign", Op: fsnotify.Create | fsnotify.Write}, 1},
	} {
		for range 3 {
			watcher.Events <- test.event
		}
		watcher.Events <- nothing // it is taken when the one before has been dealt with
		if got := len(wake); got != test.want {
			t.Errorf("%v: %d wakes, want %d", test.event, got, test.want)
		}
		for len(wake) > 0 {
			<-wake
		}
	}
	watcher.Errors <- fsnotify.ErrEventOverflow
	watcher.Events <- nothing
	if len(wake) != 1 {
		t.Error("an overflow of the queue did not wake")
	}
	close(watcher.Events)
	<-done
}

func TestWatchWithoutEvents(t *testing.T) {
	t.Parallel()
	s := shipStore(t, newMemFS(), func(c *Config) { c.Dir = filepath.Join(t.TempDir(), "none") })
	changed, stop, err := s.Watch()
	if err == nil || changed == nil || stop == nil {
		t.Fatalf("watch of nothing: %v, %v", changed, err)
	}
	stop()
	select {
	case <-changed:
		t.Error("the channel is not silent")
	default:
	}
}
