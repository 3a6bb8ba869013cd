// Package supervisor starts child processes, watches that they live and work,
// and starts them again for as long as it runs.
//
// It guarantees that it never gives up on a child and never hammers: each end
// of a process has its meaning and its wait, crashes climb a ladder. A child
// whose beat stands still is ended and started anew; one that cannot be killed
// is named and never doubled. When Run returns, no child is left, or its error
// names the one that the kernel keeps.
//
// Each child has one goroutine that owns all of its state and is a plain loop:
// start, watch, stop, decide, wait. What it learns it copies to a board, from
// which the daemon's status file is written at least every two seconds.
//
// It knows processes, their exit codes and their status files. It must not
// know what the children do, where the store lies, or who reads a signal:
// whatever touches those is handed in.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/status"
)

// The times of the contract.
const (
	lookEvery = time.Second      // how often the store, and the files of a child that waits, are looked at
	headStart = 2 * time.Second  // for a child that is stopped first, before the next one is
	termWait  = 10 * time.Second // between SIGTERM and SIGKILL
	quitWait  = time.Second      // between a hung child's SIGQUIT and SIGKILL
	killWait  = 5 * time.Second  // after SIGKILL, until a child counts as unkillable
)

// Config is what a Reload may change.
type Config struct {
	// Children in the order in which they are stopped and restarted.
	Children []Child
	// HeartbeatTimeout is how long a child's beat may stand still.
	HeartbeatTimeout time.Duration
	// RestartBackoff is the ladder of a child that crashes, after the first
	// restart, which is at once.
	RestartBackoff backoff.Policy
}

// Child is one process to be kept alive.
type Child struct {
	Name string
	Path string   // absolute
	Args []string // without the program's name; never a secret
	// Env is the whole environment, to which the daemon's pid and GOTRACEBACK
	// are added.
	Env []string
	Dir string
	// OutFile gets standard output and error, that is what a dying runtime
	// writes; "" discards them.
	OutFile string
	// Status reads the child's status file. It may block for as long as a disk
	// does.
	Status func() ([]byte, error)
	// ConfigFiles are what a child that ended for want of a person reads: it is
	// tried again as soon as one has changed since its start.
	ConfigFiles []string
	// CredentialFiles restart the child at once when they change, unless it is
	// capturing.
	CredentialFiles []string
	// Holder tells who holds the child's lock now; nil where there is no lock.
	Holder func() (Holder, bool)
}

// Deps are what a supervisor works with.
type Deps struct {
	Log *logrus.Entry
	// WriteStatus replaces the daemon's status file atomically. That it succeeds
	// is also the proof that a child could have written its own.
	WriteStatus func([]byte) error
	// Check fails while the daemon's own lock on the store is gone: no child is
	// started until it is back. Called once a second; nil means never gone.
	Check func() error
	// Previous is the status file that the last daemon left, whose deaths and
	// last error are taken over; nil where there is none.
	Previous []byte
	Version  string
	// Random returns numbers in [0,1); nil means math/rand.
	Random func() float64
}

// Supervisor keeps children alive. Run it once.
type Supervisor struct {
	deps   Deps
	config Config
	system system
	board  *board
	gate   *gate
	reload chan Config

	killed context.Context // ended by Kill; parent of every child's context
	kill   context.CancelFunc
}

// New checks cfg and returns a supervisor that has started nothing yet.
func New(cfg Config, deps Deps) (*Supervisor, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if deps.Log == nil || deps.WriteStatus == nil {
		return nil, errors.New("supervise: a log and a place for the status are needed")
	}
	if deps.Random == nil {
		deps.Random = rand.Float64
	}
	if deps.Check == nil {
		deps.Check = func() error { return nil }
	}
	s := &Supervisor{deps: deps, config: cfg, system: operatingSystem(), reload: make(chan Config, 1)}
	s.board = newBoard(deps)
	s.gate = &gate{check: deps.Check, log: deps.Log, board: s.board}
	s.killed, s.kill = context.WithCancel(context.Background())
	return s, nil
}

// Run starts the children and blocks until ctx ends and all of them have been
// stopped. A child that could not be killed is its only error.
func (s *Supervisor) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.killed, cancel)()
	closing := s.serve()
	running := s.restart(ctx, nil, s.config)
	for {
		select {
		case <-ctx.Done():
			s.board.stop(status.Stopping)
			err := s.stop(running)
			closing()
			return err
		case cfg := <-s.reload:
			s.deps.Log.Info("configuration read again, children are restarted")
			running = s.restart(ctx, running, cfg)
		}
	}
}

// Reload has the children restarted with cfg, one after the other. It does not
// wait for that; the last of several wins. The error says why cfg cannot be
// used; then nothing changes.
func (s *Supervisor) Reload(cfg Config) error {
	if err := cfg.check(); err != nil {
		return err
	}
	for {
		select {
		case s.reload <- cfg:
			return nil
		default:
		}
		select {
		case <-s.reload:
		default:
		}
	}
}

// Kill ends all children with SIGKILL at once, and Run with them.
func (s *Supervisor) Kill() { s.kill() }

func (c Config) check() error {
	if c.HeartbeatTimeout <= 0 || c.RestartBackoff.First <= 0 || c.RestartBackoff.Max < c.RestartBackoff.First {
		return errors.New("supervise: heartbeat timeout and restart back-off must be above zero")
	}
	seen := map[string]bool{}
	for _, child := range c.Children {
		switch {
		case child.Name == "" || seen[child.Name]:
			return fmt.Errorf("supervise %q: each child needs a name of its own", child.Name)
		case !filepath.IsAbs(child.Path):
			return fmt.Errorf("supervise %s: path %q is not absolute", child.Name, child.Path)
		case child.Status == nil:
			return fmt.Errorf("supervise %s: no status to watch", child.Name)
		}
		seen[child.Name] = true
	}
	return nil
}
