package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// mark is what an event is.
type mark int

const (
	plain mark = iota
	bad        // done to the programs
	good       // they have got over it
)

// printer writes the play down.
type printer struct {
	w      io.Writer
	colour bool
}

// paint colours text on a terminal.
func (p *printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *printer) print(text string) { fmt.Fprintln(p.w, text) }

func (p *printer) title(s *stage) {
	p.print(p.paint("1", "twitter-stream demo") + fmt.Sprintf(": %v, %s messages a second, real processes, this machine only", s.cfg.Duration, number(int64(s.cfg.Rate))))
	p.print(fmt.Sprintf("local %s %s, local node %s, directory %s", s.stream.title(), s.stream.URL(), s.node.URL(), s.dir))
	p.print("what is promised of this stream: " + s.stream.promise() + "\n")
}

func stamp(d time.Duration) string { return fmt.Sprintf("%6.1f s  ", d.Seconds()) }

func (p *printer) event(at time.Duration, m mark, text string) {
	switch m {
	case bad:
		text = p.paint("31", "✗ "+text)
	case good:
		text = p.paint("32", "✓ "+text)
	default:
		text = "· " + text
	}
	p.print(stamp(at) + text)
}

func (p *printer) figures(at time.Duration, f figures) {
	p.print(stamp(at) + p.paint("2", fmt.Sprintf("  sent %7s, %9s   in the store %9s, %2d finished   shipped %9s, %3d files",
		number(int64(f.messages)), size(f.sent), size(f.stored), f.files, size(f.shipped), f.objects)))
}

// short writes a time that a person waits for.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// row is a line of the summary.
type row struct{ what, messages, remark string }

const (
	wWhat, wMessages, wRemark = 46, 11, 34
)

// summary is the proof in a box.
func (p *printer) summary(b *books, s *stage) {
	rows := []row{
		{b.title, number(int64(b.sent.Messages)), size(int64(b.sent.Bytes))},
		{"on the node", number(int64(b.onNode)), fmt.Sprintf("%d objects, %s", b.objects, size(b.fetched))},
		{"still in the store", number(int64(b.inStore)), ""},
	}
	for _, l := range b.lost {
		rows = append(rows, row{l.why, number(int64(l.messages)), fmt.Sprintf("%s of at most %s", size(l.bytes), size(l.limit))})
	}
	if n := b.doubtfulFound(); n > 0 {
		rows = append(rows, row{"arrived though their connection broke", number(int64(n)), "counted above, not as sent"})
	}
	if b.again > 0 {
		rows = append(rows, row{"sent again by the stream, stored once", number(int64(b.again)), "not counted above"})
	}
	rows = append(rows, row{"unaccounted for", number(int64(b.sent.Messages) + int64(b.doubtfulFound()-b.found()-b.lostMessages())), ""},
		row{"stored twice", number(int64(len(b.twice))), ""}, row{"changed, torn, set aside, without receipt", number(int64(len(b.wrong))), ""})
	p.rule("┌", "┬", "┐")
	p.row(row{"", "messages", ""}, "1")
	p.rule("├", "┼", "┤")
	for _, r := range rows {
		p.row(r, "")
	}
	p.rule("└", "┴", "┘")
	for i, w := range b.wrong {
		if i == 10 {
			p.print(fmt.Sprintf("  … and %d more", len(b.wrong)-i))
			break
		}
		p.print("  " + w)
	}
	p.print("faults met: " + strings.Join(s.met(), ", "))
	p.verdict(b, s)
}

func (p *printer) verdict(b *books, s *stage) {
	if b.balanced() {
		p.print(p.paint("1;32", "The books balance.") + fmt.Sprintf(" %d SIGKILLs survived; each of %d objects was fetched back over HTTP,\n"+
			"decrypted with the ledger's key, hashed, and compared message by message.", len(s.kills), b.objects))
	} else {
		p.print(p.paint("1;31", "The books do not balance."))
	}
	if !s.ownDir {
		p.print("Everything is still there to look at: " + s.dir)
	}
}

func (p *printer) rule(left, middle, right string) {
	p.print(left + strings.Repeat("─", wWhat+2) + middle + strings.Repeat("─", wMessages+2) + middle + strings.Repeat("─", wRemark+2) + right)
}

func (p *printer) row(r row, code string) {
	text := fmt.Sprintf("│ %s │ %s │ %s │", pad(r.what, wWhat, false), pad(r.messages, wMessages, true), pad(r.remark, wRemark, false))
	if code != "" {
		text = p.paint(code, text)
	}
	p.print(text)
}

func pad(s string, width int, right bool) string {
	blanks := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return blanks + s
	}
	return s + blanks
}

// number writes 1234567 as 1,234,567.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes bytes for a person.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
