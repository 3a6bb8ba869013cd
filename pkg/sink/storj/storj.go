// Package storj puts objects into a bucket of the Storj network.
//
// It guarantees that
//   - an object is committed only when all of its content has been sent and had
//     the hash that it was said to have; anything else is aborted, and nothing of
//     it is ever to be seen;
//   - a receipt is proof: the satellite has been asked for the object after the
//     commit and named its size, and the hash that was stored with it. The content
//     is encrypted and authenticated here, so what is fetched is what was sent;
//   - a key that is taken by the same content is success without storing; by
//     other content it is a refusal. The satellite offers no condition for a
//     commit, so this holds against what was there before a try began;
//   - a try ends by itself only when nothing moves, and no access grant is in an
//     error.
//
// What stands beside an object, and what a receipt holds, is what package s3 says:
// the names sha256, size and name, and Object.Meta.
//
// It must not know the store, nor try again: it says by type what went wrong
// and the caller decides.
package storj

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// Kind is what receipts name this sink.
const Kind = "storj"

// Config says where the bucket is and how it is reached.
type Config struct {
	URL string // sj://bucket/prefix
	// Access is asked for the access grant, a secret, at the first request and
	// again when it was refused.
	Access  func() (string, error)
	Timeout time.Duration // no progress for this long fails the try
	Agent   string        // name and version, as name/version
	// KeysFile is where a person writes the grant, for hints.
	KeysFile string
}

// Bucket is one bucket. Its methods may be called from any goroutine.
type Bucket struct {
	cfg            Config
	bucket, prefix string
	shown          string
	dial           func(ctx context.Context, access string) (project, error)
	buffers        sync.Pool // of *[chunk]byte

	mu   sync.Mutex // guards what follows
	open project    // nil until it is needed
}

// bucketName is what the satellite allows (docs.storj.io, bucket naming rules).
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// New checks cfg and returns a bucket; it speaks to nobody.
func New(cfg Config) (*Bucket, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Scheme != "sj" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("upload URL %s: not a bucket's, such as sj://bucket/prefix; the access grant stands elsewhere", redact.URL(cfg.URL))
	}
	b := &Bucket{cfg: cfg, bucket: u.Host, prefix: strings.Trim(u.Path, "/"), dial: dial(cfg.Agent)}
	switch {
	case !bucketName.MatchString(b.bucket):
		return nil, fmt.Errorf("upload URL %s: %q is no bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens", redact.URL(cfg.URL), redact.Text(b.bucket))
	case b.prefix != "" && !sink.ValidKey(b.prefix):
		return nil, fmt.Errorf("upload URL %s: the prefix may hold letters, digits, dots, underscores, hyphens and equals signs between slashes", redact.URL(cfg.URL))
	case cfg.Timeout <= 0:
		return nil, fmt.Errorf("upload timeout %v: must be positive", cfg.Timeout)
	}
	b.shown = (&url.URL{Scheme: "sj", Host: b.bucket, Path: b.prefix}).String()
	b.buffers.New = func() any { return new([chunk]byte) }
	return b, nil
}

// URL returns the bucket's URL as receipts name it.
func (b *Bucket) URL() string { return b.shown }

// Close ends the connections.
func (b *Bucket) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != nil {
		_ = b.open.Close() // all that was put is committed
		b.open = nil
	}
}

// Put stores obj and returns the proven receipt. It blocks as long as there is
// progress. Errors are *sink.Error, or ctx's when that ended. obj.Content is not
// read any more when Put has returned.
func (b *Bucket) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	if obj.Key == "" {
		obj.Key = obj.Name
	}
	if sink.SafeName(obj.Name) != obj.Name || !sink.ValidKey(obj.Key) {
		return sink.Receipt{}, b.fail(obj.Name, sink.Permanent, errors.New("not a safe name"))
	}
	if obj.Progress == nil {
		obj.Progress = func(int) {}
	}
	p, err := b.project(ctx)
	if err == nil {
		err = b.put(ctx, p, obj)
	}
	if err != nil {
		return sink.Receipt{}, b.explain(ctx, obj.Name, err)
	}
	return sink.Receipt{Sink: Kind, URL: b.shown, FileHash: hex.EncodeToString(obj.SHA256[:]), Object: obj.Key}, nil
}

// errGrant is a grant that is missing or none.
type errGrant struct{ error }

// project returns the opened project, with the grant as it is now.
func (b *Bucket) project(ctx context.Context) (project, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != nil {
		return b.open, nil
	}
	access, err := b.cfg.Access()
	switch {
	case err != nil:
		return nil, errGrant{err}
	case access == "":
		return nil, errGrant{errors.New("there is no access grant")}
	}
	b.open, err = b.dial(ctx, access)
	return b.open, err
}

// forget has the grant read anew by the next try.
func (b *Bucket) forget() { b.Close() }

func (b *Bucket) key(relative string) string {
	if b.prefix == "" {
		return relative
	}
	return b.prefix + "/" + relative
}

func (b *Bucket) relative(key string) (string, bool) {
	if b.prefix == "" {
		return key, true
	}
	return strings.CutPrefix(key, b.prefix+"/")
}
