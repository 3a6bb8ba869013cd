package s3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/storj/twitter-stream/pkg/sink"
)

// partSize is the least size of our parts, in bytes: a segment of Storj's, and
// well above what S3 allows.
const partSize = 64 << 20

// maxParts is how many parts an object may have (Amazon S3 user guide, quotas).
const maxParts = 10_000

// abortWait is how long the removal of a failed upload's parts may take.
const abortWait = 10 * time.Second

// partOf returns the size of each part but the last of an object, in bytes: whole
// MiBs, no more parts than are allowed.
func partOf(size, least int64) int64 {
	const mib = 1 << 20
	part := (size + maxParts - 1) / maxParts
	return max(least, (part+mib-1)/mib*mib)
}

// putParts stores obj by one request a part. Nothing is to be seen of it before
// the last one, which completes it; when anything fails the parts are removed.
func (b *Bucket) putParts(ctx context.Context, obj sink.Object) error {
	began, a := time.Now(), &attempt{}
	key, id := b.at.key(obj.Key), ""
	err := b.request(ctx, obj.Name, a, b.cfg.Timeout, func(ctx context.Context) (err error) {
		id, err = b.core.NewMultipartUpload(ctx, b.at.bucket, key, options(obj))
		return err
	})
	if err == nil && id == "" {
		err = b.fail(obj.Name, sink.Temporary, fmt.Errorf("%d, but no upload was begun", a.status))
	}
	if err != nil {
		return err
	}
	parts, etag, err := b.sendParts(ctx, obj, id)
	if err != nil {
		b.tidy(ctx, key, id)
		return err
	}
	a = &attempt{tell: &telling{to: obj.Progress}}
	var info minio.UploadInfo
	// The bucket may copy the parts together before it answers.
	err = b.request(ctx, obj.Name, a, max(b.cfg.Timeout, 2*time.Since(began)), func(ctx context.Context) (err error) {
		var opts minio.PutObjectOptions
		opts.SetMatchETagExcept("*")
		info, err = b.core.CompleteMultipartUpload(ctx, b.at.bucket, key, id, parts, opts)
		return err
	})
	a.etag = info.ETag
	if a.status == http.StatusOK && err != nil {
		switch {
		case says(err, "PreconditionFailed"):
			a.status = http.StatusPreconditionFailed
		case says(err, http.StatusText(http.StatusOK)): // half an answer: the object tells
			err, a.etag = nil, ""
		default:
			a.status = 0 // an error in a success; its own code says what it is
		}
	}
	// Once it is complete there is nothing to remove, and asking for it is harmless.
	if err = b.settle(ctx, obj, a, etag, err); err != nil || a.status == http.StatusPreconditionFailed {
		b.tidy(ctx, key, id)
	}
	return err
}

// sendParts sends each part in turn and returns what completes the upload, and
// the ETag that the object has to have: the MD5 of the parts' MD5s.
func (b *Bucket) sendParts(ctx context.Context, obj sink.Object, id string) (parts []minio.CompletePart, etag string, err error) {
	whole, sums := sha256.New(), newMD5()
	size := partOf(obj.Size, b.partMin)
	for off := int64(0); off < obj.Size; off += size {
		end := min(off+size, obj.Size)
		md5, sha := newMD5(), sha256.New()
		if err := b.pass(ctx, obj, off, end, md5, sha, whole); err != nil {
			return nil, "", err
		}
		sum := md5.Sum(nil)
		sums.Write(sum)
		number := len(parts) + 1
		if err := b.sendPart(ctx, obj, id, number, off, end, sum, sha.Sum(nil)); err != nil {
			return nil, "", err
		}
		parts = append(parts, minio.CompletePart{PartNumber: number, ETag: hex.EncodeToString(sum)})
	}
	if [sha256.Size]byte(whole.Sum(nil)) != obj.SHA256 {
		return nil, "", b.fail(obj.Name, sink.Changed, errors.New("the file is not what it was when it was hashed"))
	}
	return parts, fmt.Sprintf("%x-%d", sums.Sum(nil), len(parts)), nil
}

func (b *Bucket) sendPart(ctx context.Context, obj sink.Object, id string, number int, off, end int64, md5, sha []byte) error {
	body := &content{from: obj.Content, off: off, end: end, progress: obj.Progress}
	a := &attempt{body: body, tell: &telling{to: obj.Progress}}
	err := b.request(ctx, obj.Name, a, b.cfg.Timeout, func(ctx context.Context) error {
		_, err := b.core.PutObjectPart(ctx, b.at.bucket, b.at.key(obj.Key), id, number, io.LimitReader(body.open(), end-off), end-off,
			minio.PutObjectPartOptions{Md5Base64: base64.StdEncoding.EncodeToString(md5), Sha256Hex: hex.EncodeToString(sha), DisableContentSha256: true})
		return err
	})
	if err == nil && a.etag == "" {
		err = b.fail(obj.Name, sink.Temporary, fmt.Errorf("%d for part %d, but not proven", a.status, number))
	}
	return err
}

// tidy removes what a failed upload left. What it cannot remove, a later start
// will, unless the keys may not.
func (b *Bucket) tidy(ctx context.Context, key, id string) {
	var refused *sink.Error
	if errors.As(b.abort(ctx, key, id), &refused) && refused.Kind == sink.Credentials {
		b.stays.Do(func() {
			b.cfg.Notice(b.at.shown, "the keys may not remove what a failed upload in parts left, which is paid for: allow s3:AbortMultipartUpload")
		})
	}
}

// abort removes the parts of an upload, also when ctx has ended.
func (b *Bucket) abort(ctx context.Context, key, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWait)
	defer cancel()
	return b.request(ctx, "", &attempt{}, abortWait, func(ctx context.Context) error {
		return b.core.AbortMultipartUpload(ctx, b.at.bucket, key, id)
	})
}
