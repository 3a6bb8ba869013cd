package grabber

import (
	"context"
	"errors"
	"io"

	"github.com/storj/twitter-stream/pkg/stream"
)

// errDone ends a reader whose input is finite, or which has all it was asked for.
var errDone = errors.New("all that was asked for is there")

// reader takes messages from a source and puts them where they go, through
// every end of a connection. It is one goroutine's.
type reader struct {
	g       *Grabber
	source  source
	put     func(message []byte) // keeps or counts it, whatever has become of ctx
	joined  func(held int)       // told of each connection before its first message, and how much of messages it may hold
	retry   *retry
	left    uint64 // messages still asked for, when limited
	limited bool
	brought bool // this connection has brought a message, which shows that it works
}

func newReader(g *Grabber, src source, put func([]byte)) *reader {
	return &reader{
		g: g, source: src, put: put, joined: func(int) {}, retry: newRetry(g),
		left: g.cfg.MaxMessages, limited: g.cfg.MaxMessages > 0,
	}
}

// run reads until ctx ends (nil), the input is there (errDone) or the service
// ends it for good. What the source had read when ctx ended has been put, too:
// it yields that before it returns ctx's error. So it has when nobody takes any
// more, which ends ctx: what is lost is to be counted.
func (r *reader) run(ctx context.Context) error {
	r.retry.resume(ctx)
	for {
		message, err := r.source.Next(ctx)
		if err == nil {
			if !r.take(message) {
				return errDone
			}
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := r.ended(ctx, err); err != nil {
			return err
		}
	}
}

// take puts one message and reports whether to go on. A server that does no
// more than say why it will close has not shown that the connection works.
func (r *reader) take(message []byte) bool {
	if !r.brought && !r.source.Counts().Dismissed {
		r.first()
	}
	r.put(message)
	if r.limited {
		r.left--
		return r.left > 0
	}
	return true
}

// first notes that the connection works: its first message, not its being
// there, ends the back-off.
func (r *reader) first() {
	r.brought = true
	r.joined(r.source.Counts().Held)
	r.g.cfg.Journal.Joined(r.g.cfg.Asked != nil && r.g.cfg.Asked())
	r.retry.worked()
	r.retry.trouble.over("messages come again")
	r.g.reporter.Success()
	r.g.states.capturing()
}

// ended handles the end of a connection, or of a try to make one.
func (r *reader) ended(ctx context.Context, err error) error {
	var end *stream.Error // may well wrap io.EOF: only a bare one ends the input
	if !errors.As(err, &end) {
		if errors.Is(err, io.EOF) {
			return errDone
		}
		return err
	}
	r.g.disconnected(end, r.source.Counts().LastByte)
	brought := r.brought || end.Messages > 0
	r.brought = false
	return r.retry.after(ctx, end, brought)
}
