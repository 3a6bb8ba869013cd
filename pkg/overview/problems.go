package overview

import (
	"fmt"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/status"
)

// fullSoon is when a disk that will be full is worth a sentence.
const fullSoon = 24 * time.Hour

// budgetWarning is the part of a month's budget that is worth a sentence.
const budgetWarning = 0.8

// problems says what a person would want to know, the worst first.
func problems(v *View, ahead string) (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, p := range []struct {
		name string
		Process
	}{{"daemon", v.Daemon.Process}, {"grabber", v.Grabber.Process}, {"uploader", v.Uploader.Process}} {
		if sentence := p.problem(v.Time); sentence != "" {
			say("%s: %s", p.name, sentence)
		}
	}
	for _, damage := range v.Ledger.Damage {
		say("the ledger is damaged at %s; shipping goes on", damage)
	}
	if g := v.Grabber.Status; g != nil {
		grabberProblems(v, g, say)
	}
	if u := v.Uploader.Status; u != nil && v.Uploader.current(u.PID) {
		uploaderProblems(v, u, say)
	}
	copyProblems(v, say)
	if full := seconds(v.Disk.FullIn); full > 0 && full < fullSoon {
		say("the disk will have no room in %s at this rate", span(full))
	}
	if v.Rejected.Files > 0 {
		say("%s set aside, the last one %s: %s", plural(v.Rejected.Files, "file"), v.Rejected.Last, v.Rejected.Reason)
	}
	if ahead != "" {
		say("names are more than an hour ahead of the clock (%s): was it wrong, or is it now?", ahead)
	}
	return all
}

// problem says what is wrong with a process itself.
func (p Process) problem(now time.Time) string {
	switch {
	case p.Alive && p.State == status.Starting && !p.Beating:
		return "" // it has not said anything yet
	case p.Alive && len(p.Stuck) > 0:
		return "stuck in " + strings.Join(p.Stuck, ", ")
	case p.Alive && !p.Beating:
		return "alive, but it has stopped writing its status"
	case p.State == Gone && !p.NextStart.IsZero():
		return "gone, starts again in " + span(p.NextStart.Sub(now))
	case p.State == Gone:
		return "gone without a word"
	}
	return ""
}

// copyProblems are those of the copies of the books.
func copyProblems(v *View, say func(string, ...any)) {
	about := func(book string, c *status.Copy) {
		if c != nil && c.Error != "" {
			say("the copy of the %s in %s is behind for %s: %s", book, redact.Text(c.Directory), span(v.Time.Sub(c.Since)), redact.Text(c.Error))
		}
	}
	if u := v.Uploader.Status; u != nil && v.Uploader.current(u.PID) {
		about("ledger", u.Copy)
	}
	if g := v.Grabber.Status; g != nil && v.Grabber.current(g.PID) {
		about("captured book", g.Copy)
	}
}

func uploaderProblems(v *View, u *status.Uploader, say func(string, ...any)) {
	if u.Blocked != "" {
		say("uploader: %s", u.Blocked)
	}
	for _, t := range u.Targets {
		if t.Waiting > 0 && (t.State == status.Paused || t.State == status.Waiting) && t.LastErrorAt.After(t.LastUpload) {
			say("uploader: %s waiting for %s: %s", plural(t.Waiting, "file"), redact.Text(t.URL), redact.Text(t.LastError))
		}
	}
}

func grabberProblems(v *View, g *status.Grabber, say func(string, ...any)) {
	if g.LostAtStop > 0 {
		say("grabber: %s lost at its last stop", plural(int(g.LostAtStop), "message"))
	}
	if !v.Grabber.current(g.PID) {
		return
	}
	if g.Silent {
		say("grabber: connected, but no message for %s", span(seconds(v.Grabber.LastMessageAge)))
	}
	if g.Warning != "" {
		say("grabber: the server says: %s", redact.Text(g.Warning))
	}
	if b := g.Budget; b != nil && b.Limit > 0 && b.Spent >= budgetWarning*b.Limit {
		say("grabber: %.0f %% of this month's stream_budget is spent; at 100 %% capture pauses until the next month", 100*b.Spent/b.Limit)
	}
	if g.RecoveredDamaged > 0 {
		say("grabber: %s damaged, set aside by recovery", plural(int(g.RecoveredDamaged), "line"))
	}
	if g.Undelivered > 0 {
		say("grabber: %s not delivered by the service", plural(int(g.Undelivered), "message"))
	}
}
