package grabber

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

const (
	// shortLife is how soon after the end of one connection the end of the
	// next costs a wait, though both brought messages.
	shortLife = 10 * time.Second
	// quickTries is how many short connections in a row a service puts up
	// with ("a few dozen quick attempts": Twitter, connecting to a streaming
	// endpoint) before each further one makes the wait longer.
	quickTries = 24
)

// retry decides what follows the end of a connection, and waits. It belongs to
// the reader's goroutine.
type retry struct {
	g       *Grabber
	ladder  *backoff.Ladder // of tries that brought nothing
	short   *backoff.Ladder // of connections that brought something and broke soon
	trouble repeated
	failed  int       // tries in a row that brought nothing, rate limits aside
	refused int       // ends in a row for the credentials, though messages may have come before
	shorts  int       // short connections in a row
	since   time.Time // when we went on from the last connection that brought something; monotonic
	kept    bool      // there is a back-off file
}

func newRetry(g *Grabber) *retry {
	policies := map[string]backoff.Policy{
		backoff.Network: g.cfg.Network, backoff.HTTP: g.cfg.HTTP, backoff.RateLimit: g.cfg.RateLimit,
	}
	return &retry{
		g:       g,
		ladder:  backoff.NewLadder(policies, g.cfg.For, g.cfg.Random),
		short:   backoff.NewLadder(policies, g.cfg.For, g.cfg.Random),
		trouble: repeated{log: g.cfg.Log},
	}
}

// resume serves the rest of the wait that a process before this one began.
func (r *retry) resume(ctx context.Context) {
	data, err := r.g.state.ReadState(store.StateGrabberBackoff)
	if err != nil {
		return // none, or the store says soon enough what is wrong with it
	}
	r.kept = true
	var saved backoff.State
	if err := json.Unmarshal(data, &saved); err != nil {
		r.g.cfg.Log.WithError(err).Warn("the saved back-off cannot be read and is ignored")
		return
	}
	left := r.ladder.Resume(saved, r.g.cfg.Now())
	if left <= 0 {
		return
	}
	r.g.cfg.Log.WithFields(logrus.Fields{"wait": left.Round(time.Millisecond).String(), "kind": saved.Kind}).
		Info("waiting as a process before this one had to")
	r.wait(ctx, left, "waits as a process before this one had to ("+saved.Kind+")")
}

// worked says that a message has come.
func (r *retry) worked() {
	r.failed = 0
	r.ladder.Reset()
	if r.kept {
		if err := r.g.state.RemoveState(store.StateGrabberBackoff); err != nil {
			r.g.cfg.Log.WithError(err).Warn("the saved back-off cannot be removed")
			return // the next connection tries again
		}
		r.kept = false
	}
}

// after waits as the end of a connection demands. brought says whether it
// brought a message. An error is final.
func (r *retry) after(ctx context.Context, end *stream.Error, brought bool) error {
	r.g.reporter.Trouble(end)
	switch {
	case end.Kind == stream.Refused:
		return end
	case end.Kind == stream.RateLimit:
		r.pause(ctx, end, r.climb(r.ladder, backoff.RateLimit, end.RetryAfter))
		return nil
	case end.Quiet && end.Kind == stream.Network:
		r.failed = 0 // the service worked and had nothing to say
		r.again(ctx, end)
		return nil
	case brought && end.Kind != stream.Credentials:
		r.refused = 0
		r.again(ctx, end)
		return nil
	case end.Kind == stream.Credentials:
		r.refused++
	}
	kind := backoff.HTTP
	if end.Kind == stream.Network {
		kind = backoff.Network
	}
	r.failed++
	next := r.climb(r.ladder, kind, end.RetryAfter) // also before giving up: the next process goes on from here
	if max(r.failed, r.refused) > r.g.cfg.Retries {
		return end
	}
	r.pause(ctx, end, next)
	return nil
}

// again follows a connection that brought a message: another one at once,
// unless the one before it ended just now, too.
func (r *retry) again(ctx context.Context, end *stream.Error) {
	defer func() { r.since = time.Now() }()
	long := r.since.IsZero() || time.Since(r.since) >= shortLife
	if long {
		r.shorts = 0
	}
	if long || end.Usual && r.shorts < quickTries {
		if !long {
			r.shorts++
		}
		r.trouble.say(logrus.InfoLevel, "ended", logrus.Fields{"err": end}, "the connection has ended: connecting again")
		r.g.states.connects(connecting)
		return
	}
	r.shorts++
	if r.shorts <= quickTries {
		r.short.Reset()
	}
	r.pause(ctx, end, r.climb(r.short, backoff.Network, end.RetryAfter))
}

// climb takes the next step of a ladder and writes it down before the wait
// begins, so that no restart shortens it.
func (r *retry) climb(ladder *backoff.Ladder, kind string, serverWait time.Duration) backoff.State {
	next := ladder.Next(kind, serverWait, r.g.cfg.Now())
	data, err := json.Marshal(next)
	if err == nil {
		err = r.g.state.WriteState(store.StateGrabberBackoff, append(data, '\n'), true)
	}
	if err != nil { // a full disk, say: then only this process waits
		r.g.cfg.Log.WithError(err).Warn("the back-off cannot be saved")
	} else {
		r.kept = true
	}
	return next
}

// pause says what is wrong and waits.
func (r *retry) pause(ctx context.Context, end *stream.Error, next backoff.State) {
	level := logrus.WarnLevel
	if end.Kind == stream.Credentials {
		level = logrus.ErrorLevel
	}
	fields := logrus.Fields{"err": end, "wait": next.Wait.Round(time.Millisecond).String(), "attempt": next.Step}
	if end.Hint != "" {
		fields["hint"] = end.Hint
	}
	what := sentence(end.Kind)
	r.trouble.say(level, what, fields, what)
	r.wait(ctx, next.Wait, what)
}

func sentence(kind stream.Kind) string {
	switch kind {
	case stream.RateLimit:
		return "the service limits our rate: waiting"
	case stream.Credentials:
		return "the service refuses the credentials: waiting before another try"
	case stream.HTTP:
		return "the service has trouble: waiting before another try"
	}
	return "the connection has failed: waiting before another try"
}

// wait blocks for d, or until ctx ends.
func (r *retry) wait(ctx context.Context, d time.Duration, detail string) {
	r.g.read.Begin(d + time.Minute)
	defer r.g.read.Idle()
	next := r.g.cfg.Now().Add(d)
	r.g.states.connects(func(s *status.Reporter) { s.Wait(next, detail) })
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		r.g.states.connects(connecting)
	}
}

func connecting(s *status.Reporter) { s.Enter(status.Waiting, "connecting again") }
