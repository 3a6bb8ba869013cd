package storj

import (
	"context"
	"errors"

	"storj.io/uplink"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// explain turns any error into ctx's or a *sink.Error.
func (b *Bucket) explain(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	kind, hint := b.kindOf(err)
	if kind == sink.Credentials {
		b.forget()
	}
	e := b.fail(name, kind, errors.New(redact.Text(err.Error())))
	e.Hint = hint
	return e
}

// kindOf is the table of what uplink's errors mean.
func (b *Bucket) kindOf(err error) (kind sink.Kind, hint string) {
	is := func(target error) bool { return errors.Is(err, target) }
	var grant errGrant
	var read readError
	var taken conflict
	switch {
	case errors.As(err, &grant):
		return sink.Credentials, b.grantHint()
	case errors.As(err, &read):
		return sink.Changed, ""
	case errors.As(err, &taken):
		return sink.Permanent, "nothing is overwritten: look at both; another prefix in upload_url, or upload_key, keeps them apart"
	case is(uplink.ErrPermissionDenied):
		return sink.Credentials, "the access grant may not do this: it needs read, write and list below the prefix. " + b.grantHint()
	case is(uplink.ErrStorageLimitExceeded), is(uplink.ErrSegmentsLimitExceeded), is(uplink.ErrBandwidthLimitExceeded):
		return sink.Pause, "the project's limit is reached: raise it in the satellite's console; it is tried again from time to time"
	case is(uplink.ErrBucketNotFound), is(uplink.ErrBucketNameInvalid):
		return sink.Misdirected, "there is no bucket " + b.bucket + " in the project of this grant: make it, or check upload_url"
	case is(uplink.ErrObjectKeyInvalid):
		return sink.Permanent, ""
	case is(uplink.ErrTooManyRequests):
		return sink.Temporary, ""
	}
	return sink.Temporary, "look at the network, and whether the grant's satellite can be reached; it is tried again" // also what is not known
}

func (b *Bucket) grantHint() string {
	where := b.cfg.KeysFile
	if where == "" {
		where = "the file that config_storage_filename names"
	}
	return "check STORJ_ACCESS in " + where + ", or TWITTER_STREAM_STORJ_ACCESS"
}

func (b *Bucket) fail(name string, kind sink.Kind, err error) *sink.Error {
	return &sink.Error{Kind: kind, URL: b.shown, Name: redact.Text(name), Err: err}
}
