// Package demo runs the whole system on one machine before a person's eyes:
// the real daemon, grabber and uploader as processes in a directory of their
// own, against a local stream and node. It kills them, breaks the stream and
// the node, and proves at the end that every message is accounted for: sent =
// on the node + in the store + lost by the kills within their limit (which is
// none where a stream can be asked again), nothing twice, every object fetched back and compared to the byte.
//
// It reads the store by the documented formats with readers of its own and
// shares no code with the programs that it shows.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// Config says what to show.
type Config struct {
	Kind     string        // of the stream: Twitter, or one of package kind; "" is Twitter
	Duration time.Duration // how long the stream runs; 0 is 30 s
	Rate     float64       // messages a second; 0 is 1,000
	// Daemon is the daemon's executable, with grabber and uploader beside it;
	// "" is the running program's.
	Daemon   string
	Environ  []string // what the programs get, cleaned; usually os.Environ()
	Dir      string   // where to work; "" is a temporary directory
	Keep     bool     // leave the directory behind
	Out      io.Writer
	Terminal bool // Out is one: colours
}

// The limits within which a demo proves something.
const (
	minDuration = 5 * time.Second
	maxRate     = 20_000 // above it, sockets hold more than a kill may lose
)

// ErrUnbalanced says that messages were lost, stored twice or changed.
var ErrUnbalanced = errors.New("the books do not balance")

// Run shows everything and blocks until it is over, about a quarter longer
// than the duration. The error is ErrUnbalanced where the proof failed. When
// ctx ends, all is stopped and tidied up, and its error returned.
func Run(ctx context.Context, cfg Config) (err error) {
	if err := complete(&cfg); err != nil {
		return err
	}
	s, err := open(cfg)
	if err != nil {
		return err
	}
	defer func() {
		if e := s.close(); err == nil {
			err = e
		}
	}()
	if err := s.play(ctx); err != nil {
		if ctx.Err() != nil {
			s.out.event(s.since(), plain, "interrupted: all is stopped and tidied up")
		}
		return err
	}
	b, err := s.takeStock(ctx)
	if err != nil {
		return fmt.Errorf("take stock: %w", err)
	}
	if !b.balanced() {
		s.ownDir = false // somebody will want to look into it
	}
	s.out.summary(b, s)
	if !b.balanced() {
		return ErrUnbalanced
	}
	return nil
}

func complete(cfg *Config) error {
	if !supported {
		return errors.New("the demo kills processes to show that they come back, which it can do on Linux and macOS only")
	}
	if cfg.Duration == 0 {
		cfg.Duration = 30 * time.Second
	}
	if cfg.Rate == 0 {
		cfg.Rate = 1000
	}
	switch {
	case cfg.Duration < minDuration:
		return fmt.Errorf("a demo of %v shows nothing; %v is the shortest", cfg.Duration, minDuration)
	case cfg.Rate < 1 || cfg.Rate > maxRate:
		return fmt.Errorf("the demo's rate is 1 to %d messages a second, not %g", maxRate, cfg.Rate)
	}
	if cfg.Daemon == "" {
		exe, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find the daemon's executable: %w", err)
		}
		cfg.Daemon = exe
	}
	for _, name := range []string{"grabber", "uploader"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(cfg.Daemon), name)); err != nil {
			return fmt.Errorf("the demo runs the real programs, and %s is not beside the daemon (make build puts all three in bin/): %w", name, err)
		}
	}
	return nil
}

// stage is everything that takes part.
type stage struct {
	cfg    Config
	dir    string
	ownDir bool
	store  string
	stream stream
	node   *sandbox.Node
	daemon *process
	out    *printer
	kills  []kill
	begun  time.Time // of the daemon
}

// kill is one SIGKILL.
type kill struct {
	name   string
	pid    int
	at     time.Time
	unread int64 // bytes that the system had taken for it and it had not read
	back   bool
}

// sendBuffer keeps what is under way between the local stream and a killed
// grabber small.
const sendBuffer = 64 << 10

// open starts the servers and makes the directory ready.
func open(cfg Config) (*stage, error) {
	s := &stage{cfg: cfg, dir: cfg.Dir, out: &printer{w: cfg.Out, colour: cfg.Terminal}}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) prepare() (err error) {
	if s.dir == "" {
		s.ownDir = !s.cfg.Keep
		if s.dir, err = os.MkdirTemp("", "twitter-stream-demo-"); err != nil {
			return err
		}
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	s.store = filepath.Join(s.dir, "store")
	if _, err := os.Lstat(s.store); err == nil {
		return fmt.Errorf("%s holds a store already: the demo wants a directory of its own", s.dir)
	}
	if s.stream, err = openStream(s.cfg); err != nil {
		s.stream = nil
		return fmt.Errorf("start the local stream: %w", err)
	}
	if s.node, err = sandbox.StartNode(sandbox.NodeConfig{Dir: filepath.Join(s.dir, "node")}); err != nil {
		return fmt.Errorf("start the local node: %w", err)
	}
	_, err = sandbox.WriteSource(s.dir, s.stream.source(), s.node, hasty)
	return err
}

// hasty are settings that make in seconds what else takes minutes.
var hasty = map[string]string{
	"grabber_cut_size": "512", "grabber_cut_interval": "2s",
	"grabber_backoff_network": "100ms-1s", "grabber_backoff_http": "200ms-2s", "grabber_backoff_rate_limit": "500ms-2s",
	"upload_backoff": "200ms-1s", "restart_backoff": "200ms-2s",
}

// close ends what still runs and removes the directory. The daemon's children
// follow it.
func (s *stage) close() error {
	var errs []error
	if s.daemon != nil {
		errs = append(errs, s.daemon.end())
	}
	if s.stream != nil {
		errs = append(errs, s.stream.Close())
	}
	if s.node != nil {
		errs = append(errs, s.node.Close())
	}
	if s.ownDir {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
