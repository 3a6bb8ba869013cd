package grabber

import (
	"context"
	"errors"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/stream"
)

// Journal is told when there is a connection and when not, and why. It never
// waits for the disk but in End. *coverage.Recorder is one.
type Journal interface {
	Connected()
	// Disconnected tells also of each try that fails. since is when the last
	// byte came, zero where that is now.
	Disconnected(why coverage.Reason, since time.Time)
	Paused(why coverage.Reason)
	Resumed(why coverage.Reason)
	// Joined is told of a connection's first message, and whether it was asked
	// for what came since the one before ended.
	Joined(asked bool)
	Run(ctx context.Context, totals func() coverage.Totals)
	End(why coverage.Reason, totals coverage.Totals)
}

// reasonOf says in the book's words why a connection has ended.
func reasonOf(end *stream.Error) coverage.Reason {
	switch {
	case errors.Is(end, stream.ErrStall):
		return coverage.Stalled
	case end.Kind == stream.RateLimit:
		return coverage.RateLimited
	case end.Kind == stream.Network:
		return coverage.Network
	}
	return coverage.Refused
}

// disconnected enters the end of a connection or of a try.
func (g *Grabber) disconnected(end *stream.Error, lastByte time.Time) {
	why, since := reasonOf(end), time.Time{}
	if why == coverage.Stalled {
		since = lastByte
	}
	g.cfg.Journal.Disconnected(why, since)
}

// record has the journal kept from now on. end enters why the capture ended,
// and waits for that no longer than for the last status.
func (g *Grabber) record(ctx context.Context, src source) (end func(err error)) {
	totals := func() coverage.Totals {
		return coverage.Totals{Messages: g.messages.Load(), Bytes: g.bytes.Load(), Withheld: src.Counts().Undelivered}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives the work
	why := make(chan coverage.Reason, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.cfg.Journal.Run(ctx, totals)
		g.cfg.Journal.End(<-why, totals())
	}()
	return func(err error) {
		why <- endOf(err)
		cancel()
		timer := time.NewTimer(statusTime)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
			g.cfg.Log.Warn("the end of the capture could not be entered in the captured book in time: the next start does it")
		}
	}
}

// endOf says what an end of the capture means for what comes after it.
func endOf(err error) coverage.Reason {
	if err == nil || errors.Is(err, errDone) {
		return coverage.Stopped
	}
	return coverage.NotRunning
}

// unrecorded is the journal of a capture without a store.
type unrecorded struct{}

func (unrecorded) Connected()                                        {}
func (unrecorded) Disconnected(coverage.Reason, time.Time)           {}
func (unrecorded) Paused(coverage.Reason)                            {}
func (unrecorded) Resumed(coverage.Reason)                           {}
func (unrecorded) Joined(bool)                                       {}
func (unrecorded) Run(ctx context.Context, _ func() coverage.Totals) { <-ctx.Done() }
func (unrecorded) End(coverage.Reason, coverage.Totals)              {}
