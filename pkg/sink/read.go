package sink

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrNotFound says that a sink answered, and does not have an object. Errors of
// Reader and Lister are *Error, which may wrap it, or the context's.
var ErrNotFound = errors.New("the storage does not have it")

// Ref is what a receipt knows of an object, to ask its sink for it.
type Ref struct {
	Key      string // as Object.Key was; "" where the sink knows objects by FileHash alone
	FileHash string
	Secret   string // the key of an encrypting node, lower-case hex; "" without
	Size     int64  // bytes
	SHA256   string // of the content as it was put, lower-case hex; "" if unknown
}

// Found is what a sink says of an object that it has.
type Found struct {
	Key      string // foreign text where it was listed: only a ValidKey is a path
	Size     int64  // bytes, -1 where the sink does not tell
	SHA256   string // lower-case hex; "" where the sink does not tell
	Modified time.Time
	Meta     map[string]string // as Object.Meta was; nil where the sink keeps none
}

// Reader gets back what was put. Every sink is one.
type Reader interface {
	// Stat asks for one object without reading it.
	Stat(ctx context.Context, ref Ref) (Found, error)
	// Open returns the content as it was put, deciphered where the node
	// enciphers. Nothing is checked: the caller counts and hashes. Reading ends
	// with ctx.
	Open(ctx context.Context, ref Ref) (io.ReadCloser, error)
}

// Lister names all objects whose keys begin with a prefix, in any order; one may
// come twice while others write. What Put keeps for itself is no object. each is
// called by the caller's goroutine, and its error ends the listing and is
// returned. Sinks that have names are one.
type Lister interface {
	List(ctx context.Context, prefix string, each func(Found) error) error
}
