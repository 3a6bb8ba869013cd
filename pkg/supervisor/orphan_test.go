package supervisor

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/process"
)

// orphan is a made-up process that holds a lock.
type orphan struct {
	rig *rig
	pid int
}

func (r *rig) open(pid int) (foreign, error) { return &orphan{rig: r, pid: pid}, nil }

func (o *orphan) Terminate() error { return o.send("terminate") }
func (o *orphan) Kill() error      { return o.send("kill") }
func (o *orphan) Release() error   { return nil }

func (o *orphan) send(name string) error {
	o.rig.set(func() { o.rig.signals = append(o.rig.signals, "orphan "+name) })
	return nil
}

func TestOrphan(t *testing.T) {
	t.Parallel()
	const pid, parent = 500, 400
	good := Holder{PID: pid, Started: "then", Exe: "/bin/grabber", Parent: parent}
	alive := process.Identity{PID: pid, Started: "then", Exe: "/bin/grabber"}
	for _, tt := range []struct {
		name   string
		holder Holder
		living []process.Identity
		parent int    // its parent now
		heeds  string // the signal that ends it
		want   []string
	}{
		{"stopped orphan wakes and ends", good, []process.Identity{alive}, 1, "orphan terminate", []string{"orphan terminate"}},
		{"stopped orphan must be killed", good, []process.Identity{alive}, 1, "orphan kill", []string{"orphan terminate", "orphan kill"}},
		{"the dead daemon's pid is another's now", good, []process.Identity{alive, {PID: parent, Started: "later", Exe: "/bin/sh"}}, 1, "orphan terminate", []string{"orphan terminate"}},
		{"its parent cannot be told", good, []process.Identity{alive}, 0, "", nil},
		{"its daemon lives", good, []process.Identity{alive, {PID: parent}}, parent, "", nil},
		{"stand-alone", Holder{PID: pid, Started: "then", Exe: "/bin/grabber"}, []process.Identity{alive}, parent, "", nil},
		{"pid of a later process", good, []process.Identity{{PID: pid, Started: "later", Exe: "/bin/grabber"}}, 1, "", nil},
		{"another executable lives there", good, []process.Identity{{PID: pid, Started: "then", Exe: "/bin/sh"}}, 1, "", nil},
		{"lock names another program", Holder{PID: pid, Started: "then", Exe: "/bin/sh", Parent: parent}, []process.Identity{{PID: pid, Started: "then", Exe: "/bin/sh"}}, 1, "", nil},
		{"lock names nothing", Holder{PID: pid, Parent: parent}, []process.Identity{{PID: pid}}, 1, "", nil},
		{"lock does not say since when", Holder{PID: pid, Exe: "/bin/grabber", Parent: parent}, []process.Identity{{PID: pid, Exe: "/bin/grabber"}}, 1, "", nil},
		{"already gone", good, nil, 1, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.find = func(pid int) (process.Identity, bool) {
					i := slices.IndexFunc(tt.living, func(id process.Identity) bool { return id.PID == pid })
					if i < 0 || pid == tt.holder.PID && tt.heeds != "" && slices.Contains(r.sent(), tt.heeds) {
						return process.Identity{}, false
					}
					return tt.living[i], true
				}
				r.parent = func(int) (int, bool) { return tt.parent, tt.parent > 0 }
				r.behave["grabber"] = func(p *fake) {
					if tt.heeds == "" || !slices.Contains(r.sent(), tt.heeds) {
						p.exit(exit{code: 5})
					}
					p.work()
				}
				cfg := r.config(t.TempDir(), "grabber")
				cfg.Children[0].Holder = func() (Holder, bool) { return tt.holder, true }
				stop := r.run(cfg)
				time.Sleep(20 * time.Second)
				if got := r.sent(); !slices.Equal(got, tt.want) {
					t.Errorf("signals = %v, want %v", got, tt.want)
				}
				starts := 1 // the next one comes after 30 s
				if tt.want != nil {
					starts = 2
				}
				if got := r.starts("grabber"); len(got) != starts {
					t.Errorf("starts = %v, want %d", got, starts)
				}
				stop()
			})
		})
	}
}
