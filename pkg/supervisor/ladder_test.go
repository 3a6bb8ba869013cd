package supervisor

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// TestEnds has each row of the table of ends: when is a child started again?
func TestEnds(t *testing.T) {
	t.Parallel()
	done := func(p *fake) {
		p.says(status.Done, 1)
		p.exit(exit{})
	}
	ladder := []time.Duration{0, 0, 1, 3, 7, 15, 31}
	for _, tt := range []struct {
		name   string
		behave func(*fake)
		path   string
		state  string          // of the child after 40 s
		want   []time.Duration // in seconds
	}{
		{"done", done, "", status.Done, []time.Duration{0}},
		{"0 unasked", code(0), "", status.Waiting, seconds(40)},
		{"1", code(1), "", status.Waiting, seconds(40)},
		{"2 is a crash of Go", code(2), "", status.Waiting, ladder},
		{"3", code(3), "", status.Failed, []time.Duration{0}},
		{"4", code(4), "", status.Failed, []time.Duration{0}},
		{"5", code(5), "", status.Waiting, []time.Duration{0, 30}},
		{"an unknown code", code(77), "", status.Waiting, ladder},
		{"signal", func(p *fake) { p.exit(exit{code: -1, signal: "segmentation fault"}) }, "", status.Waiting, ladder},
		{"start fails", nil, "/bin/missing", status.Waiting, ladder},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.behave["child"] = tt.behave
				cfg := r.config(t.TempDir(), "child")
				if tt.path != "" {
					cfg.Children[0].Path = tt.path
				}
				stop := r.run(cfg)
				time.Sleep(40500 * time.Millisecond)
				synctest.Wait()
				got := r.starts("child")
				var want []time.Duration
				for _, n := range tt.want {
					want = append(want, n*time.Second)
				}
				if !slices.Equal(got, want) {
					t.Errorf("starts = %v, want %v", got, want)
				}
				if got := r.super.board.row("child"); got.State != tt.state || got.Restarts != len(tt.want)-1 {
					t.Errorf("status = %+v, want state %q and %d restarts", got, tt.state, len(tt.want)-1)
				}
				if err := stop(); err != nil {
					t.Errorf("Run = %v, want nil", err)
				}
			})
		})
	}
}

func seconds(n int) (all []time.Duration) {
	for i := range n + 1 {
		all = append(all, time.Duration(i))
	}
	return all
}

// A child that crashes for hours is tried for ever, and ever more seldom.
func TestNeverGivesUpNeverHammers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.behave["child"] = code(2)
		stop := r.run(r.config(t.TempDir(), "child"))
		time.Sleep(time.Hour)
		synctest.Wait()
		hour := len(r.starts("child"))
		if hour < 15 || hour > 22 {
			t.Errorf("%d starts in the first hour, want about 20", hour)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if more := len(r.starts("child")) - hour; more != 4 {
			t.Errorf("%d starts in 20 more minutes, want one every 5 min", more)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// The ladder begins anew after a minute of beats, not of mere existence.
func TestLadderIsResetByHealth(t *testing.T) {
	t.Parallel()
	crashAfter := func(d time.Duration, beats bool) func(*fake) {
		return func(p *fake) {
			switch {
			case p.n <= 5: // up the ladder
			case beats:
				p.beatFor(d)
			default:
				time.Sleep(d)
			}
			p.exit(exit{code: 2})
		}
	}
	for _, tt := range []struct {
		name  string
		life  time.Duration
		beats bool
		want  time.Duration // between the sixth death and the seventh start
	}{
		{"two minutes of beats", 2 * time.Minute, true, 0},
		{"half a minute of beats", 30 * time.Second, true, 16 * time.Second},
		{"silent existence", 29 * time.Second, false, 16 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.behave["child"] = crashAfter(tt.life, tt.beats)
				r.run(r.config(t.TempDir(), "child"))
				time.Sleep(5 * time.Minute)
				at := r.starts("child")
				if got := at[6] - at[5] - tt.life; got != tt.want {
					t.Errorf("wait after the sixth death = %v, want %v (starts %v)", got, tt.want, at)
				}
			})
		})
	}
}

func TestPersonIsToldOnceAndFileEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, dir := newRig(t), t.TempDir()
		r.behave["child"] = code(4)
		r.run(r.config(dir, "child"))
		const told = "child was refused its credentials, it is tried again when a file changes and every 5 minutes"
		time.Sleep(16 * time.Minute)
		synctest.Wait()
		want := []time.Duration{0, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute}
		if got := r.starts("child"); !slices.Equal(got, want) {
			t.Errorf("starts = %v, want %v", got, want)
		}
		if n := r.said(told); n != 1 {
			t.Errorf("told %d times, want once", n)
		}
		write(t, filepath.Join(dir, "token.ini"), "new")
		time.Sleep(2 * time.Second)
		if got := r.starts("child"); len(got) != 5 {
			t.Errorf("starts = %v, want one more at once", got)
		}
		if n := r.said(told); n != 2 {
			t.Errorf("told %d times after the change, want once more", n)
		}
	})
}

// A file that changed while the child still ran counts too.
func TestChangeBeforeTheEndCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, dir := newRig(t), t.TempDir()
		r.behave["child"] = func(p *fake) {
			if p.n == 1 {
				write(t, filepath.Join(dir, "config.ini"), "better")
			}
			p.exit(exit{code: 3})
		}
		r.run(r.config(dir, "child"))
		time.Sleep(time.Minute)
		if got, want := r.starts("child"), []time.Duration{0, time.Second}; !slices.Equal(got, want) {
			t.Errorf("starts = %v, want %v", got, want)
		}
	})
}

func TestNewCredentialsRestartUnlessCapturing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		state string
		want  int
	}{{status.Waiting, 2}, {status.Capturing, 1}} {
		t.Run(tt.state, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, dir := newRig(t), t.TempDir()
				r.behave["child"] = func(p *fake) {
					for i := uint64(0); len(p.ended) == 0; i++ {
						p.says(tt.state, i)
						time.Sleep(time.Second)
					}
				}
				stop := r.run(r.config(dir, "child"))
				time.Sleep(10 * time.Second)
				write(t, filepath.Join(dir, "token.ini"), "new")
				time.Sleep(10 * time.Second)
				if got := len(r.starts("child")); got != tt.want {
					t.Errorf("%d starts, want %d", got, tt.want)
				}
				stop()
			})
		})
	}
}

// write replaces a file at once: half of it would be a change of its own.
func write(t *testing.T, path, text string) {
	if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
		t.Error(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Error(err)
	}
}
