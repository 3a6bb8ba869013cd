// Package directory puts objects into a directory: one that anybody has, on
// this disk, another one, or a network's (an archive).
//
// It guarantees that
//   - a name in the archive is a whole object, on the disk, and never changes:
//     written under a temporary name in the archive itself, fsync, read back,
//     renamed without replacing to its key, below directories that are made for
//     it, fsync of all of these up to the archive, in this order;
//   - a receipt is proof: what was written has been read again from the disk,
//     past the page cache where the system can (Linux on a local disk), and had
//     the hash of the object. Elsewhere reading back proves only what the
//     system, or the file server, says it has;
//   - what is there is never overwritten. A name that is taken by the same
//     content is success without writing, so that nothing is stored twice after
//     a lost receipt; by other content it is a refusal;
//   - no key leads out of the archive, nor through a link in it;
//   - an empty mount point is never taken for an empty archive (below);
//   - a call on a dead mount, which may never return, holds up nobody: Put and
//     the readings end with their context, or when nothing moved for a while;
//   - memory depends neither on an object's size nor on how many there are, and
//     no put looks through the directory.
//
// # What makes a directory the archive
//
// A marker in it, a file of JSON with an id that is made once. The first time a
// caller's Memory sees an id it keeps it; from then on only a directory with
// that id is written to. Anything else at the path (nothing, an empty mount
// point, another disk) pauses the uploads until the archive is back, and
// nothing is made or written there.
//
// Who makes the marker: a person, by a command (Init). By itself the package
// makes an archive in one case only, so that a first start needs no command: no
// id was ever seen, nothing has the name, and the directory above exists and is
// not empty. An empty directory is what a disk that is not mounted leaves, so
// an existing one without a marker is never taken, and nothing is made in an
// empty one.
//
// # Reading back
//
// Stat, Open and List read the archive and write nothing: neither is one made,
// nor is its id remembered, and a read-only mount will do. Where the memory
// knows an id only that archive is read; else whatever has a marker. A link is
// no object.
//
// # Modes
//
// Files are 0644 and directories in the archive 0755, less the umask, and an
// archive that we make is 0700: an
// archive is there to be read, by other people and programs too, and one chmod
// of one directory decides who may. An existing directory's mode is its
// owner's business.
//
// It must not know the store, nor try again: it says by type what went wrong
// and the caller decides.
package directory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// Kind is what receipts name this sink.
const Kind = "directory"

// lookFor is how long Prepare waits for the file system: a caller that watches
// over this process does not wait much longer for its first word.
const lookFor = 10 * time.Second

// Config says where the archive is.
type Config struct {
	URL     string        // file:///path
	Timeout time.Duration // no progress of the file system for this long fails the try
	// Memory keeps the archive's id beyond this process; nil means that every
	// process believes the first marker that it sees.
	Memory Memory
	// Command is what a person runs to make the directory an archive; for hints.
	Command string
	// Notice is told what was done that nobody asked for; nil is fine.
	Notice func(path, sentence string)
}

// Memory remembers one archive's id.
type Memory interface {
	// Recall returns the id that was remembered, "" if none ever was.
	Recall() (id string, err error)
	// Remember keeps an id for good: it is on the disk when it returns.
	Remember(id string) error
}

// Archive is one directory. Its methods may be called from any goroutine.
type Archive struct {
	cfg     Config
	path    string
	open    func(path string) (folder, error)
	buffers sync.Pool // of *[chunk]byte
	stuck   stuck
	sweeper sweeper
	durable durable

	mu    sync.Mutex // guards known
	known string     // the archive's id, "" until the memory was asked
}

// New checks cfg and returns an archive; it looks at nothing.
func New(cfg Config) (*Archive, error) {
	path, ok := Path(cfg.URL)
	if !ok {
		return nil, fmt.Errorf("upload URL %s: not a file URL with an absolute path", redact.URL(cfg.URL))
	}
	if cfg.Timeout <= 0 {
		return nil, fmt.Errorf("upload timeout %v: must be positive", cfg.Timeout)
	}
	if cfg.Notice == nil {
		cfg.Notice = func(string, string) {}
	}
	a := &Archive{cfg: cfg, path: path, open: openFolder}
	a.buffers.New = func() any { return new([chunk]byte) }
	return a, nil
}

// Path returns the path that a file URL names; ok is false for any other URL.
func Path(raw string) (path string, ok bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "file" || u.Host != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", false
	}
	path = u.Path
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/")
	}
	path = filepath.FromSlash(path)
	return filepath.Clean(path), filepath.IsAbs(path)
}

// URL returns the file URL of an absolute path; Path is its inverse.
func URL(path string) string {
	path = filepath.ToSlash(filepath.Clean(path))
	if !strings.HasPrefix(path, "/") { // Windows: a drive
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// URL returns the archive's URL as receipts name it.
func (a *Archive) URL() string { return a.cfg.URL }

// Prepare looks whether there is an archive, makes it where that is allowed,
// and fails if a person has to do that: the error is a *sink.Error with the
// command. An archive that was seen once and is away now, or that does not
// answer within ten seconds, is none: it may come back.
func (a *Archive) Prepare(ctx context.Context) error {
	err := a.guard(ctx, min(a.cfg.Timeout, lookFor), func(*watch) error {
		dir, err := a.enter()
		if err != nil {
			return err
		}
		return dir.Close()
	})
	var e *sink.Error
	if errors.As(a.explain("", err), &e) && e.Kind == sink.Misdirected {
		return e
	}
	return ctx.Err()
}

// Put stores obj and returns the proven receipt. Errors are *sink.Error, or
// ctx's when that ended. obj.Content is not read any more when Put has returned.
func (a *Archive) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	if sink.SafeName(obj.Name) != obj.Name {
		return sink.Receipt{}, a.explain(obj.Name, &sink.Error{Kind: sink.Permanent, Err: errors.New("not a safe name")})
	}
	if obj.Key != "" && !sink.ValidKey(obj.Key) {
		return sink.Receipt{}, a.explain(obj.Name, &sink.Error{Kind: sink.Permanent, Err: errors.New("not a key of letters, digits, . _ - = and slashes")})
	}
	err := a.guard(ctx, a.cfg.Timeout, func(w *watch) error {
		w.progress = obj.Progress
		return a.place(w, obj)
	})
	if err != nil {
		if ctx.Err() != nil {
			return sink.Receipt{}, ctx.Err()
		}
		return sink.Receipt{}, a.explain(obj.Name, err)
	}
	return sink.Receipt{Sink: Kind, URL: a.cfg.URL, FileHash: hex.EncodeToString(obj.SHA256[:]), Object: obj.Key}, nil
}

// Close ends what goes on in the background.
func (a *Archive) Close() { a.sweeper.stop() }
