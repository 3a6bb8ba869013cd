package overview

import (
	"bytes"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// lately is the time that the overview's own coverage is about.
const lately = 24 * time.Hour

// Coverage is how complete the capture of the last 24 hours is.
type Coverage struct {
	From           time.Time `json:"from"` // later where the captured book begins later
	To             time.Time `json:"to"`
	CoveredPercent float64   `json:"covered_percent"` // rounded down
	CoveredSeconds float64   `json:"covered_seconds"`
	FilledSeconds  float64   `json:"filled_seconds"`
	MissingSeconds float64   `json:"missing_seconds"`
	Gaps           int       `json:"gaps"` // that were not filled
	// Longest is the longest of those.
	Longest  *coverage.Gap `json:"longest,omitempty"`
	Withheld uint64        `json:"withheld"` // messages that the server said it did not send
}

// ReportCoverage computes how complete the capture of a range is, from the
// captured book and from what a grabber that runs has noted since; zero times
// are as far as the book goes. It reads the months it needs and takes no lock
// for longer than a look. ok is false when nothing is known of that range.
func ReportCoverage(s *store.Store, from, to, now time.Time) (r coverage.Report, ok bool, err error) {
	var b coverage.Builder
	older, err := s.CapturedSince(from, func(line []byte) (more bool) {
		span, ok := b.Add(line)
		return !ok || to.IsZero() || span.From.Before(to)
	})
	if err != nil {
		return r, false, err
	}
	running, err := addOpen(&b, s, now)
	if err != nil {
		return r, false, err
	}
	if to.IsZero() || to.After(now) {
		to = now
	}
	r, ok = b.Report(coverage.Range{From: from, To: to, Older: older, Running: running})
	return r, ok, nil
}

// addOpen adds the span that is not in the book yet, and reports whether the
// process that records it runs.
func addOpen(b *coverage.Builder, s *store.Store, now time.Time) (running bool, err error) {
	kept, err := s.Kept()
	if err != nil {
		return false, err
	}
	open, ok := coverage.DecodeOpen(kept)
	if !ok || open.Closed {
		return false, nil
	}
	seen := Evidence(s)
	holder, held, err := s.Holder(store.RoleGrabber)
	if err != nil {
		return false, err
	}
	running = held && (holder.PID == open.PID || holder.PID == 0)
	if running { // recovery writes, too
		seen.Written = time.Time{}
	}
	b.AddSpan(open.Until(seen, now))
	return running && (seen.PID != open.PID || now.Sub(seen.At) < beatLimit), nil
}

// Evidence is what a grabber has left of itself but for the captured book: its
// status and its last write. What cannot be read proves nothing.
func Evidence(s *store.Store) coverage.Evidence {
	found := coverage.Evidence{Written: s.LastWrite()}
	data, err := s.ReadState(store.StateGrabber)
	if err != nil {
		return found
	}
	g, err := status.DecodeGrabber(data)
	if err != nil {
		return found
	}
	found.PID, found.At = g.PID, g.Time
	found.Totals = coverage.Totals{Messages: g.Messages, Bytes: g.Bytes, Withheld: g.Undelivered}
	return found
}

// recentCoverage computes the last 24 hours, reading the book from its end.
func recentCoverage(s *store.Store, now time.Time) (*Coverage, error) {
	from := now.Add(-lately)
	var lines [][]byte
	err := s.CapturedLatest(func(line []byte) (more bool) {
		var one coverage.Builder
		span, ok := one.Add(line)
		if ok {
			lines = append(lines, bytes.Clone(line))
		}
		return !ok || span.To.After(from)
	})
	if err != nil {
		return nil, err
	}
	var b coverage.Builder
	for _, line := range slices.Backward(lines) {
		b.Add(line)
	}
	running, err := addOpen(&b, s, now)
	if err != nil {
		return nil, err
	}
	r, ok := b.Report(coverage.Range{From: from, To: now, Running: running})
	if !ok {
		return nil, nil
	}
	c := &Coverage{
		From: r.From, To: r.To, CoveredPercent: r.CoveredPercent, CoveredSeconds: r.CoveredSeconds,
		FilledSeconds: r.FilledSeconds, MissingSeconds: max(0, r.Seconds-r.CoveredSeconds), Withheld: r.Withheld,
	}
	for i, gap := range r.Gaps {
		if gap.Filled {
			continue
		}
		c.Gaps++
		if c.Longest == nil || gap.Seconds > c.Longest.Seconds {
			c.Longest = &r.Gaps[i]
		}
	}
	return c, nil
}
