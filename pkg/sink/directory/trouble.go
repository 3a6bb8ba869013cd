package directory

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/storj/twitter-stream/pkg/dirfs"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

const (
	goesOn   = "; nothing is lost, it is tried again from time to time"
	comeBack = "mount its disk, if it has one of its own" + goesOn
)

// explain makes err a *sink.Error with the kind that it has for a caller.
func (a *Archive) explain(name string, err error) error {
	if err == nil {
		return nil
	}
	e := &sink.Error{Err: err}
	if !errors.As(err, &e) {
		e.Kind, e.Hint = a.kindOf(err)
	}
	e.URL, e.Name = redact.URL(a.cfg.URL), redact.Text(name)
	return e
}

// kindOf is the table of what a file system's error means. What a person or a
// machine can mend without us is a pause: the next probe finds it mended.
func (a *Archive) kindOf(err error) (sink.Kind, string) {
	switch {
	case dirfs.IsNoRoom(err):
		return sink.Pause, "make room in " + a.path + goesOn
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return sink.Pause, "make " + a.path + " writable for this user" + goesOn
	case isAny(err, syscall.ENOTDIR, syscall.ESTALE, syscall.ENOTCONN, syscall.ENODEV, syscall.ENXIO, syscall.EHOSTDOWN, syscall.ETIMEDOUT):
		return sink.Pause, comeBack
	case errors.Is(err, syscall.EFBIG):
		return sink.Permanent, "the file system takes no file of this size"
	}
	return sink.Temporary, ""
}

func isAny(err error, those ...error) bool {
	for _, that := range those {
		if errors.Is(err, that) {
			return true
		}
	}
	return false
}
