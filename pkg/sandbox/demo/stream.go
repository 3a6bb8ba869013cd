package demo

import (
	"fmt"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sandbox/kind"
)

// Twitter is the kind that is shown when none is named: API v1.1.
const Twitter = "twitter"

// stream is what the demo needs of a local stream.
type stream interface {
	URL() string
	SetFault(specs ...string) error
	Fired(name string) int
	Close() error

	title() string          // for a person
	total() string          // what sent counts, in words
	promise() string        // what is lost by a kill, in words
	source() sandbox.Source // for the programs
	breaks() [3]breach      // how its connections break, in the script's order
	sent() sandbox.Sent     // what there was to capture so far
	capturing() bool        // a connection is open and has brought messages
	rest() error            // falls silent
	resting() bool          // and has sent all that there was
	message(seq uint64) []byte
	number(line []byte) (seq uint64, ok bool)
	settle(t *tally, kills []kill) // compares what was found with what there was
}

// breach is one way in which a connection breaks.
type breach struct{ title, fault string }

// openStream starts a stream of the kind asked for.
func openStream(cfg Config) (stream, error) {
	if cfg.Kind == "" || cfg.Kind == Twitter {
		return openTwitter(cfg)
	}
	k, found := kind.Find(cfg.Kind)
	if !found {
		return nil, fmt.Errorf("there is no kind %q; the kinds are %s, %s", cfg.Kind, Twitter, kind.Names())
	}
	return openLive(cfg, k)
}
