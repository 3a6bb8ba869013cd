package storj

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"storj.io/uplink"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// Stat implements sink.Reader.
func (b *Bucket) Stat(ctx context.Context, ref sink.Ref) (sink.Found, error) {
	p, err := b.reading(ctx, ref.Key)
	if err != nil {
		return sink.Found{}, err
	}
	moving, w := start(ctx, b.cfg.Timeout)
	defer w.end()
	found, err := p.Stat(moving, b.bucket, b.key(ref.Key))
	if err != nil {
		return sink.Found{}, b.missing(ctx, ref.Key, w.why(err))
	}
	return b.found(found), nil
}

// Open implements sink.Reader. A reader that makes no progress for the timeout
// fails; ctx ends it too.
func (b *Bucket) Open(ctx context.Context, ref sink.Ref) (io.ReadCloser, error) {
	p, err := b.reading(ctx, ref.Key)
	if err != nil {
		return nil, err
	}
	moving, w := start(ctx, b.cfg.Timeout)
	body, err := p.Download(moving, b.bucket, b.key(ref.Key))
	if err != nil {
		defer w.end()
		return nil, b.missing(ctx, ref.Key, w.why(err))
	}
	return &reader{b: b, ctx: ctx, w: w, body: body}, nil
}

// List implements sink.Lister. The network lists by whole parts of keys, so what
// lies below the last slash of prefix is looked through.
func (b *Bucket) List(ctx context.Context, prefix string, each func(sink.Found) error) error {
	p, err := b.project(ctx)
	if err != nil {
		return sink.AsReading(b.explain(ctx, "", err))
	}
	whole := b.key(prefix)
	moving, w := start(ctx, b.cfg.Timeout)
	defer w.end()
	for found, err := range p.List(moving, b.bucket, whole[:strings.LastIndex(whole, "/")+1]) {
		if err != nil {
			return sink.AsReading(b.explain(ctx, "", w.why(err)))
		}
		w.timer.Stop() // the caller's time is not the network's
		if !found.IsPrefix && strings.HasPrefix(found.Key, whole) {
			if err := each(b.found(found)); err != nil {
				return err
			}
		}
		w.moved()
	}
	return nil
}

func (b *Bucket) reading(ctx context.Context, key string) (project, error) {
	if !sink.ValidKey(key) {
		return nil, notFound(key)
	}
	p, err := b.project(ctx)
	if err != nil {
		return nil, sink.AsReading(b.explain(ctx, "", err))
	}
	return p, nil
}

func (b *Bucket) missing(ctx context.Context, key string, err error) error {
	if errors.Is(err, uplink.ErrObjectNotFound) {
		return notFound(key)
	}
	return sink.AsReading(b.explain(ctx, "", err))
}

func notFound(key string) error { return fmt.Errorf("%s: %w", redact.Text(key), sink.ErrNotFound) }

func (b *Bucket) found(object *uplink.Object) sink.Found {
	key, _ := b.relative(object.Key)
	return sink.Found{
		Key: key, Size: object.System.ContentLength, SHA256: object.Custom["sha256"],
		Modified: object.System.Created, Meta: maps.Clone(object.Custom),
	}
}

// reader is an object on its way here.
type reader struct {
	b    *Bucket
	ctx  context.Context
	w    *still
	body io.ReadCloser
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.w.moved()
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF {
		err = sink.AsReading(r.b.explain(r.ctx, "", r.w.why(err)))
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.w.end()
	return r.body.Close()
}
