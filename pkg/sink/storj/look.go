package storj

import (
	"context"
	"errors"

	"github.com/storj/twitter-stream/pkg/sink"
)

// probe is the key that Look begins an upload to, and aborts.
const probe = "twitter-stream-check"

var errEnough = errors.New("enough")

// Look asks whether the bucket is there and may be listed and written, and leaves
// nothing behind. The error is a *sink.Error, or ctx's.
func (b *Bucket) Look(ctx context.Context) error {
	err := b.List(ctx, "", func(sink.Found) error { return errEnough })
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	p, err := b.project(ctx)
	if err != nil {
		return b.explain(ctx, "", err)
	}
	moving, w := start(ctx, b.cfg.Timeout)
	defer w.end()
	up, err := p.Upload(moving, b.bucket, b.key(probe))
	if err != nil {
		return b.explain(ctx, "", w.why(err))
	}
	return b.aborted(ctx, w, up)
}

func (b *Bucket) aborted(ctx context.Context, w *still, up upload) error {
	if err := up.Abort(); err != nil {
		return b.explain(ctx, "", w.why(err))
	}
	return nil
}
