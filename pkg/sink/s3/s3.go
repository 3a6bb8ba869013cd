// Package s3 puts objects into a bucket of Amazon S3 or of anything that speaks
// its protocol.
//
// It guarantees that
//   - nothing is believed: a receipt is returned only when the bucket named the
//     MD5 of the very bytes that were read here (ETag), or, where ETags are no
//     MD5s (encryption by KMS), when the object has been read back and hashed;
//   - what is there is never overwritten (If-None-Match: *). A key that is taken
//     by the same content is success without storing, so that nothing is stored
//     twice after a lost receipt; by other content it is a refusal;
//   - every try sends the whole object from its first byte, its length, SHA-256
//     and MD5 known in advance, so that the bucket refuses what got damaged;
//   - an object appears whole or not at all. Above 64 MiB it goes in parts, which
//     are removed when the try fails; what a killed process left of one is
//     removed by a later start, when it is older than a day;
//   - a try ends by itself only when the connection makes no progress, no
//     redirect is followed, and no key is in an error;
//   - memory depends neither on an object's size nor on its parts.
//
// # What stands beside an object
//
// Its metadata, from which a ledger can be rebuilt. The names are stable: sha256
// (of the content, lower-case hex), size (bytes), name (the bare name), and
// whatever Object.Meta holds; over HTTP each begins with x-amz-meta-.
//
// # Receipts
//
// FileHash is the SHA-256 of the content, URL the bucket's with its prefix and,
// where given, endpoint and region, which are no secrets and without which nobody
// finds the object again. Object is the key below that prefix: as Object.Key was,
// as List names it, and what Stat and Open take.
//
// It must not know the store, nor try again: it says by type what went wrong
// and the caller decides.
package s3

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/watch"
)

// Kind is what receipts name this sink.
const Kind = "s3"

// Keys are what a bucket knows us by; all "" means that they are looked for in
// the usual places.
type Keys struct{ Access, Secret, Session string }

// Config says where the bucket is and how it is spoken to.
type Config struct {
	URL string // s3://bucket/prefix?endpoint=…&region=…
	// Sample is a key as objects will have, for New to refuse a URL below which
	// it is too long for any bucket; "" is not looked at.
	Sample string
	// Keys is asked at the first request, and again when the bucket refuses what
	// it said. nil, or empty keys, mean the environment (AWS_…), the profile file
	// and the instance's role, in this order.
	Keys     func() (Keys, error)
	Insecure bool // plain http also to other machines
	// Transport is cloned, so that connections can be watched; nil means
	// http.DefaultTransport, with its proxy variables.
	Transport *http.Transport
	Timeout   time.Duration // no progress on the connection for this long fails the try
	Agent     string        // name and version, as name/version
	// KeysFile is where a person writes the keys, for hints.
	KeysFile string
	// Notice is told what was done that nobody asked for; nil is fine.
	Notice func(what, sentence string)
	Now    func() time.Time // wall clock; nil means time.Now
}

// Bucket is one bucket. Its methods may be called from any goroutine.
type Bucket struct {
	cfg     Config
	at      place
	core    minio.Core
	creds   *credentials.Credentials
	client  *http.Transport
	buffers sync.Pool // of *[chunk]byte
	wholes  sync.Pool // of *[small]byte
	partMin int64     // bytes of a part, at least; an object above goes in parts

	sweeper   sync.WaitGroup
	stopSweep context.CancelFunc
	noMD5     sync.Once // said once: this bucket's ETags are none
	stays     sync.Once // said once: the keys may not remove what failed
}

// New checks cfg and returns a bucket; it speaks to nobody.
func New(cfg Config) (*Bucket, error) {
	at, err := parse(cfg.URL, cfg.Insecure)
	if err != nil {
		return nil, err
	}
	if err := at.fits(cfg.Sample); err != nil {
		return nil, fmt.Errorf("%w: upload URL %s", err, at.shown) // which is long, and cut off where it is shown
	}
	if cfg.Timeout <= 0 {
		return nil, fmt.Errorf("upload timeout %v: must be positive", cfg.Timeout)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Notice == nil {
		cfg.Notice = func(string, string) {}
	}
	b := &Bucket{cfg: cfg, at: at, client: watch.Transport(cfg.Transport, cfg.Timeout), partMin: partSize, stopSweep: func() {}}
	b.client.DisableCompression = true // an object is what its bytes are
	b.client.WriteBufferSize = chunk
	b.wholes.New = func() any { return new([small]byte) }
	b.buffers.New = func() any { return new([chunk]byte) }
	b.creds = credentials.New(newChain(cfg))
	client, err := minio.New(at.host, &minio.Options{
		Creds: b.creds, Secure: at.secure, Region: at.region, Transport: transport{b.client},
		MaxRetries: 1, // who tries again is the caller's to say
	})
	if err != nil {
		return nil, fmt.Errorf("upload URL %s: %w", at.shown, err)
	}
	name, version, _ := strings.Cut(cfg.Agent, "/")
	client.SetAppInfo(name, version)
	b.core = minio.Core{Client: client}
	return b, nil
}

// URL returns the bucket's URL as receipts name it.
func (b *Bucket) URL() string { return b.at.shown }

// Close ends what goes on in the background, and idle connections.
func (b *Bucket) Close() {
	b.stopSweep()
	b.sweeper.Wait()
	b.client.CloseIdleConnections()
}

// Put stores obj and returns the proven receipt. It blocks as long as the
// connection makes progress. Errors are *sink.Error, or ctx's when that ended.
// obj.Content is not read any more when Put has returned.
func (b *Bucket) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	if obj.Key == "" {
		obj.Key = obj.Name
	}
	if sink.SafeName(obj.Name) != obj.Name || !sink.ValidKey(obj.Key) {
		return sink.Receipt{}, b.fail(obj.Name, sink.Permanent, errors.New("not a safe name"))
	}
	if err := b.at.fits(obj.Key); err != nil {
		return sink.Receipt{}, b.fail(obj.Name, sink.Permanent, err)
	}
	err := b.renewing(func() error { return b.put(ctx, obj) })
	if ctx.Err() != nil && err != nil {
		return sink.Receipt{}, ctx.Err()
	}
	if err != nil {
		return sink.Receipt{}, err
	}
	return sink.Receipt{Sink: Kind, URL: b.at.shown, FileHash: hex.EncodeToString(obj.SHA256[:]), Object: obj.Key}, nil
}

func (b *Bucket) put(ctx context.Context, obj sink.Object) error {
	tell := &telling{to: obj.Progress}
	defer tell.finish()
	obj.Progress = tell.progress
	var err error
	if obj.Size > b.partMin {
		err = b.putParts(ctx, obj)
	} else {
		err = b.putWhole(ctx, obj)
	}
	tell.good = err == nil
	return err
}
