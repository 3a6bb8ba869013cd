package uploader

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// outcome is what became of one try.
type outcome struct {
	t       *track
	lane    *lane
	entry   entry // open where err is nil, closed where it is refused
	content content
	receipt sink.Receipt
	old     bool          // an old receipt proves it; nothing was put
	refused *store.Reason // for good; of the rest entry and content are there
	err     error
}

// try hashes a finished file and puts it, unless an old receipt proves it.
func (l *lane) try(ctx context.Context, t *track) outcome {
	u, out := l.u, outcome{t: t, lane: l}
	word := &word{stage: u.uploading}
	defer word.end()
	word.give(diskLimit)
	out.entry, out.err = u.spool.open(t.name)
	if out.err != nil {
		return out
	}
	out.content = content{ReaderAt: out.entry, name: t.name, size: out.entry.size(), by: store.ByWatch}
	buf := u.buffers.Get().(*[]byte)
	out.content.sum, out.err = hash(ctx, out.entry, out.content.size, *buf, func() { word.renew(diskLimit) })
	if out.err == nil && isPacked(t.name) {
		out.content.in, out.err = l.inflate(ctx, out.entry, out.content, *buf, word)
	}
	u.buffers.Put(buf)
	if out.err == nil && (u.old.proves(out.content) || u.held.proves(l.index, out.content)) {
		out.old = true
		return out
	}
	if out.err == nil {
		key := l.target.keyOf(t.name, u.spool.CapturedAt, out.entry.modified())
		out.receipt, out.err = l.put(ctx, out.content.object(key, u.cfg.Now()), word)
	}
	if out.err != nil {
		_ = out.entry.Close() // only read
		out.content.ReaderAt = nil
	}
	return out
}

// inflate looks into a compressed file. One that does not inflate is shipped as
// it is: it is what was captured, and the only one there is.
func (l *lane) inflate(ctx context.Context, file io.ReaderAt, c content, buf []byte, word *word) (inflated, error) {
	in, err := inflate(ctx, file, c.size, c.name, buf, func() { word.renew(diskLimit) })
	if err != nil && ctx.Err() == nil {
		l.log.WithFields(logrus.Fields{"file": c.name, "err": err}).Warn("a compressed file does not inflate: it is uploaded as it is")
		err = nil
	}
	return in, err
}

// put calls the sink and keeps the word: the sink fails a try without progress
// by itself, within its timeout, or after the last byte within twice the time
// that the sending took.
func (l *lane) put(ctx context.Context, obj sink.Object, word *word) (sink.Receipt, error) {
	var sent int64
	began := time.Now()
	obj.Progress = func(n int) {
		limit := l.u.cfg.Timeout
		if sent += int64(n); sent >= obj.Size {
			limit = max(limit, 2*time.Since(began))
			word.give(limit + slack)
		} else {
			word.renew(limit + slack)
		}
	}
	word.give(l.u.cfg.Timeout + slack)
	obj.Content = l.u.limit.slowed(ctx, obj.Content)
	return l.target.Sink.Put(ctx, obj)
}

// hash reads size bytes through buf; a file that has fewer has changed. alive
// is called now and then.
func hash(ctx context.Context, file io.ReaderAt, size int64, buf []byte, alive func()) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for off := int64(0); off < size; {
		p := buf[:min(int64(len(buf)), size-off)]
		n, err := file.ReadAt(p, off)
		if n == 0 && err == io.EOF {
			return sum, fmt.Errorf("read at byte %d of %d: %w", off, size, store.ErrChanged)
		}
		if n == 0 && err != nil {
			return sum, err
		}
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
		h.Write(p[:n])
		off += int64(n)
		alive()
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
