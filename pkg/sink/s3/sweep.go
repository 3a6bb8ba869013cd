package s3

import (
	"context"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/storj/twitter-stream/pkg/sink"
)

// staleAfter is how old an unfinished upload must be to be taken for one that a
// killed process left.
const staleAfter = 24 * time.Hour

// sweepWait is how long the bucket is looked through for such uploads.
const sweepWait = time.Minute

// Prepare begins to remove, in the background, what killed processes left of
// objects in parts, which costs money and is seen in no listing. Close waits for
// it. A bucket that does not allow it keeps them: a lifecycle rule does the same.
func (b *Bucket) Prepare() {
	ctx, cancel := context.WithTimeout(context.Background(), sweepWait)
	b.stopSweep = cancel
	b.sweeper.Go(func() {
		defer cancel()
		removed, _ := b.sweep(ctx) // what could not be done is done by a later start
		if removed > 0 {
			b.cfg.Notice(b.at.shown, "unfinished uploads older than a day were removed")
		}
	})
}

// sweep removes the stale uploads below the prefix that look like ours.
func (b *Bucket) sweep(ctx context.Context) (removed int, err error) {
	var page minio.ListMultipartUploadsResult
	for {
		err := b.request(ctx, "", &attempt{}, b.cfg.Timeout, func(ctx context.Context) (err error) {
			prefix := b.at.prefix
			if prefix != "" {
				prefix += "/"
			}
			page, err = b.core.ListMultipartUploads(ctx, b.at.bucket, prefix, page.NextKeyMarker, page.NextUploadIDMarker, "", 1000)
			return err
		})
		if err != nil {
			return removed, err
		}
		for _, upload := range page.Uploads {
			if b.stale(ctx, upload) {
				if b.abort(ctx, upload.Key, upload.UploadID) == nil {
					removed++
				}
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == "" {
			return removed, nil
		}
	}
}

// stale reports whether an upload is one that a process of ours left: its key is
// one that we would make, and its first part, if it has any, as large as ours
// are, which other programs' seldom are.
func (b *Bucket) stale(ctx context.Context, upload minio.ObjectMultipartInfo) bool {
	key, ours := b.at.relative(upload.Key)
	if !ours || !sink.ValidKey(key) || b.cfg.Now().Sub(upload.Initiated) < staleAfter {
		return false
	}
	var parts minio.ListObjectPartsResult
	err := b.request(ctx, "", &attempt{}, b.cfg.Timeout, func(ctx context.Context) (err error) {
		parts, err = b.core.ListObjectParts(ctx, b.at.bucket, upload.Key, upload.UploadID, 0, 1)
		return err
	})
	return err == nil && (len(parts.ObjectParts) == 0 || parts.ObjectParts[0].Size >= b.partMin && parts.ObjectParts[0].Size%(1<<20) == 0)
}
