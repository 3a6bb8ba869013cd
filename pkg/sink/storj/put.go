package storj

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"time"

	"storj.io/uplink"

	"github.com/storj/twitter-stream/pkg/sink"
)

// chunk is how much is read and sent at a time, in bytes.
const chunk = 128 << 10

var (
	errStill   = errors.New("nothing moved for the timeout")
	errChanged = errors.New("the file is not what it was when it was hashed")
)

// readError is a failure of the object's content.
type readError struct{ error }

// conflict is a key that holds another object.
type conflict struct{ key string }

func (c conflict) Error() string { return "the key " + c.key + " holds another object" }

// put stores obj in this order: is it there already, send, hash, metadata,
// commit, is it there now.
func (b *Bucket) put(ctx context.Context, p project, obj sink.Object) error {
	moving, w := start(ctx, b.cfg.Timeout)
	defer w.end()
	found, err := p.Stat(moving, b.bucket, b.key(obj.Key))
	switch {
	case err == nil:
		return b.same(moving, w, p, obj, found)
	case !errors.Is(err, uplink.ErrObjectNotFound):
		return w.why(err)
	}
	if err := b.send(moving, w, p, obj); err != nil {
		return w.why(err)
	}
	w.moved()
	found, err = p.Stat(moving, b.bucket, b.key(obj.Key))
	if err != nil {
		return fmt.Errorf("committed, but not proven: %w", w.why(err))
	}
	if found.System.ContentLength != obj.Size || found.Custom["sha256"] != hex.EncodeToString(obj.SHA256[:]) {
		return errors.New("committed, but not proven: another object is there")
	}
	return nil
}

// send uploads and commits, or aborts.
func (b *Bucket) send(ctx context.Context, w *still, p project, obj sink.Object) error {
	began := time.Now()
	up, err := p.Upload(ctx, b.bucket, b.key(obj.Key))
	if err != nil {
		return err
	}
	sent, err := b.copy(ctx, w, up, obj)
	if err == nil {
		err = up.SetCustomMetadata(ctx, meta(obj))
	}
	if err == nil {
		// The last pieces go out now, which may take as long as the others did.
		w.allow(max(b.cfg.Timeout, 2*time.Since(began)))
		err = up.Commit()
	}
	if err != nil {
		_ = up.Abort() // what is not committed is nothing
		obj.Progress(-sent)
	}
	return err
}

func meta(obj sink.Object) uplink.CustomMetadata {
	all := uplink.CustomMetadata{"sha256": hex.EncodeToString(obj.SHA256[:]), "size": strconv.FormatInt(obj.Size, 10), "name": obj.Name}
	maps.Copy(all, obj.Meta)
	return all
}

// copy sends the content and checks on the way that it is what it was said to be.
func (b *Bucket) copy(ctx context.Context, w *still, to io.Writer, obj sink.Object) (sent int, err error) {
	buf := b.buffers.Get().(*[chunk]byte)
	defer b.buffers.Put(buf)
	h := sha256.New()
	for off := int64(0); off < obj.Size; {
		n, err := obj.Content.ReadAt(buf[:min(chunk, obj.Size-off)], off)
		if n == 0 {
			return sent, readError{fmt.Errorf("read at byte %d of %d: %w", off, obj.Size, errors.Join(err, io.ErrUnexpectedEOF))}
		}
		h.Write(buf[:n])
		if _, err := to.Write(buf[:n]); err != nil {
			return sent, err
		}
		if ctx.Err() != nil {
			return sent, ctx.Err()
		}
		off += int64(n)
		sent += n
		w.moved()
		obj.Progress(n)
	}
	if [sha256.Size]byte(h.Sum(nil)) != obj.SHA256 {
		return sent, readError{errChanged}
	}
	return sent, nil
}

// same says whether the object that is there is obj: by the hash that was stored
// with it, or where it has none by reading it.
func (b *Bucket) same(ctx context.Context, w *still, p project, obj sink.Object, found *uplink.Object) error {
	known := found.Custom["sha256"]
	if found.System.ContentLength == obj.Size && known == hex.EncodeToString(obj.SHA256[:]) {
		return nil
	}
	if found.System.ContentLength != obj.Size || known != "" {
		return conflict{b.key(obj.Key)}
	}
	body, err := p.Download(ctx, b.bucket, b.key(obj.Key))
	if err != nil {
		return w.why(err)
	}
	defer body.Close()
	h, buf := sha256.New(), b.buffers.Get().(*[chunk]byte)
	defer b.buffers.Put(buf)
	for {
		n, err := body.Read(buf[:])
		h.Write(buf[:n])
		w.moved()
		obj.Progress(0)
		if err == io.EOF {
			break
		}
		if err != nil {
			return w.why(err)
		}
	}
	if [sha256.Size]byte(h.Sum(nil)) != obj.SHA256 {
		return conflict{b.key(obj.Key)}
	}
	return nil
}

// still ends a context when nothing has moved for a while.
type still struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

func start(ctx context.Context, limit time.Duration) (context.Context, *still) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &still{ctx, cancel, time.AfterFunc(limit, func() { cancel(errStill) }), limit}
}

func (s *still) moved()                    { s.timer.Reset(s.limit) }
func (s *still) allow(limit time.Duration) { s.timer.Reset(limit) }

func (s *still) end() {
	s.timer.Stop()
	s.cancel(nil)
}

// why is err, or what ended the context.
func (s *still) why(err error) error {
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	return err
}
