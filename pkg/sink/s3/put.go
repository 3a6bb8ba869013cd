package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/minio/minio-go/v7"

	"github.com/storj/twitter-stream/pkg/sink"
)

// mediaType is what an object is served as: lines of JSON, packed or not, and
// whatever push sends.
const mediaType = "application/octet-stream"

// options are what every object is stored with.
func options(obj sink.Object) minio.PutObjectOptions {
	meta := map[string]string{
		"sha256": hex.EncodeToString(obj.SHA256[:]), "size": strconv.FormatInt(obj.Size, 10), "name": obj.Name,
	}
	maps.Copy(meta, obj.Meta)
	opts := minio.PutObjectOptions{UserMetadata: meta, ContentType: mediaType, DisableContentSha256: true} // no chunks with trailers, which not all services take; ours is given whole
	opts.SetMatchETagExcept("*")
	return opts
}

// small is the size up to which an object is read once and sent from memory, in
// bytes: that of the grabber's files by default.
const small = 1 << 20

// putWhole stores obj by one request.
func (b *Bucket) putWhole(ctx context.Context, obj sink.Object) error {
	from, sum, release, err := b.digest(ctx, obj)
	if err != nil {
		return err
	}
	defer release()
	body := &content{from: from, end: obj.Size, progress: obj.Progress}
	a := &attempt{body: body, tell: &telling{to: obj.Progress}}
	err = b.request(ctx, obj.Name, a, b.cfg.Timeout, func(ctx context.Context) error {
		// The reader is only a place holder: the transport opens the body itself.
		_, err := b.core.PutObject(ctx, b.at.bucket, b.at.key(obj.Key), io.LimitReader(body.open(), obj.Size), obj.Size,
			base64.StdEncoding.EncodeToString(sum), hex.EncodeToString(obj.SHA256[:]), options(obj))
		return err
	})
	return b.settle(ctx, obj, a, hex.EncodeToString(sum), err)
}

// digest returns an object's MD5 and where to send it from, until release.
func (b *Bucket) digest(ctx context.Context, obj sink.Object) (from io.ReaderAt, sum []byte, release func(), err error) {
	h := newMD5()
	if _, slowed := sink.Local(obj.Content); slowed || obj.Size > small {
		err = b.pass(ctx, obj, 0, obj.Size, h)
		return obj.Content, h.Sum(nil), func() {}, err
	}
	buf := b.wholes.Get().(*[small]byte)
	for off := int64(0); off < obj.Size; {
		n, err := readAt(obj.Content, buf[off:obj.Size], off)
		if err != nil {
			b.wholes.Put(buf)
			return nil, nil, nil, b.fail(obj.Name, sink.Changed, err)
		}
		off += int64(n)
	}
	h.Write(buf[:obj.Size])
	return bytes.NewReader(buf[:obj.Size]), h.Sum(nil), func() { b.wholes.Put(buf) }, nil
}

// settle says what the answer to the request that stores an object means. etag
// is what its proof has to be.
func (b *Bucket) settle(ctx context.Context, obj sink.Object, a *attempt, etag string, err error) error {
	switch {
	case err == nil && a.etag == etag:
		return nil
	case err == nil && a.etag == "" && a.isPage(): // of a network that wants a login, say
		return b.notS3(obj.Name, a)
	case err == nil:
		return b.unproven(ctx, obj, a, etag)
	case a.status == http.StatusPreconditionFailed:
		return b.taken(ctx, obj, etag)
	case isDamage(err):
		if changed := b.changed(ctx, obj); changed != nil {
			return changed
		}
	}
	return err
}

// unproven is a success whose ETag proves nothing: a lie, or a bucket whose ETags
// are no MD5s. The object itself tells.
func (b *Bucket) unproven(ctx context.Context, obj sink.Object, a *attempt, etag string) error {
	same, err := b.has(ctx, obj, etag)
	switch {
	case err != nil && errors.Is(err, sink.ErrNotFound):
		err = errors.New("the object is not there")
	case err != nil:
		return err
	case same && a.etag == "":
		return nil
	case same:
		b.noMD5.Do(func() {
			b.cfg.Notice(b.at.shown, "this bucket's ETags are not MD5s (encryption by KMS?): each object is read back to prove it")
		})
		return nil
	default:
		err = errors.New("another object is there")
	}
	e := b.fail(obj.Name, sink.Temporary, fmt.Errorf("%d, but not proven: %w", a.status, err))
	e.Status = a.status
	return e
}

// taken is a refusal since the key has an object already: ours, after an answer
// that got lost, or another one.
func (b *Bucket) taken(ctx context.Context, obj sink.Object, etag string) error {
	same, err := b.has(ctx, obj, etag)
	switch {
	case errors.Is(err, sink.ErrNotFound):
		return b.fail(obj.Name, sink.Temporary, errors.New("412, but no object is there: it was removed meanwhile"))
	case err != nil || same:
		return err
	}
	e := b.fail(obj.Name, sink.Permanent, fmt.Errorf("the key %s holds another object", b.at.key(obj.Key)))
	e.Status = http.StatusPreconditionFailed
	e.Hint = "nothing is overwritten: look at both; another prefix in upload_url, or upload_key, keeps them apart"
	return e
}

// has reports whether the bucket has obj, by its size and ETag, or where the ETag
// is none of ours, by reading it.
func (b *Bucket) has(ctx context.Context, obj sink.Object, etag string) (bool, error) {
	info, err := b.stat(ctx, obj.Name, b.at.key(obj.Key))
	if err != nil || info.Size != obj.Size {
		return false, err
	}
	if info.ETag == etag {
		return true, nil
	}
	body, err := b.open(ctx, obj.Name, b.at.key(obj.Key))
	if err != nil {
		return false, err
	}
	defer body.Close()
	h, buf := sha256.New(), b.buffers.Get().(*[chunk]byte)
	defer b.buffers.Put(buf)
	for read := int64(0); read <= obj.Size; {
		n, err := body.Read(buf[:])
		read += int64(n)
		h.Write(buf[:n])
		obj.Progress(0)
		if err == io.EOF {
			return [sha256.Size]byte(h.Sum(nil)) == obj.SHA256, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil // it is longer, whatever was said of its size
}
