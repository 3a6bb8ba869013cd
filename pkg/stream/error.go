package stream

import (
	"fmt"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// Kind says what a caller should do about an Error.
type Kind int

// The kinds.
const (
	Network     Kind = iota // TCP/IP or TLS trouble, a stall, a cut: linear back-off
	HTTP                    // a 5xx or another passing refusal: exponential from 5 s
	RateLimit               // 420, 429, another copy runs: exponential from 60 s, no retry counted
	Credentials             // 401, 403, token revoked: exit 4
	Refused                 // refused for good: wrong URL, parameters, retired: exit 3
)

// Error is the end of a connection, or of a try to make one. Its Kind goes
// before its Messages: a connection that brought messages may still have ended
// with a rate limit.
type Error struct {
	Kind       Kind
	URL        string        // without userinfo and query
	Status     int           // HTTP status, 0 without an answer; 420 also for a 200 that says so in words
	RetryAfter time.Duration // what the server asked for, at most an hour; 0 when it did not
	Messages   uint64        // that this connection brought, disconnect messages aside; 0: nothing shows that it works
	Quiet      bool          // no message came, but keep-alives did, for longer than the stall timeout
	Usual      bool          // the service ends its connections so as a rule (Wikimedia: after 15 minutes)
	Err        error
	Hint       string // what to do about it; may be empty
}

func (e *Error) Error() string { return fmt.Sprintf("read %s: %v", e.URL, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table.
func (e *Error) ExitCode() int {
	switch e.Kind {
	case Credentials:
		return exitcode.Credentials
	case Refused:
		return exitcode.Config
	}
	return exitcode.Failed
}
