// Package sink says what a storage node is to the uploader: something that
// takes a named object of known size and proves that it has it. The sinks
// themselves live below (sink/webnode, sink/directory, sink/s3, sink/storj);
// sink/sinktest is the suite that each of them passes.
//
// It must not know where objects come from or what becomes of receipts.
package sink

import (
	"fmt"
	"io"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// Object is what is put. Content is read from its first byte for every try. It
// may give less than it is asked for without an error, as an io.Reader may:
// whoever slows it down does that, so that the sink sees bytes move. For what
// is not sent, such as a hash, there is Local.
type Object struct {
	Name string // a bare name, already safe for every node (SafeName)
	// Key is where it goes in a sink that has paths, below the URL's prefix
	// (ValidKey); "" is Name. A web node knows names alone.
	Key     string
	Meta    map[string]string // kept beside the object where the sink can; see the Meta constants
	Private bool              // others must not read it, where the sink has modes
	Size    int64             // bytes
	SHA256  [32]byte
	Content io.ReaderAt
	// Progress is told how many more bytes of the content are on their way, 0 as
	// a mere sign of life, and less when a connection broke and the content
	// starts over: the sum is never more than Size. One call at a time; nil is fine.
	Progress func(n int)
}

// The names in Object.Meta: letters and hyphens, which every store of metadata
// takes. Values are ASCII. With the sink's kind, URL and key they are enough to
// make a receipt again when the ledger is lost.
const (
	MetaName           = "name"            // the file's, percent-encoded as in a path (url.PathEscape)
	MetaSHA256         = "sha256"          // lower-case hex
	MetaSize           = "size"            // bytes, decimal
	MetaTime           = "time"            // of the put, RFC 3339, UTC
	MetaBy             = "by"              // "watch" or "push", as in the receipt
	MetaInflatedSize   = "inflated-size"   // of a compressed file: what is in it
	MetaInflatedSHA256 = "inflated-sha256" //
)

// Receipt is a sink's proof, verified against the object by the sink's package
// before it is returned.
type Receipt struct {
	Sink     string // kind: "webnode", "directory", "s3", "storj"
	URL      string // without secrets; a bucket's has its endpoint and region
	FileHash string // lower-case hex
	Key      string // lower-case hex, a secret; empty where the node does not encrypt
	Object   string // the object's key below URL, as Object.Key was; "" where the sink has none
}

// Kind says what a caller should do about an Error.
type Kind int

// The kinds.
const (
	Temporary   Kind = iota // network, 5xx, a timeout, an unproven answer: try again
	Permanent               // this file is refused: 400, 413, another one has its name
	Pause                   // the node takes none now: full, wants payment, not mounted
	Credentials             // 401, 403: exit 4
	Misdirected             // the URL is wrong: 3xx, 404, 405 and the like: exit 3
	Changed                 // the object was not what it was said to be: read differently or short
)

// Error is a put that failed, or a reading back.
type Error struct {
	Kind       Kind
	Reading    bool   // it was read back, or listed
	URL        string // without userinfo and query
	Name       string // of the object
	Status     int    // HTTP status, 0 without an answer
	RetryAfter time.Duration
	Err        error
	Hint       string
}

func (e *Error) Error() string {
	switch {
	case e.Reading && e.Name == "":
		return fmt.Sprintf("read from %s: %v", e.URL, e.Err)
	case e.Reading:
		return fmt.Sprintf("read %s from %s: %v", e.Name, e.URL, e.Err)
	case e.Name == "": // it is about no object
		return fmt.Sprintf("upload to %s: %v", e.URL, e.Err)
	}
	return fmt.Sprintf("upload %s to %s: %v", e.Name, e.URL, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table.
func (e *Error) ExitCode() int {
	switch e.Kind {
	case Credentials:
		return exitcode.Credentials
	case Misdirected:
		return exitcode.Config
	}
	return exitcode.Failed
}
