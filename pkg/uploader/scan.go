package uploader

import (
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// scanEvery is how often the directory is looked at where no events come: a
	// new file is seen within a second all the same.
	scanEvery = 750 * time.Millisecond
	// scanSeldom is how often where they do: events may get lost.
	scanSeldom = 5 * time.Second
	// maxMissed is how many looks in a row may find a new file that no event
	// told of before events are no longer relied on (a network mount has none
	// of what another machine does).
	maxMissed = 2
	// scanGap is the least time between two looks, however many events come.
	scanGap = 50 * time.Millisecond
	// scanShare: at most a twentieth of the time goes into looking.
	scanShare = 20
	// countEvery is how often rejected files are counted.
	countEvery = time.Minute
)

// wantsScan: when it is due, or when the names of the last one are used up and
// there are more. The latter waits for nothing: a look brought thousands of
// names, so that it was worth its time even where a twentieth is less.
func (l *lane) wantsScan(now time.Time) bool {
	return !now.Before(l.scanDue) || l.more && len(l.plan.pending) < l.plan.concurrency
}

func (l *lane) scan() error {
	defer l.word.Idle()
	l.word.Begin(diskLimit)
	began := time.Now()
	found, err := l.u.spool.Scan(pendingNames, l.skip)
	if err != nil {
		return err
	}
	cost := time.Since(began)
	l.relyOnEvents(found)
	l.scanned, l.more, l.foreign = true, len(found.Names) == pendingNames, found.Foreign
	every := scanEvery
	if l.events && len(l.foreign) == 0 {
		every = scanSeldom
	}
	l.scanFrom = time.Now().Add(max(scanGap, scanShare*cost))
	l.scanDue = time.Now().Add(max(every, scanShare*cost))
	l.plan.refill(found.Names)
	l.waiting(found)
	return nil
}

// relyOnEvents notes whether this look found what an event should have told.
func (l *lane) relyOnEvents(found store.Backlog) {
	told := l.told
	l.told = false
	switch {
	case told:
		l.missed = 0
	case l.scanned && !l.more && len(l.foreign) == 0 && l.plan.news(found.Names):
		l.missed++
	}
	if l.events && l.missed > maxMissed {
		l.events = false
		l.log.Debug("events from the store get lost: it is looked at instead")
	}
}

// count counts what was set aside, now and then. If that cannot be told, the
// last figure stands.
func (l *lane) count(now time.Time) {
	if now.Before(l.countDue) {
		return
	}
	l.word.Begin(diskLimit)
	defer l.word.Idle()
	began := time.Now()
	if rejected, err := l.u.spool.Rejected(); err == nil {
		l.u.counts.rejected.Store(int64(len(rejected)))
	}
	l.countDue = now.Add(max(countEvery, 100*time.Since(began)))
}
