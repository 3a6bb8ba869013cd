// Package grabber is the capture loop: it takes whole messages from a source,
// reconnects by the service's rules, and hands lines to the store's writer.
//
// It guarantees that the socket never waits for the disk while the buffer has
// room, that every message taken from the source is offered to the writer
// until it is stored exactly once or counted as lost, that a full disk pauses
// and never ends the capture, and that a restart never shortens a wait that
// the service imposed.
//
// It must not know how a source frames its messages nor how the store names
// or syncs its files.
package grabber

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/stream"
)

// source yields whole messages, each valid until the next call. An
// *stream.Error is the end of a connection, a bare io.EOF that of a finite
// source. When ctx ends it still yields what it has read, then ctx's error.
// *stream.Source is one.
type source interface {
	Next(ctx context.Context) ([]byte, error)
	Buffered() bool
	Counts() stream.Counts
}

// writer stores whole lines. *store.Writer is one.
type writer interface {
	Append(lines []byte) (taken int, err error)
	Tick() error
	Room() error
	Hurry()
	Close(ctx context.Context) error
	Damaged() uint64
}

// stateFiles are the store's small files. *store.Store has them.
type stateFiles interface {
	ReadState(name string) ([]byte, error)
	WriteState(name string, data []byte, durable bool) error
	RemoveState(name string) error
}

// Config is how to capture.
type Config struct {
	Retries int // failed tries in a row, after the first, before giving up
	// Network, HTTP and RateLimit are the ladders of waits between tries.
	Network, HTTP, RateLimit backoff.Policy
	// For is a short hash of URL and credentials: waits are for them alone.
	For            string
	SilenceWarning time.Duration // keep-alives but no message for this long: said; 0 never
	MaxMessages    uint64        // stop by itself after exactly so many; 0 never
	Duration       time.Duration // stop by itself after this; 0 never
	Version        string        // of the program, for the status
	StatusPace     time.Duration // how often the status is written; 0 means status.Every
	// Budget is for the status; nil where posts cost nothing.
	Budget func() *status.Budget
	// Copy is for the status: how the copy of the captured book fares; nil without
	// one.
	Copy func() *status.Copy

	Log *logrus.Entry
	// Check is called once a second; its error (the store is gone) ends the
	// capture. nil is fine.
	Check func() error
	// Asked reports whether the present connection was asked to begin where the
	// one before it ended. nil: the source cannot be.
	Asked func() bool
	// Journal is told when there is a connection and when not, and why; nil
	// tells nobody, for a capture without a store.
	Journal Journal
	Now     func() time.Time // wall clock; nil means time.Now
	Random  func() float64   // in [0,1), for jitter; nil means math/rand
}

// Grabber is one capture. Its hooks (Notice, Reading, Hold, Busy, Finished) are
// handed to the source and the writer when those are made, and may be called
// from any goroutine.
type Grabber struct {
	cfg      Config
	state    stateFiles // nil: neither status nor back-off are kept
	reporter *status.Reporter
	states   *states
	notices  repeated
	held     repeated

	read, write, finish, watch *status.Stage

	messages, bytes, files atomic.Uint64 // stored
	lost                   atomic.Uint64 // messages that could not be
	silent                 atomic.Bool
}

// New returns a grabber that keeps its status and its back-off in state; nil
// keeps neither, for a capture without a store. It takes over the last error
// of the status that it finds.
func New(cfg Config, state stateFiles) *Grabber {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Journal == nil {
		cfg.Journal = unrecorded{}
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	g := &Grabber{
		cfg:    cfg,
		state:  state,
		read:   status.NewStage("read"),
		write:  status.NewStage("write"),
		finish: status.NewStage("finish"),
		watch:  status.NewStage("watch"),

		notices: repeated{log: cfg.Log},
		held:    repeated{log: cfg.Log},
	}
	if g.state == nil {
		g.state = nowhere{}
	}
	g.newReporter()
	return g
}

// Run captures from src into w until ctx ends, the source does, the messages
// or the time asked for are there, or it has to give up. It closes w and
// waits for what it started, at most eight seconds after ctx ends, and one more
// for the last status; what is in memory by then is counted, logged and lost.
//
// The error is nil when it was asked to stop or the input was finite, a
// *stream.Error when the service ends the capture, a *store.Error (or that of
// Config.Check) when the store does. A full disk never ends it.
func (g *Grabber) Run(ctx context.Context, src source, w writer) error {
	end, enter := g.publish(ctx, src, w), g.record(ctx, src)
	err := g.capture(ctx, src, w)
	enter(err)
	end(err)
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
