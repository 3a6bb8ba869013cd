package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/network"
)

const (
	// forever is the patience with an input that nobody sends.
	forever = time.Duration(math.MaxInt64 / 4)
	// maxWindow is how much memory a packed file may ask for.
	maxWindow = 8 << 20
)

// localPath returns the path of a file: URL; "-" means standard input.
func localPath(raw string) (string, error) {
	if raw == "-" {
		return raw, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "file" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("neither a file: URL nor -")
	case u.Host != "" && u.Host != "localhost":
		return "", errors.New("a file: URL has three slashes: file:///path")
	case u.Path != "":
		return u.Path, nil
	}
	return u.Opaque, nil
}

// local is a file or a pipe. What is packed by gzip or zstd is unpacked.
type local struct {
	io.Reader
	close func() error
}

func (l local) Close() error { return l.close() }

// openFile begins where a capture before this one has ended, or with the
// beginning of a file.
func (c *connection) openFile(ctx context.Context, s *Source) (err error) {
	h := http.Header{}
	if s.cfg.Prepare != nil {
		s.cfg.Prepare(&url.URL{Scheme: "file", Path: s.request.path}, h)
	}
	if c.body, c.regular, err = openLocal(ctx, s.request.path); err != nil || !c.regular {
		return err
	}
	place, ok := network.ParsePlace(h.Get("Last-Event-ID"))
	switch {
	case !ok:
		return nil
	case passOver(c.body, place):
		c.came = place.End
		return nil
	}
	s.cfg.Notice(NoticeOtherFile, s.url())
	_ = c.body.Close() // only read
	c.body, c.regular, err = openLocal(ctx, s.request.path)
	return err
}

// margin is how much white space may follow a message, besides its line end.
const margin = 64

// passOver reads up to a place and reports whether the message is there after
// which it was noted.
func passOver(file io.Reader, place network.Place) bool {
	tail := min(place.End, int64(place.Length)+margin)
	if _, err := io.CopyN(io.Discard, file, place.End-tail); err != nil {
		return false
	}
	text := make([]byte, tail)
	_, err := io.ReadFull(file, text)
	return err == nil && place.Behind(text)
}

// openLocal opens a file for one reading from its beginning. The end of ctx
// ends a wait for a pipe; regular says that it is none.
func openLocal(ctx context.Context, path string) (opened io.ReadCloser, regular bool, err error) {
	file := os.Stdin
	if path != "-" {
		if file, err = openWaiting(ctx, path); err != nil {
			return nil, false, err
		}
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory")
	}
	if err != nil {
		return nil, false, err
	}
	regular = info.Mode().IsRegular() && path != "-"
	var raw io.Reader = file
	if !info.Mode().IsRegular() {
		raw = newPipe(ctx, file)
	}
	buffered := bufio.NewReaderSize(raw, 4<<10)
	magic, _ := buffered.Peek(len(zstdMagic)) // a shorter one is no packed file
	switch {
	case strings.HasPrefix(string(magic), "\x1f\x8b"):
		return local{newInflater(buffered), file.Close}, regular, nil
	case string(magic) == zstdMagic:
		unpacked, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, false, err
		}
		return local{unpacked, func() error { unpacked.Close(); return file.Close() }}, regular, nil
	}
	return local{buffered, file.Close}, regular, nil
}

// openWaiting opens in a goroutine, for a named pipe waits for who writes to it.
func openWaiting(ctx context.Context, path string) (*os.File, error) {
	var file *os.File
	opened := make(chan error, 1)
	go func() {
		var err error
		file, err = os.Open(path)
		opened <- err
	}()
	select {
	case err := <-opened:
		return file, err
	case <-ctx.Done(): // what comes of it yet is closed when the process ends
		return nil, ctx.Err()
	}
}

// pipe reads in a goroutine, for nothing ends a read of a terminal or a pipe.
// What has been read by the time that ctx ends is handed out.
type pipe struct {
	ctx    context.Context
	pieces chan []byte
	err    error // why pieces was closed
	rest   []byte
}

func newPipe(ctx context.Context, from io.Reader) *pipe {
	p := &pipe{ctx: ctx, pieces: make(chan []byte)}
	go func() {
		defer close(p.pieces)
		for p.err == nil {
			piece := make([]byte, bufferSize)
			var n int
			n, p.err = from.Read(piece)
			if n == 0 {
				continue
			}
			select {
			case p.pieces <- piece[:n]:
			case <-ctx.Done():
				return
			}
		}
	}()
	return p
}

func (p *pipe) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		select {
		case piece, ok := <-p.pieces:
			if !ok {
				return 0, p.err
			}
			p.rest = piece
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// unreadable is trouble with a file. It is final: to begin again would store
// all that has been read once more.
func (s *Source) unreadable(err error) *Error {
	hint := "check stream_url"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = "there is no such file: check stream_url"
	case errors.Is(err, fs.ErrPermission):
		hint = "the file may not be read by this user"
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		hint = fmt.Sprintf("unpack the file first: it wants more than %d MiB of memory", maxWindow>>20)
	}
	return &Error{Kind: Refused, URL: s.url(), Err: fmt.Errorf("the file cannot be read: %w", plain(err)), Hint: hint}
}
