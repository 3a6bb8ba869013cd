package overview

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/status"
)

const (
	// columns is the width of the table: that of the smallest terminal.
	columns = 80
	// indent is where a row's text begins.
	indent = 10
)

// Table writes the view for a person, at most 80 columns wide. colour is for
// terminals; without it the text is plain ASCII.
func (v View) Table(w io.Writer, colour bool) error {
	t := table{colour: colour, now: v.Time}
	t.row("store", "", v.Store)
	t.row("time", "", v.Time.Format("2006-01-02 15:04:05 MST"))
	t.process("daemon", v.Daemon.Process)
	t.process("grabber", v.Grabber.Process, v.Grabber.facts()...)
	t.process("uploader", v.Uploader.Process, v.Uploader.facts(v.Ledger, v.Time)...)
	if v.Coverage != nil {
		t.row("coverage", v.Coverage.mark(), v.Coverage.text())
	}
	t.row("backlog", v.Backlog.mark(), v.Backlog.text())
	t.row("disk", "", v.Disk.text())
	for _, problem := range v.Problems {
		t.row("!", yellow, problem)
	}
	if _, err := io.WriteString(w, t.text.String()); err != nil {
		return fmt.Errorf("write overview: %w", err)
	}
	return nil
}

func (g Grabber) facts() (facts []string) {
	s := g.Status
	if s == nil {
		return nil
	}
	facts = append(facts, fmt.Sprintf("%.1f messages/s now, %.1f since its start", g.MessagesPerS, g.MessagesPerSEver))
	last := "no message yet"
	if g.LastMessageAge > 0 {
		last = "last message " + span(seconds(g.LastMessageAge)) + " ago"
	}
	facts = append(facts, fmt.Sprintf("%s, %s messages, %s, %s", last, number(s.Messages), size(float64(s.Bytes)), plural(int(s.Files), "file")))
	if s.Budget != nil {
		facts = append(facts, budgetText(s.Budget))
	}
	var dropped []string
	for _, d := range []struct {
		count uint64
		what  string
	}{{s.Garbage, "garbage"}, {s.Oversize, "too long"}, {s.Torn, "torn"}} {
		if d.count > 0 {
			dropped = append(dropped, number(d.count)+" "+d.what)
		}
	}
	if len(dropped) > 0 {
		facts = append(facts, "dropped: "+strings.Join(dropped, ", "))
	}
	return facts
}

// budgetText says what the month's posts cost.
func budgetText(b *status.Budget) string {
	text := fmt.Sprintf("%s: %s posts, %s spent", redact.Text(b.Month), number(b.Posts), money(b.Spent))
	if b.Limit > 0 {
		text += fmt.Sprintf(" of %s (%.0f %%)", money(b.Limit), 100*b.Spent/b.Limit)
	}
	return text + ", " + money(b.Forecast) + " by its end at this rate"
}

func (u Uploader) facts(ledger Ledger, now time.Time) []string {
	s := u.Status
	if s == nil {
		return []string{number(ledger.Receipts) + " uploaded ever"}
	}
	last := "none yet"
	if u.LastUploadAge > 0 {
		last = "last " + span(seconds(u.LastUploadAge)) + " ago"
	}
	if len(s.Targets) == 0 {
		return []string{fmt.Sprintf("%s uploaded since its start (%s), %s; %s ever",
			number(s.Uploaded), size(float64(s.Bytes)), last, number(ledger.Receipts))}
	}
	facts := []string{fmt.Sprintf("%s everywhere since its start (%s), %s; %s receipts ever",
		number(s.Uploaded), size(float64(s.Bytes)), last, number(ledger.Receipts))}
	for _, target := range s.Targets {
		facts = append(facts, targetText(target, now, u.current(s.PID)))
	}
	return facts
}

// targetText says how one of several places fares.
func targetText(t status.Target, now time.Time, alive bool) string {
	text := redact.Text(t.URL) + ": "
	if alive {
		text += redact.Text(t.State) + ", "
	}
	text += number(t.Waiting) + " waiting, "
	if t.LastUpload.IsZero() {
		text += "none uploaded yet"
	} else {
		text += "last " + span(seconds(age(t.LastUpload, now))) + " ago"
	}
	if t.LastError != "" && t.LastErrorAt.After(t.LastUpload) {
		text += "; " + span(now.Sub(t.LastErrorAt)) + " ago: " + redact.Text(t.LastError)
	}
	return text
}

func (c Coverage) text() string {
	text := fmt.Sprintf("last %s: %s %%", span(c.To.Sub(c.From)), strconv.FormatFloat(c.CoveredPercent, 'f', -1, 64))
	if c.Longest == nil {
		return text + ", no gap"
	}
	text += fmt.Sprintf(", %s (%s)", plural(c.Gaps, "gap"), span(seconds(c.MissingSeconds)))
	if c.Gaps == 1 {
		return text + fmt.Sprintf(": %s at %s", c.Longest.Reason, c.Longest.From.Format("15:04"))
	}
	return text + fmt.Sprintf(", longest %s: %s", span(seconds(c.Longest.Seconds)), c.Longest.Reason)
}

func (c Coverage) mark() string {
	if c.Longest == nil {
		return green
	}
	return yellow
}

func (b Backlog) text() string {
	if b.Files == 0 {
		return "nothing waits"
	}
	text := fmt.Sprintf("%s waiting, %s", plural(b.Files, "file"), size(float64(b.Bytes)))
	if b.OldestAge > 0 {
		text += ", the oldest for " + span(seconds(b.OldestAge))
	}
	if b.Growing {
		text += fmt.Sprintf("; growing: %s/s come, %s/s go", size(b.CapturedPerS), size(b.UploadedPerS))
	}
	return text
}

func (b Backlog) mark() string {
	if b.Growing {
		return yellow
	}
	return ""
}

func (d Disk) text() string {
	text := "free space unknown"
	if d.Known {
		text = size(float64(d.Free)) + " free"
	}
	if d.FullIn > 0 {
		text += ", full in " + span(seconds(d.FullIn)) + " at this rate"
	}
	return text
}

// The colours, as ANSI escape sequences.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// table gathers rows.
type table struct {
	colour bool
	now    time.Time
	text   strings.Builder
}

// row writes a name and a text beside it, in as many lines as it takes. The
// name has the colour of mark, if any.
func (t *table) row(name, mark, text string) {
	if t.colour {
		text = printable(text)
	} else {
		text = ascii(text)
	}
	head := fmt.Sprintf("%-*s", indent, name)
	if t.colour && mark != "" {
		head = mark + name + plain + strings.Repeat(" ", indent-len(name))
	}
	for _, line := range wrap(text, columns-indent) {
		t.text.WriteString(head + line + "\n")
		head = strings.Repeat(" ", indent)
	}
}

// process writes a process's state, what it waits for and what went wrong.
func (t *table) process(name string, p Process, facts ...string) {
	t.row(name, p.mark(), p.text(t.now))
	for _, fact := range facts {
		t.row("", "", fact)
	}
	if p.Detail != "" {
		t.row("", "", redact.Text(p.Detail))
	}
	if p.LastError != "" {
		text := "last error"
		if !p.LastErrorAt.IsZero() {
			text += " " + span(t.now.Sub(p.LastErrorAt)) + " ago"
		}
		t.row("", "", text+": "+redact.Text(p.LastError))
	}
}

func (p Process) text(now time.Time) string {
	text := redact.Text(p.State)
	if !p.Since.IsZero() {
		text += " for " + span(now.Sub(p.Since))
	}
	if p.Alive {
		text += fmt.Sprintf(", pid %d", p.PID)
	}
	if !p.NextTry.IsZero() {
		text += ", next try in " + span(p.NextTry.Sub(now))
	}
	if p.Restarts > 0 {
		text += ", restarted " + plural(p.Restarts, "time")
		if p.LastExit != "" {
			text += " (last: " + redact.Text(p.LastExit) + ")"
		}
	}
	if !p.NextStart.IsZero() {
		text += ", starts again in " + span(p.NextStart.Sub(now))
	}
	return text
}

func (p Process) mark() string {
	switch {
	case p.Alive && p.Beating && p.State != status.Paused && p.State != status.Waiting:
		return green
	case p.Alive && (p.Beating || p.State == status.Starting):
		return yellow
	case p.State == status.Stopped || p.State == status.Done || p.State == Never:
		return ""
	}
	return red
}
