package uploader

import (
	"context"
	"io"
	"time"

	"golang.org/x/time/rate"
)

const (
	// mostPiece bounds what is read at a time of an object that is slowed down.
	mostPiece = 64 << 10
	// shareOfTimeout: with all readers in line, each gets a piece in this part of
	// the time after which a sink takes a standstill for a fault.
	shareOfTimeout = 8
	// longestTurn is how long a round of all readers takes at most, however long
	// that time is.
	longestTurn = time.Second
)

// limit is how many bytes a second all uploads together send. A nil one is none.
type limit struct {
	rate  *rate.Limiter
	piece int64
}

// newLimit divides bytesPerSecond among readers so finely that none of them ever
// stands still for a good part of timeout.
func newLimit(bytesPerSecond int64, readers int, timeout time.Duration) *limit {
	if bytesPerSecond <= 0 {
		return nil
	}
	turn := min(max(timeout, time.Millisecond), longestTurn) / shareOfTimeout
	piece := int64(float64(bytesPerSecond) * turn.Seconds() / float64(max(readers, 1)))
	piece = min(max(piece, 1), mostPiece)
	burst := max(piece, bytesPerSecond/20) // what a sleep that lasts too long costs is made up for
	return &limit{rate: rate.NewLimiter(rate.Limit(bytesPerSecond), int(burst)), piece: piece}
}

// slowed returns content that is read no faster than the limit allows, and no
// more once ctx has ended.
func (l *limit) slowed(ctx context.Context, content io.ReaderAt) io.ReaderAt {
	if l == nil {
		return content
	}
	return slowed{ctx, l, content}
}

// slowed reads less at a time than it is asked for, which sink.Object allows: so
// the sink sees that bytes move.
type slowed struct {
	ctx     context.Context
	limit   *limit
	content io.ReaderAt
}

// Local implements sink.Slowed.
func (s slowed) Local() io.ReaderAt { return s.content }

// ReadAt implements io.ReaderAt, but for short reads without an error.
func (s slowed) ReadAt(p []byte, off int64) (int, error) {
	p = p[:min(int64(len(p)), s.limit.piece)]
	if err := s.limit.rate.WaitN(s.ctx, len(p)); err != nil {
		return 0, err
	}
	return s.content.ReadAt(p, off)
}
