package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/storj/twitter-stream/pkg/dirfs"
	"github.com/storj/twitter-stream/pkg/sink"
)

var (
	_ sink.Reader = (*Archive)(nil)
	_ sink.Lister = (*Archive)(nil)
)

// Stat looks at an object's file.
func (a *Archive) Stat(ctx context.Context, ref sink.Ref) (found sink.Found, err error) {
	var info fs.FileInfo
	err = a.look(ctx, ref.Key, func(_ *watch, dir *dirfs.Dir) error {
		f, err := openObject(dir, ref.Key)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // only read
		info, err = f.Stat()
		return err
	})
	if err != nil {
		return sink.Found{}, err
	}
	return sink.Found{Key: ref.Key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Open opens an object's file, to be read from the disk where the system can
// (see the package comment).
func (a *Archive) Open(ctx context.Context, ref sink.Ref) (io.ReadCloser, error) {
	r := &reader{a: a, ctx: ctx, key: ref.Key}
	err := a.look(ctx, ref.Key, func(w *watch, dir *dirfs.Dir) error {
		f, err := openObject(dir, ref.Key)
		if err != nil {
			return err
		}
		if err := w.alive(0); err != nil {
			_ = f.Close() // nobody waits for it any more
			return err
		}
		r.f = f
		return nil
	})
	if err != nil {
		return nil, err
	}
	uncache(r.f)
	return r, nil
}

// look does something in the archive, for a reader: nothing is made, and
// nothing remembered.
func (a *Archive) look(ctx context.Context, key string, work func(*watch, *dirfs.Dir) error) error {
	if !sink.ValidKey(key) {
		return a.unread("", &sink.Error{Kind: sink.Permanent, Err: fmt.Errorf("%.80q is not the key of an object", key)})
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := a.guard(ctx, a.cfg.Timeout, func(w *watch) error {
		dir, err := a.visit()
		if err != nil {
			return err
		}
		defer dir.Close() //nolint:errcheck // only read
		err = work(w, dir)
		if errors.Is(err, fs.ErrNotExist) {
			return a.lacks(dir)
		}
		return err
	})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return a.unread(key, err)
}

// visit opens the archive to read. Unlike enter it makes none.
func (a *Archive) visit() (*dirfs.Dir, error) {
	known, err := a.recall(false)
	if err != nil {
		return nil, err
	}
	dir, err := dirfs.Open(a.path)
	if err != nil {
		return nil, a.absent(known, err)
	}
	id, err := readMarker(osFolder{dir})
	switch {
	case err != nil:
		err = a.absent(known, err)
	case known != "" && id != known:
		err = a.another(id, known)
	default:
		return dir, nil
	}
	_ = dir.Close() // only read
	return nil, err
}

// lacks says that the archive does not have an object, if it is still there
// itself.
func (a *Archive) lacks(dir *dirfs.Dir) error {
	if err := dir.Here(); err != nil {
		return &sink.Error{Kind: sink.Pause, Err: fmt.Errorf("the archive went away meanwhile: %w", err), Hint: comeBack}
	}
	return &sink.Error{Kind: sink.Permanent, Err: sink.ErrNotFound}
}

func openObject(dir *dirfs.Dir, key string) (*os.File, error) {
	info, err := dir.Lstat(key) // before the open, for a device may mind even that
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &sink.Error{Kind: sink.Permanent, Err: errors.New("it is not a regular file")}
	}
	f, err := dir.OpenFile(key, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = &sink.Error{Kind: sink.Permanent, Err: errors.New("it is not a regular file")}
	}
	if err != nil {
		_ = f.Close() // only read
		return nil, err
	}
	return f, nil
}

// unread explains an error of reading.
func (a *Archive) unread(key string, err error) error {
	err = a.explain(key, err)
	var e *sink.Error
	if errors.As(err, &e) {
		e.Reading = true
	}
	return err
}

// reader reads an object's file through a buffer of its own, so that a read
// that hangs is left alone with it.
type reader struct {
	a   *Archive
	ctx context.Context
	key string
	f   *os.File

	buf  *[chunk]byte
	rest []byte // of buf
	err  error  // what comes after rest
}

// Read implements io.Reader. Errors are io.EOF, *sink.Error, or the context's.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.rest) == 0 && r.err == nil {
		r.fill()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *reader) fill() {
	buf, n, end := r.buf, 0, false
	if buf == nil {
		buf = r.a.buffers.Get().(*[chunk]byte)
	}
	r.buf = nil // whoever hangs keeps it
	err := r.a.guard(r.ctx, r.a.cfg.Timeout, func(*watch) (err error) {
		n, err = r.f.Read(buf[:])
		end = errors.Is(err, io.EOF)
		if end {
			return nil
		}
		return err
	})
	switch {
	case err != nil && r.ctx.Err() != nil:
		r.err = r.ctx.Err()
		return
	case err != nil:
		r.err = r.a.unread(r.key, err)
		return
	case end:
		r.err = io.EOF
	}
	r.buf, r.rest = buf, buf[:n]
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.buf != nil {
		r.a.buffers.Put(r.buf)
		r.buf, r.rest = nil, nil
	}
	if r.err == nil {
		r.err = fs.ErrClosed
	}
	return r.f.Close()
}
