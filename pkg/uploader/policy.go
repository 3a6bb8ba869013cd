package uploader

import (
	"errors"
	"io/fs"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// verdict is what a failed try means.
type verdict int

const (
	again    verdict = iota // wait, then the same file once more
	setAside                // the node takes others: it is this file, refused for good
	postpone                // the node takes others, or the file cannot be read: later
	forget                  // the file is gone
	doubt                   // it may be the node: find out with another file
	pause                   // the node takes none now
)

// facts are what a verdict depends on besides the error.
type facts struct {
	failed int // tries of this file in a row, this one included
	limit  int // upload_retries
	// accepted: the sink took another file after this one's first failure.
	accepted bool
	// postponed: it is behind the others already because the node refused it.
	postponed bool
}

// judge decides what a failed try means. The heart of it: a file is blamed only
// when the same sink took another one meanwhile. Else a wrong URL would set
// everything aside, and files that nobody takes would hold up the queue.
func judge(err error, f facts) verdict {
	var refused *sink.Error
	if !errors.As(err, &refused) || refused.Kind == sink.Changed {
		return judgeFile(err, f)
	}
	it := doubt
	switch refused.Kind {
	case sink.Permanent:
		if f.accepted {
			return setAside
		}
	case sink.Pause:
		it = pause
	case sink.Temporary:
		if f.failed < f.limit && !f.postponed {
			return again
		}
	}
	if f.accepted || f.postponed {
		return postpone
	}
	return it
}

// judgeFile is about files that could not be read, or not twice the same. The
// node has nothing to do with it.
func judgeFile(err error, f facts) verdict {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, store.ErrNotRegular):
		return forget
	case isChanged(err) && f.failed < f.limit:
		return again
	}
	return postpone
}

// isChanged reports whether a file was not the same twice.
func isChanged(err error) bool {
	var e *sink.Error
	return errors.Is(err, store.ErrChanged) || errors.As(err, &e) && e.Kind == sink.Changed
}

// isNodes reports whether the node, not the file, made a try fail.
func isNodes(err error) bool {
	var e *sink.Error
	return errors.As(err, &e) && e.Kind != sink.Changed
}

// serverWait is how long the node asked us to stay away.
func serverWait(err error) time.Duration {
	var e *sink.Error
	if errors.As(err, &e) {
		return min(e.RetryAfter, backoff.MaxServerWait)
	}
	return 0
}

// postponedFor is how long a file stays behind the others: the longest wait
// between tries, doubling up to an hour.
func postponedFor(p backoff.Policy, rounds int) time.Duration {
	return backoff.Policy{First: p.Max, Max: max(p.Max, time.Hour)}.Wait(rounds)
}
