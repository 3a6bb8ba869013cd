package webnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// download is the body of an answer. Its reads fail when nothing comes for the
// node's timeout; how long the reader takes in between does not count.
type download struct {
	node   *Node
	ref    sink.Ref
	inner  io.ReadCloser
	outer  context.Context // the caller's
	ctx    context.Context // ends with a cause when the node stalls
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (d *download) stalled() {
	d.cancel(fmt.Errorf("nothing came for %v", d.node.cfg.Timeout))
}

// Read implements io.Reader. Errors are io.EOF, *sink.Error, or the context's.
func (d *download) Read(p []byte) (int, error) {
	d.timer.Reset(d.node.cfg.Timeout)
	n, err := d.inner.Read(p)
	d.timer.Stop()
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, d.explain(err)
}

// explain words an error of the connection. It is dropped itself: it may quote
// what a server sent, or the URL.
func (d *download) explain(err error) error {
	if d.outer.Err() != nil {
		return d.outer.Err()
	}
	if cause := context.Cause(d.ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the connection ended before the object did")
	}
	return d.node.readError(d.ref, sink.Temporary, errors.New(redact.Text(d.node.scrub(err.Error()))))
}

// Close implements io.Closer: what was not read is not fetched.
func (d *download) Close() error {
	d.timer.Stop()
	d.cancel(nil)
	return d.inner.Close()
}
