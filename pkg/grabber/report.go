package grabber

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

// statusTime is how long the last status may take: on a disk that hangs it is
// not worth the orderly end.
const statusTime = time.Second

var errSlowStatus = fmt.Errorf("not written within %v", statusTime)

// newReporter prepares the status and takes over what a dead process left.
func (g *Grabber) newReporter() {
	write := func(data []byte) error { return g.state.WriteState(store.StateGrabber, data, false) }
	g.reporter = status.New(write, g.read, g.write, g.finish, g.watch)
	g.reporter.Version = g.cfg.Version
	if g.cfg.StatusPace > 0 {
		g.reporter.Pace = g.cfg.StatusPace
	}
	if found, err := g.state.ReadState(store.StateGrabber); err == nil {
		g.reporter.Inherit(found)
	}
	g.states = newStates(g.reporter)
}

// publish writes the status from now on; end writes it a last
// time, with what err means, and waits for that no longer than statusTime.
func (g *Grabber) publish(ctx context.Context, src source, w writer) (end func(err error)) {
	var rates rates
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the work
	ended := make(chan error, 1)
	go func() {
		ended <- g.reporter.Run(ctx, func(c status.Common) any { return g.fill(c, src.Counts(), w.Damaged(), &rates) })
	}()
	return func(err error) {
		g.conclude(err)
		cancel()
		timer := time.NewTimer(statusTime)
		defer timer.Stop()
		select {
		case err = <-ended:
		case <-timer.C:
			err = errSlowStatus
		}
		if err != nil {
			g.cfg.Log.WithError(err).Warn("the last status could not be written")
		}
	}
}

// conclude enters the state in which the process ends.
func (g *Grabber) conclude(err error) {
	switch {
	case errors.Is(err, errDone):
		g.states.end(status.Done, "")
	case err == nil:
		g.states.end(status.Stopped, "")
	default:
		g.reporter.Trouble(err)
		g.states.end(status.Failed, hint(err))
	}
	g.sumUp("the capture has ended")
}

// hint returns what to do about err, as far as its type knows.
func hint(err error) string {
	var end *stream.Error
	if errors.As(err, &end) {
		return end.Hint
	}
	var failed *store.Error
	if errors.As(err, &failed) {
		return failed.Hint
	}
	return ""
}

// fill makes the status of its common fields.
func (g *Grabber) fill(common status.Common, counts stream.Counts, damaged uint64, rates *rates) status.Grabber {
	messages, bytes, now := g.messages.Load(), g.bytes.Load(), time.Now()
	var budget *status.Budget
	if g.cfg.Budget != nil {
		budget = g.cfg.Budget()
	}
	var copied *status.Copy
	if g.cfg.Copy != nil {
		copied = g.cfg.Copy()
	}
	return status.Grabber{
		Common:           common,
		Copy:             copied,
		Messages:         messages,
		Bytes:            bytes,
		Files:            g.files.Load(),
		MessagesPerS:     rates.messages.add(messages, now, int(10*time.Second/g.reporter.Pace)),
		BytesPerS:        rates.bytes.add(bytes, now, int(5*time.Minute/g.reporter.Pace)),
		LastMessage:      counts.LastMessage,
		Connected:        counts.Connected,
		Connects:         counts.Connects,
		KeepAlives:       counts.KeepAlives,
		Garbage:          counts.Garbage,
		Oversize:         counts.Oversize,
		Torn:             counts.Torn,
		Undelivered:      counts.Undelivered,
		Control:          counts.Control,
		Warning:          counts.Warning,
		Silent:           g.silent.Load(),
		LostAtStop:       g.lost.Load(),
		RecoveredDamaged: damaged,
		Budget:           budget,
	}
}

// nowhere keeps no state.
type nowhere struct{}

func (nowhere) ReadState(string) ([]byte, error)      { return nil, fs.ErrNotExist }
func (nowhere) WriteState(string, []byte, bool) error { return nil }
func (nowhere) RemoveState(string) error              { return nil }
