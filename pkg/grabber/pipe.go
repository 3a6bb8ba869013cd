package grabber

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

const (
	// pipeBytes is how much is gathered while the source has more at hand.
	pipeBytes = 64 << 10
	// pipeTime is how long a pipe may take for what was read when we were
	// asked to stop: its reader may have gone to sleep for good.
	pipeTime = time.Second
)

// ToPipe captures from src to out, one message a line, until ctx ends, the
// source does, the messages or the time asked for are there, or it has to
// give up; a reader of the pipe that has gone away is a clean end. The store,
// and back-off that survives, play no part; messages on their way into a pipe
// that nobody reads are lost when ctx ends.
//
// A process whose standard output is out must ignore SIGPIPE.
func (g *Grabber) ToPipe(ctx context.Context, src source, out io.Writer) error {
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hard, cancel := after(work, pipeTime)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- g.pipe(work, src, out, stop) }()
	watched := g.startWatch(work, src, func(err error) { stop(fatal{err}) })
	err := wait(hard, ended)
	var broken fatal
	if errors.As(context.Cause(work), &broken) {
		err = broken.error
	}
	stop(nil)
	_ = wait(hard, watched)
	g.sumUp("the capture has ended")
	if errors.Is(err, errDone) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// pipe copies until work ends or stop is called with what is wrong with out.
func (g *Grabber) pipe(work context.Context, src source, out io.Writer, stop func(error)) error {
	buffered := bufio.NewWriterSize(out, pipeBytes)
	r := newReader(g, src, func(message []byte) {
		if err := g.writeLine(buffered, message, !src.Buffered()); err != nil {
			stop(fatal{fmt.Errorf("write to the pipe: %w", err)})
		}
	})
	ctx, cancel := g.limited(work)
	defer cancel()
	err := r.run(ctx)
	if flushed := buffered.Flush(); flushed != nil && (err == nil || errors.Is(err, errDone)) {
		err = fmt.Errorf("write to the pipe: %w", flushed)
	}
	return err
}

// writeLine hands a line on at once unless another one is at hand.
func (g *Grabber) writeLine(out *bufio.Writer, message []byte, flush bool) error {
	_, _ = out.Write(message) // the buffer keeps its first error
	err := out.WriteByte('\n')
	if err == nil && flush {
		err = out.Flush()
	}
	if err == nil {
		g.messages.Add(1)
		g.bytes.Add(uint64(len(message) + 1))
	}
	return err
}

// limited returns ctx, which ends when the time asked for is over, too.
func (g *Grabber) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.cfg.Duration <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, g.cfg.Duration)
}
