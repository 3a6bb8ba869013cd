package sink

import "io"

// Slowed is content that is read no faster than it may be sent.
type Slowed interface {
	io.ReaderAt
	// Local returns the same bytes as fast as they can be had: for a hash, say.
	Local() io.ReaderAt
}

// Local returns an object's content for what is not sent, and whether what is
// sent is slowed down: then it has to be read from Content piece by piece.
func Local(content io.ReaderAt) (local io.ReaderAt, slowed bool) {
	if s, ok := content.(Slowed); ok {
		return s.Local(), true
	}
	return content, false
}
