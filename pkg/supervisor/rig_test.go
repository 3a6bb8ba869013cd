package supervisor

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/process"
	"github.com/storj/twitter-stream/pkg/status"
)

// rig is a supervisor over made-up processes, for use inside a synctest bubble.
type rig struct {
	t      *testing.T
	super  *Supervisor
	logs   *logtest.Hook
	behave map[string]func(p *fake) // what a child's process does, by name
	find   func(pid int) (process.Identity, bool)
	parent func(pid int) (int, bool)

	behaving sync.WaitGroup

	mu       sync.Mutex // guards what follows
	lives    []*fake
	statuses map[string][]byte
	daemon   status.Daemon // last written
	writeErr error
	checkErr error
	signals  []string // "grabber terminate", in order
}

// fake is one made-up process.
type fake struct {
	rig     *rig
	name    string
	n       int // which life of its name, from 1
	pid     int
	at      time.Time
	ended   chan exit
	deaf    bool // SIGTERM does nothing
	undying bool // nor does SIGKILL
	once    sync.Once
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, behave: map[string]func(*fake){}, statuses: map[string][]byte{}}
	r.find = func(int) (process.Identity, bool) { return process.Identity{}, false }
	r.parent = func(int) (int, bool) { return 0, false }
	return r
}

// config has one child for each name, with files to watch in a directory.
func (r *rig) config(dir string, names ...string) Config {
	cfg := Config{HeartbeatTimeout: 30 * time.Second, RestartBackoff: backoff.Policy{First: time.Second, Max: 5 * time.Minute}}
	for _, name := range names {
		cfg.Children = append(cfg.Children, Child{
			Name: name, Path: "/bin/" + name, Status: func() ([]byte, error) { return r.status(name) },
			ConfigFiles: []string{filepath.Join(dir, "config.ini")}, CredentialFiles: []string{filepath.Join(dir, "token.ini")},
		})
	}
	return cfg
}

// run starts the supervisor; what it returns stops it and gives Run's error.
func (r *rig) run(cfg Config) (stop func() error) {
	r.t.Helper()
	log, hook := logtest.NewNullLogger()
	log.SetLevel(logrus.DebugLevel)
	r.logs = hook
	s, err := New(cfg, Deps{Log: logrus.NewEntry(log), WriteStatus: r.write, Check: r.check, Random: func() float64 { return 0 }})
	if err != nil {
		r.t.Fatal(err)
	}
	s.system = system{start: r.start, find: func(pid int) (process.Identity, bool) { return r.find(pid) },
		parent: func(pid int) (int, bool) { return r.parent(pid) }, open: r.open}
	r.super = s
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	var once sync.Once
	stop = func() (err error) {
		once.Do(func() {
			cancel()
			err = <-result
		})
		return err
	}
	r.t.Cleanup(func() {
		stop()
		r.behaving.Wait()
	})
	return stop
}

func (r *rig) start(spec Child, out *os.File) (childProcess, error) {
	r.mu.Lock()
	n := 1
	for _, l := range r.lives {
		if l.name == spec.Name {
			n++
		}
	}
	p := &fake{rig: r, name: spec.Name, n: n, pid: 1000 + len(r.lives), at: time.Now(), ended: make(chan exit, 1)}
	r.lives = append(r.lives, p)
	behave := r.behave[spec.Name]
	r.mu.Unlock()
	if behave == nil {
		behave = (*fake).work
	}
	if out != nil {
		io.WriteString(out, "started\n")
	}
	if spec.Path == "/bin/missing" {
		return nil, fs.ErrNotExist
	}
	r.behaving.Go(func() { behave(p) })
	return p, nil
}

func (r *rig) status(name string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.statuses[name]; ok {
		return b, nil
	}
	return nil, fs.ErrNotExist
}

func (r *rig) write(b []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writeErr != nil {
		return r.writeErr
	}
	r.daemon = status.Daemon{}
	return json.Unmarshal(b, &r.daemon)
}

func (r *rig) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checkErr
}

func (r *rig) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// starts returns when a child was started, from the first start on.
func (r *rig) starts(name string) (at []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lives {
		if l.name == name {
			at = append(at, l.at.Sub(r.lives[0].at))
		}
	}
	return at
}

// said counts the log entries with a message.
func (r *rig) said(message string) (n int) {
	for _, e := range r.logs.AllEntries() {
		if e.Message == message {
			n++
		}
	}
	return n
}

func (r *rig) child(name string) status.Child {
	for _, c := range r.last().Children {
		if c.Name == name {
			return c
		}
	}
	return status.Child{}
}

// last returns the daemon's status as last written.
func (r *rig) last() status.Daemon {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.daemon
}

func (r *rig) sent() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.signals)
}

// work beats every second until it is told to end.
func (p *fake) work() { p.beatFor(1 << 62) }

// beatFor beats for a while.
func (p *fake) beatFor(d time.Duration) {
	for i := range uint64(d / time.Second) {
		p.says(status.Running, i)
		select {
		case e := <-p.ended: // told to end
			p.ended <- e
			return
		case <-time.After(time.Second):
		}
	}
}

func (p *fake) says(state string, beat uint64) {
	b, err := json.Marshal(status.Common{PID: p.pid, Started: p.at, State: state, Beat: beat})
	if err != nil {
		p.rig.t.Error(err)
	}
	p.rig.set(func() { p.rig.statuses[p.name] = b })
}

func (p *fake) exit(e exit) { p.once.Do(func() { p.ended <- e }) }

func (p *fake) PID() int { return p.pid }

func (p *fake) Wait() exit {
	e := <-p.ended
	p.ended <- e // for work
	return e
}

func (p *fake) signal(name string) {
	p.rig.set(func() { p.rig.signals = append(p.rig.signals, p.name+" "+name) })
}

func (p *fake) Terminate() error {
	p.signal("terminate")
	if !p.deaf {
		p.exit(exit{})
	}
	return nil
}

func (p *fake) Quit() error {
	p.signal("quit")
	return nil
}

func (p *fake) Kill() error {
	p.signal("kill")
	if !p.undying {
		p.exit(exit{code: -1, signal: signalKilled})
	}
	return nil
}

// code is a process that ends at once with an exit code.
func code(n int) func(*fake) { return func(p *fake) { p.exit(exit{code: n}) } }
