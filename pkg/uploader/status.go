package uploader

import (
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// begin has the status show these lanes.
func (u *Uploader) begin(lanes []*lane) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lanes = lanes
}

// targets is what is shown of the lanes now, and when the oldest file that any
// of them lacks was captured.
func (u *Uploader) targets() (all []status.Target, oldest time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, l := range u.lanes {
		l.shown.mu.Lock()
		t := l.shown.Target
		if at := l.shown.oldest; !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
		l.shown.mu.Unlock()
		t.Sink, t.URL = l.target.Kind, l.target.URL
		all = append(all, t)
	}
	return all, oldest
}

// enter enters the state that the lanes together are in, until we are asked to
// stop.
func (u *Uploader) enter() {
	targets, _ := u.targets()
	state, detail := combine(targets)
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.ending {
		u.reporter.Enter(state, detail)
	}
}

// combine is the state of several targets: what most concerns a person. One that
// waits is no reason to call all paused.
func combine(targets []status.Target) (state, detail string) {
	first := map[string]status.Target{}
	for _, t := range targets {
		if _, ok := first[t.State]; !ok {
			first[t.State] = t
		}
	}
	about := func(state string) string {
		t := first[state]
		if t.Detail == "" || len(targets) == 1 {
			return t.Detail
		}
		return t.URL + ": " + t.Detail
	}
	_, paused := first[status.Paused]
	_, waiting := first[status.Waiting]
	if _, ok := first[status.Uploading]; ok {
		return status.Uploading, about(status.Uploading)
	}
	switch {
	case paused && len(first) == 1:
		return status.Paused, about(status.Paused)
	case paused:
		return status.Waiting, about(status.Paused)
	case waiting:
		return status.Waiting, about(status.Waiting)
	}
	return status.Idle, ""
}

func (u *Uploader) stopping() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ending = true
	u.reporter.Enter(status.Stopping, "")
}

func (u *Uploader) fill(common status.Common) any {
	c := &u.counts
	targets, oldest := u.targets()
	s := status.Uploader{
		Common:        common,
		Uploaded:      c.uploaded.Load(),
		Bytes:         c.bytes.Load(),
		Waiting:       int(max(0, c.waiting.Load())),
		WaitingBytes:  max(0, c.waitingBytes.Load()),
		OldestWaiting: oldest.UTC(),
		Rejected:      int(c.rejected.Load()),
		LastUpload:    moment(c.lastUpload.Load()),
		Copy:          u.cfg.Copy(),
	}
	for _, t := range targets {
		s.InFlight += t.InFlight
		s.Postponed += t.Postponed
		if next := t.NextTry; !next.IsZero() && common.NextTry.IsZero() && (s.NextTry.IsZero() || next.Before(s.NextTry)) {
			s.NextTry = next
		}
	}
	if why := c.blocked.Load(); why != nil {
		s.Blocked = *why
	}
	if len(targets) > 1 {
		s.Targets = targets
	}
	return s
}

func moment(nano int64) time.Time {
	if nano == 0 {
		return time.Time{}
	}
	return time.Unix(0, nano).UTC()
}
