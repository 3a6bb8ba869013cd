package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/storj/twitter-stream/pkg/sink"
)

// Stat implements sink.Reader.
func (b *Bucket) Stat(ctx context.Context, ref sink.Ref) (sink.Found, error) {
	if !sink.ValidKey(ref.Key) {
		return sink.Found{}, notFound(ref.Key)
	}
	var info minio.ObjectInfo
	err := b.renewing(func() (err error) {
		info, err = b.stat(ctx, "", b.at.key(ref.Key))
		return err
	})
	if err != nil {
		return sink.Found{}, sink.AsReading(err)
	}
	return b.found(info), nil
}

// Open implements sink.Reader. A reader that makes no progress for the timeout
// fails; ctx ends it too.
func (b *Bucket) Open(ctx context.Context, ref sink.Ref) (io.ReadCloser, error) {
	if !sink.ValidKey(ref.Key) {
		return nil, notFound(ref.Key)
	}
	var body io.ReadCloser
	err := b.renewing(func() (err error) {
		body, err = b.open(ctx, "", b.at.key(ref.Key))
		return err
	})
	return body, sink.AsReading(err)
}

// List implements sink.Lister: of all objects below the URL's prefix and then
// prefix. Their metadata is not in a listing; Stat has it. A page that does not
// come within the timeout fails it.
func (b *Bucket) List(ctx context.Context, prefix string, each func(sink.Found) error) error {
	listing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(b.cfg.Timeout, func() { cancel(errStill) })
	defer timer.Stop()
	a := &attempt{}
	for info := range b.core.ListObjectsIter(context.WithValue(listing, attemptKey{}, a), b.at.bucket, minio.ListObjectsOptions{
		Prefix: b.at.key(prefix), Recursive: true,
	}) {
		timer.Stop() // the caller's time is not the bucket's
		if info.Err != nil {
			return sink.AsReading(b.explain(ctx, listing, "", a, info.Err))
		}
		if !strings.HasSuffix(info.Key, "/") { // a folder that somebody's console made
			if err := each(b.found(info)); err != nil {
				return err
			}
		}
		timer.Reset(b.cfg.Timeout)
	}
	if a.isPage() { // to the library it is a list of nothing
		return sink.AsReading(b.notS3("", a))
	}
	if cause := context.Cause(listing); cause != nil { // the library says nothing of that
		return sink.AsReading(b.broken(ctx, listing, "", cause))
	}
	return nil
}

func (b *Bucket) stat(ctx context.Context, name, key string) (info minio.ObjectInfo, err error) {
	a := &attempt{}
	err = b.request(ctx, name, a, b.cfg.Timeout, func(ctx context.Context) (err error) {
		info, err = b.core.StatObject(ctx, b.at.bucket, key, minio.StatObjectOptions{})
		return err
	})
	var said *refusal
	if errors.As(err, &said) && said.code == "NoSuchKey" {
		return info, notFound(key)
	}
	if err != nil && ctx.Err() == nil && a.status/100 == 2 {
		return info, b.notS3(name, a)
	}
	var refused *sink.Error
	if a.status == http.StatusBadRequest && errors.As(err, &refused) {
		// Without a body nobody says why; Amazon's says so when a session has expired.
		refused.Kind, refused.Hint = sink.Credentials, "the keys may have expired. "+b.keysHint()
	}
	return info, err
}

func (b *Bucket) open(ctx context.Context, name, key string) (io.ReadCloser, error) {
	reading, cancel := context.WithCancelCause(ctx)
	r := &reader{bucket: b, name: name, ctx: ctx, reading: reading, cancel: cancel}
	r.timer = time.AfterFunc(b.cfg.Timeout, func() { cancel(errStill) })
	a := &attempt{}
	body, _, _, err := b.core.GetObject(context.WithValue(reading, attemptKey{}, a), b.at.bucket, key, minio.GetObjectOptions{})
	if err == nil {
		r.body = body
		return r, nil
	}
	r.timer.Stop()
	defer cancel(nil)
	if ctx.Err() == nil && a.status/100 == 2 && context.Cause(reading) == nil {
		return nil, b.notS3(name, a)
	}
	err = b.explain(ctx, reading, name, a, err)
	var said *refusal
	if errors.As(err, &said) && said.code == "NoSuchKey" && a.status == http.StatusNotFound {
		return nil, notFound(key)
	}
	return nil, err
}

var errStill = errors.New("no progress on the connection")

// reader is an object on its way here.
type reader struct {
	bucket       *Bucket
	name         string
	ctx, reading context.Context // the caller's, and the one that the timer ends
	cancel       context.CancelCauseFunc
	timer        *time.Timer
	body         io.ReadCloser
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.timer.Reset(r.bucket.cfg.Timeout)
	n, err := r.body.Read(p)
	if err != nil && err != io.EOF {
		err = sink.AsReading(r.bucket.broken(r.ctx, r.reading, r.name, err))
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.timer.Stop()
	r.cancel(nil)
	return r.body.Close()
}

// found translates what the bucket says of an object.
func (b *Bucket) found(info minio.ObjectInfo) sink.Found {
	key, _ := b.at.relative(info.Key)
	f := sink.Found{Key: key, Size: info.Size, Modified: info.LastModified}
	for name, value := range info.UserMetadata {
		if f.Meta == nil {
			f.Meta = map[string]string{}
		}
		f.Meta[strings.ToLower(name)] = value
	}
	f.SHA256 = strings.ToLower(f.Meta["sha256"])
	return f
}
