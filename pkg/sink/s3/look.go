package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/storj/twitter-stream/pkg/sink"
)

// probe is the key that Look begins an upload to, and never finishes.
const probe = "twitter-stream-check"

// Look is what a bucket says of itself.
type Look struct {
	Listed    bool   // it may be listed, which list, verify and rebuild need
	Unread    bool   // what is there may not be read, as far as can be told
	Stays     bool   // what an upload in parts left may not be removed: neither that of Look
	Versioned bool   // what is removed stays, as an old version
	Locked    bool   // nothing can be removed before its time
	Default   string // the bucket's own retention, such as "GOVERNANCE 30 DAYS"; "" for none
}

// Look asks whether the bucket is there and may be written, and leaves nothing
// behind that the keys may remove: it begins an upload in parts and takes it
// back. What the keys may not ask is left false. The error is a *sink.Error.
func (b *Bucket) Look(ctx context.Context) (Look, error) {
	var look Look
	err := b.List(ctx, "", func(sink.Found) error { return errEnough })
	var refused *sink.Error
	switch {
	case err == nil, errors.Is(err, errEnough):
		look.Listed = true
	case errors.As(err, &refused) && refused.Status == 403 && mayWrite(refused): // listing is not writing
	default:
		return look, err
	}
	b.askVersions(ctx, &look)
	key, id := b.at.key(probe), ""
	_, err = b.stat(ctx, "", key)
	look.Unread = look.Listed && errors.As(err, &refused) && refused.Status == http.StatusForbidden // else it would be missing
	a := &attempt{}
	err = b.request(ctx, "", a, b.cfg.Timeout, func(ctx context.Context) (err error) {
		id, err = b.core.NewMultipartUpload(ctx, b.at.bucket, key, minio.PutObjectOptions{ContentType: mediaType})
		return err
	})
	if err != nil {
		return look, err
	}
	if id == "" {
		return look, b.notS3("", a)
	}
	look.Stays = b.abort(ctx, key, id) != nil
	return look, nil
}

var errEnough = errors.New("enough")

// mayWrite reports whether a refused listing leaves it open that writing is
// allowed: the keys themselves are good.
func mayWrite(refused *sink.Error) bool {
	var said *refusal
	return errors.As(refused, &said) && (said.code == "AccessDenied" || said.code == "Forbidden")
}

// askVersions fills in what the bucket tells of versions and locks.
func (b *Bucket) askVersions(ctx context.Context, look *Look) {
	_ = b.request(ctx, "", &attempt{}, b.cfg.Timeout, func(ctx context.Context) error {
		versions, err := b.core.GetBucketVersioning(ctx, b.at.bucket)
		look.Versioned = err == nil && versions.Status != ""
		return err
	})
	_ = b.request(ctx, "", &attempt{}, b.cfg.Timeout, func(ctx context.Context) error {
		lock, mode, validity, unit, err := b.core.GetObjectLockConfig(ctx, b.at.bucket)
		if look.Locked = err == nil && lock == "Enabled"; look.Locked && mode != nil && validity != nil && unit != nil {
			look.Default = retention(*mode, *validity, *unit)
		}
		return err
	})
}

func retention(mode minio.RetentionMode, validity uint, unit minio.ValidityUnit) string {
	return fmt.Sprintf("%s %d %s", mode, validity, unit)
}
