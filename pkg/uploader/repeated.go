package uploader

import (
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/repeat"
)

// repeated logs trouble that repeats itself: each kind at once, then every
// 30 s with a count, and one line when it is over.
type repeated struct {
	log *logrus.Entry

	mu       sync.Mutex // guards reporter
	reporter repeat.Reporter
}

func (r *repeated) say(kind string, fields logrus.Fields, sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	say, count := r.reporter.Failed(kind)
	if !say {
		return
	}
	entry := r.log.WithFields(fields)
	if count > 1 {
		entry = entry.WithField("count", count)
	}
	entry.Warn(sentence)
}

func (r *repeated) over(sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if say, count, lasted := r.reporter.Recovered(); say {
		r.log.WithFields(logrus.Fields{"count": count, "after": lasted.Round(time.Millisecond).String()}).Info(sentence)
	}
}
