package uploader

import (
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

const (
	// diskLimit is how long one read, write or fsync may rightly take.
	diskLimit = 5 * time.Minute
	// slack is what a sink may need on top of its own limits.
	slack = 30 * time.Second
)

// word is a worker's word on until when its present step may rightly take. It
// renews with progress; it belongs to one goroutine at a time.
type word struct {
	stage *status.Stage
	done  func()
	given time.Time
}

func (w *word) give(limit time.Duration) {
	w.end()
	w.done, w.given = w.stage.Busy(limit), time.Now()
}

// renew is give at most once a second.
func (w *word) renew(limit time.Duration) {
	if w.done == nil || time.Since(w.given) >= time.Second {
		w.give(limit)
	}
}

func (w *word) end() {
	if w.done != nil {
		w.done()
		w.done = nil
	}
}
