package supervisor

import (
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// freeze is a process that beats for a while and then only exists.
func freeze(after time.Duration, deaf bool) func(*fake) {
	return func(p *fake) {
		p.deaf = deaf
		p.beatFor(after)
	}
}

func TestHungChildIsEndedByStages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		deaf bool
		want []string
		next time.Duration // start of the next life, after 10 s of beats and 30 s of silence
	}{
		{"hears SIGTERM", false, []string{"child terminate"}, 41 * time.Second},
		{"is deaf", true, []string{"child terminate", "child quit", "child kill"}, 52 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.behave["child"] = func(p *fake) {
					if p.n > 1 {
						p.work()
						return
					}
					freeze(10*time.Second, tt.deaf)(p)
				}
				stop := r.run(r.config(t.TempDir(), "child"))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got := r.sent(); !slices.Equal(got, tt.want) {
					t.Errorf("signals = %v, want %v", got, tt.want)
				}
				at := r.starts("child")
				if len(at) != 2 || at[1] < tt.next-2*time.Second || at[1] > tt.next+2*time.Second {
					t.Errorf("starts = %v, want the second after about %v", at, tt.next)
				}
				if c := r.child("child"); c.State != status.Running || c.Restarts != 1 {
					t.Errorf("status = %+v, want running after one restart", c)
				}
				stop()
			})
		})
	}
}

// What a predecessor left must neither kill the newborn nor vouch for it.
func TestNewbornWithStaleStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		pid  int // of the stale status; the first process is 1000
	}{{"another pid", 77}, {"the same pid, as in a container", 1000}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				stale, _ := json.Marshal(status.Common{PID: tt.pid, Started: time.Now().Add(-time.Hour), State: status.Done, Beat: 9})
				r.statuses["child"] = stale
				r.behave["child"] = func(p *fake) {
					time.Sleep(20 * time.Second) // silent, but within its time
					if p.n == 1 {
						p.exit(exit{}) // without a word of its own: the stale "done" is not its
					}
					p.work()
				}
				stop := r.run(r.config(t.TempDir(), "child"))
				time.Sleep(15 * time.Second)
				if c := r.child("child"); c.State != status.Starting {
					t.Errorf("state = %q, want starting", c.State)
				}
				time.Sleep(time.Minute)
				if got, want := r.starts("child"), []time.Duration{0, 21 * time.Second}; !slices.Equal(got, want) {
					t.Errorf("starts = %v, want %v", got, want)
				}
				if got := r.sent(); len(got) != 0 {
					t.Errorf("signals = %v, want none", got)
				}
				stop()
			})
		})
	}
}

// A child that never says a word is hung too, by its age.
func TestMuteChildIsHung(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.behave["child"] = func(p *fake) {}
		r.run(r.config(t.TempDir(), "child"))
		time.Sleep(33 * time.Second)
		if got := r.starts("child"); len(got) != 2 {
			t.Errorf("starts = %v, want a second after 31 s", got)
		}
	})
}

// Another process's beats do not vouch for the child.
func TestForeignBeatsDoNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.behave["child"] = func(p *fake) {
			other := fake{rig: r, name: p.name, pid: 77, at: p.at, ended: p.ended}
			other.beatFor(40 * time.Second)
		}
		stop := r.run(r.config(t.TempDir(), "child"))
		time.Sleep(33 * time.Second)
		if got := r.sent(); !slices.Equal(got, []string{"child terminate"}) {
			t.Errorf("signals = %v, want the mute child ended", got)
		}
		stop()
	})
}

// While the daemon cannot write itself, a beat that stands still proves nothing;
// afterwards the child has its whole time again.
func TestFullDiskIsNoHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.behave["child"] = freeze(10*time.Second, false)
		r.run(r.config(t.TempDir(), "child"))
		time.Sleep(10 * time.Second)
		r.set(func() { r.writeErr = errors.New("no space left on device") })
		time.Sleep(10 * time.Minute)
		r.set(func() { r.writeErr = nil })
		time.Sleep(25 * time.Second)
		if got := r.sent(); len(got) != 0 {
			t.Errorf("signals = %v, want none", got)
		}
		if n := r.said("status not written"); n < 15 || n > 25 {
			t.Errorf("said %d times in 10 min that the status is not written, want one every 30 s", n)
		}
		time.Sleep(10 * time.Second)
		if got := r.sent(); len(got) != 1 {
			t.Errorf("signals = %v, want the hang to be seen when the disk is back", got)
		}
	})
}

// A disk that does not answer blocks reads for ever: the child is not blamed,
// and can still be stopped.
func TestHungDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		cfg := r.config(t.TempDir(), "child")
		answers := make(chan struct{})
		defer close(answers)
		var hangs atomic.Bool
		cfg.Children[0].Status = func() ([]byte, error) {
			if hangs.Load() {
				<-answers
			}
			return r.status("child")
		}
		stop := r.run(cfg)
		time.Sleep(10 * time.Second)
		hangs.Store(true)
		time.Sleep(10 * time.Minute)
		if got := r.sent(); len(got) != 0 {
			t.Errorf("signals = %v, want none", got)
		}
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > 3*time.Second {
			t.Errorf("Run = %v after %v, want nil at once", err, time.Since(began))
		}
	})
}

func TestPulse(t *testing.T) {
	t.Parallel()
	type seen struct {
		after         time.Duration
		beat          uint64
		own, writable bool
	}
	for _, tt := range []struct {
		name    string
		in      []seen
		still   time.Duration
		healthy bool
	}{
		{"age counts before the first beat", []seen{{1 * time.Second, 0, false, true}, {2 * time.Second, 0, false, true}}, 2 * time.Second, false},
		{"beat zero is a beat", []seen{{1 * time.Second, 0, true, true}}, 0, false},
		{"stands still", []seen{{1 * time.Second, 5, true, true}, {2 * time.Second, 5, true, true}, {4 * time.Second, 5, true, true}}, 3 * time.Second, false},
		{"goes backwards: moved", []seen{{1 * time.Second, 5, true, true}, {2 * time.Second, 4, true, true}}, 0, false},
		{"no disk", []seen{{1 * time.Second, 5, true, true}, {2 * time.Second, 5, true, true}, {3 * time.Second, 5, true, false}}, 0, false},
		{"nobody looked", []seen{{1 * time.Second, 5, true, true}, {time.Hour, 5, true, true}}, 0, false},
		{"a minute of beats", []seen{{1 * time.Second, 1, true, true}, {61 * time.Second, 2, true, true}}, 0, true},
		{"a minute after its last beat", []seen{{1 * time.Second, 1, true, true}, {2 * time.Second, 2, true, true}, {61 * time.Second, 2, true, true}}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			p := pulse{looked: begin}
			for _, s := range tt.in {
				p.look(begin.Add(s.after), s.beat, s.own, s.writable)
			}
			if p.still != tt.still || p.healthy() != tt.healthy {
				t.Errorf("%+v: still %v, healthy %v; want %v, %v", tt.in, p.still, p.healthy(), tt.still, tt.healthy)
			}
		})
	}
}

// A status is foreign bytes: whatever it holds, a look survives it.
func FuzzLook(f *testing.F) {
	f.Add([]byte(`{"pid":1,"beat":-1}`))
	f.Add([]byte(`{"pid":12,"started":"2026-01-02T03:04:05Z","beat":18446744073709551615}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := looker{status: func() ([]byte, error) { return b, nil }}
		if seen := l.read(); !seen.ok && seen.status.PID != 0 {
			t.Errorf("read(%q) = %+v: half a status", b, seen)
		}
	})
}
