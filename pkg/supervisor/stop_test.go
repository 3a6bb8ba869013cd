package supervisor

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

func TestStopInOrder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		deaf    bool // the grabber
		undying bool
		kill    time.Duration // a second signal after this
		want    []string
		took    time.Duration
		err     string
	}{
		{"both hear", false, false, 0, []string{"grabber terminate", "uploader terminate"}, 0, ""},
		{"deaf grabber", true, false, 0, []string{"grabber terminate", "uploader terminate", "grabber kill"}, 10 * time.Second, ""},
		{"second signal", true, false, time.Second, []string{"grabber terminate", "uploader terminate", "grabber kill"}, time.Second, ""},
		{"cannot be killed", true, true, 0, []string{"grabber terminate", "uploader terminate", "grabber kill"}, 15 * time.Second, "kill grabber (pid 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.behave["grabber"] = func(p *fake) {
					p.deaf, p.undying = tt.deaf, tt.undying
					p.work()
				}
				stop := r.run(r.config(t.TempDir(), "grabber", "uploader"))
				time.Sleep(1500 * time.Millisecond)
				if tt.kill > 0 {
					go func() {
						time.Sleep(tt.kill)
						r.super.Kill()
					}()
				}
				began := time.Now()
				err := stop()
				if took := time.Since(began); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				got := r.sent()
				slices.Sort(got[min(len(got), 1):]) // who is killed when is not ordered, who is asked first is
				want := slices.Clone(tt.want)
				slices.Sort(want[1:])
				if tt.kill == 0 && !slices.Equal(got, want) {
					t.Errorf("signals = %v, want %v", got, want)
				}
				if tt.kill > 0 && !slices.Contains(got, "grabber kill") {
					t.Errorf("signals = %v, want a kill", got)
				}
				if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("Run = %v, want %q", err, tt.err)
				}
				if r.last().State != status.Stopped {
					t.Errorf("daemon's last state = %q, want stopped", r.last().State)
				}
				for _, p := range r.lives {
					p.exit(exit{}) // lets the goroutines of the undying go
				}
			})
		})
	}
}

// Stopping while a child waits for its next start ends at once.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.behave["child"] = code(5)
		stop := r.run(r.config(t.TempDir(), "child"))
		time.Sleep(5 * time.Second)
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > time.Second {
			t.Errorf("Run = %v after %v, want nil at once", err, time.Since(began))
		}
		if c := r.child("child"); c.State != status.Stopped || c.LastExit != "exit 5" {
			t.Errorf("status = %+v, want stopped, exit 5", c)
		}
	})
}

func TestReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, dir := newRig(t), t.TempDir()
		stop := r.run(r.config(dir, "grabber", "uploader"))
		time.Sleep(5 * time.Second)
		if err := r.super.Reload(Config{}); err == nil {
			t.Error("Reload of an empty configuration = nil, want an error")
		}
		if err := r.super.Reload(r.config(dir, "grabber", "uploader")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		want := []string{"grabber terminate", "uploader terminate"}
		if got := r.sent(); !slices.Equal(got, want) {
			t.Errorf("signals = %v, want %v", got, want)
		}
		if err := r.super.Reload(r.config(dir, "uploader")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if g, u := len(r.starts("grabber")), len(r.starts("uploader")); g != 2 || u != 3 {
			t.Errorf("starts of grabber and uploader = %d, %d; want 2, 3", g, u)
		}
		if r.child("grabber").Name != "" {
			t.Error("a child that is no longer configured is still shown")
		}
		stop()
	})
}

// While one child is being replaced, a signal to stop is not waited for.
func TestStopDuringReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, dir := newRig(t), t.TempDir()
		r.behave["grabber"] = func(p *fake) {
			p.deaf = true
			p.work()
		}
		stop := r.run(r.config(dir, "grabber", "uploader"))
		time.Sleep(5 * time.Second)
		if err := r.super.Reload(r.config(dir, "grabber", "uploader")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		began := time.Now()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if took, want := time.Since(began), termWait-time.Second; took != want {
			t.Errorf("took %v, want the %v that were left of the grabber's time", took, want)
		}
		if g, u := len(r.starts("grabber")), len(r.starts("uploader")); g != 1 || u != 1 {
			t.Errorf("starts of grabber and uploader = %d, %d; want nobody replaced", g, u)
		}
		if got, want := r.sent(), []string{"grabber terminate", "uploader terminate", "grabber kill"}; !slices.Equal(got, want) {
			t.Errorf("signals = %v, want %v", got, want)
		}
	})
}

func TestStoreGone(t *testing.T) {
	t.Parallel()
	for _, outage := range []time.Duration{10 * time.Second, 5 * time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { testStoreGone(t, outage) })
		})
	}
}

func testStoreGone(t *testing.T, outage time.Duration) {
	r := newRig(t)
	gone := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.checkErr != nil
	}
	r.behave["child"] = func(p *fake) {
		for i := uint64(0); !gone(); i++ {
			p.says(status.Running, i)
			time.Sleep(time.Second)
			if len(p.ended) > 0 {
				return
			}
		}
		p.exit(exit{code: 5})
	}
	stop := r.run(r.config(t.TempDir(), "child"))
	time.Sleep(10 * time.Second)
	r.set(func() { r.checkErr = errors.New("store /s: gone") })
	time.Sleep(outage)
	if got := r.starts("child"); len(got) != 1 {
		t.Errorf("starts = %v, want none while the store is gone", got)
	}
	if r.last().State != status.Paused || outage > time.Minute && r.child("child").State != status.Paused {
		t.Errorf("states = %q, %q; want paused", r.last().State, r.child("child").State)
	}
	if n, want := r.said("store is gone, no child is started until it is back"), 1+int(outage/(30*time.Second)); n < want-1 || n > want+1 {
		t.Errorf("said %d times in %v, want one every 30 s", n, outage)
	}
	r.set(func() { r.checkErr = nil })
	time.Sleep(3 * time.Second)
	if got := r.starts("child"); len(got) != 2 {
		t.Errorf("starts = %v, want one as soon as the store is back", got)
	}
	if r.last().State != status.Running || r.said("store is back") != 1 {
		t.Errorf("state = %q, want running, and said once", r.last().State)
	}
	stop()
}

// The daemon's status is written at least every two seconds, its beat moving.
func TestDaemonBeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.behave["grabber"] = code(4)
		stop := r.run(r.config(t.TempDir(), "grabber", "uploader"))
		time.Sleep(time.Second)
		for range 60 {
			before := r.last()
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if r.last().Beat == before.Beat || time.Since(r.last().Time) > 2*time.Second {
				t.Fatalf("beat %d at %v, two seconds earlier %d at %v", r.last().Beat, r.last().Time, before.Beat, before.Time)
			}
		}
		if !strings.Contains(r.last().LastError, "grabber: child was refused its credentials") {
			t.Errorf("last error = %q", r.last().LastError)
		}
		stop()
	})
}
