package coverage

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// cells is into how many parts a day's strip is divided: half an hour each.
	cells = 48
	// sparks is the width of the line of messages.
	sparks = 66
)

// glyphs are what strips and sparklines are made of, from nothing to all.
type glyphs struct {
	none    string   // of a cell in which nothing was captured
	partly  []string // from hardly any to nearly all
	whole   string
	sparks  []string // from none to most
	colours bool
}

func glyphsFor(terminal bool) glyphs {
	if !terminal {
		return glyphs{none: ".", partly: []string{"-", "+"}, whole: "#", sparks: strings.Split(" .:-=+*#", "")}
	}
	bars := strings.Split("▁▂▃▄▅▆▇", "")
	return glyphs{none: "·", partly: bars, whole: "█", sparks: append(append([]string{" "}, bars...), "█"), colours: true}
}

// Text writes the report for a person, at most 80 columns wide: with blocks and
// colours for a terminal, else in plain ASCII.
func (r Report) Text(w io.Writer, terminal bool) error {
	g := glyphsFor(terminal)
	var b strings.Builder
	r.head(&b)
	r.strips(&b, g)
	r.sparkline(&b, g)
	r.list(&b)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write coverage: %w", err)
	}
	return nil
}

func (r Report) head(b *strings.Builder) {
	const layout = "2006-01-02 15:04:05"
	fmt.Fprintf(b, "%s to %s UTC, %s\n", r.From.Format(layout), r.To.Format(layout), span(r.Seconds))
	fmt.Fprintf(b, "%s %% covered", percentText(r.CoveredPercent))
	if r.FilledSeconds > 0 {
		fmt.Fprintf(b, ", %s of it filled afterwards", span(r.FilledSeconds))
	}
	if missing := round(r.Seconds - r.CoveredSeconds); missing > 0 {
		fmt.Fprintf(b, ", %s missing", span(missing))
	}
	fmt.Fprintf(b, "\n%s messages, %s", number(r.Messages), size(r.Bytes))
	if r.Withheld > 0 {
		fmt.Fprintf(b, "; the server says that it withheld %s more", number(r.Withheld))
	}
	b.WriteString("\n")
	for _, step := range r.ClockSteps {
		way := "forward"
		if step.Seconds < 0 {
			way = "back"
		}
		fmt.Fprintf(b, "the clock was set %s by %s at %s\n", way, span(math.Abs(step.Seconds)), step.At.Format(layout))
	}
}

// strips writes a line for each day.
func (r Report) strips(b *strings.Builder, g glyphs) {
	hours := strings.Repeat(" ", 12)
	for hour := 0; hour < 24; hour += 3 {
		hours += fmt.Sprintf("%02d%*s", hour, cells/8-2, "")
	}
	b.WriteString("\n" + strings.TrimRight(hours, " ") + "\n")
	open := r.open()
	for _, day := range r.Days {
		begin, err := time.Parse(time.DateOnly, day.Day)
		if err != nil {
			continue
		}
		fmt.Fprintf(b, "%s  ", day.Day)
		for cell := range cells {
			from := begin.Add(time.Duration(cell) * 24 * time.Hour / cells)
			b.WriteString(g.cell(r.part(interval{from, from.Add(24 * time.Hour / cells)}, open)))
		}
		fmt.Fprintf(b, "  %6s %%\n", percentText(day.CoveredPercent))
	}
}

// part returns which part of what the report says of an interval is covered;
// below zero when it says nothing of it.
func (r Report) part(of interval, open []interval) float64 {
	of = of.common(interval{r.From, r.To})
	if of.length() == 0 {
		return -1
	}
	all, covered := lengths(of, nil, open)
	return covered / all
}

func (g glyphs) cell(part float64) string {
	switch {
	case part < 0:
		return " "
	case part == 0:
		return g.paint("31", g.none)
	case part == 1:
		return g.paint("32", g.whole)
	}
	return g.paint("33", g.partly[min(int(part*float64(len(g.partly))), len(g.partly)-1)])
}

// paint gives a glyph a colour, by the number of its ANSI escape sequence.
func (g glyphs) paint(colour, glyph string) string {
	if !g.colours {
		return glyph
	}
	return "\x1b[" + colour + "m" + glyph + "\x1b[0m"
}

// sparkline writes messages a minute over the whole time.
func (r Report) sparkline(b *strings.Builder, g glyphs) {
	columns := min(sparks, len(r.Minutes.Messages))
	rates, most := make([]float64, columns), 0.0
	for i := range rates {
		first, last := i*len(r.Minutes.Messages)/columns, (i+1)*len(r.Minutes.Messages)/columns
		for _, n := range r.Minutes.Messages[first:last] {
			rates[i] += float64(n) / float64(last-first)
		}
		most = max(most, rates[i])
	}
	if most == 0 {
		return
	}
	line := fmt.Sprintf("%-12s", "messages")
	for _, rate := range rates {
		line += g.sparks[int(math.Ceil(rate/most*float64(len(g.sparks)-1)))]
	}
	fmt.Fprintf(b, "\n%s\n%-12s%s a minute at most\n", strings.TrimRight(line, " "), "", number(uint64(math.Ceil(most))))
}

// list writes each gap.
func (r Report) list(b *strings.Builder) {
	if len(r.Gaps) == 0 {
		b.WriteString("\nno gaps\n")
		return
	}
	const layout = "2006-01-02 15:04:05.0"
	fmt.Fprintf(b, "\n%-*s  %-*s  %8s  %s\n", len(layout), "from", len(layout), "to", "length", "why")
	for _, gap := range r.Gaps {
		filled := ""
		if gap.Filled {
			filled = ", filled"
		}
		fmt.Fprintf(b, "%s  %s  %8s  %s%s\n", gap.From.Format(layout), gap.To.Format(layout), span(gap.Seconds), gap.Reason, filled)
	}
}

// percentText prints a percentage that was rounded down.
func percentText(p float64) string {
	if p == 100 {
		return "100"
	}
	return strconv.FormatFloat(p, 'f', 2, 64)
}

// span prints seconds in the two units that matter.
func span(seconds float64) string {
	d := duration(seconds)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// number prints a count with its thousands apart.
func number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func size(n uint64) string {
	value := float64(n)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if value < 1024 {
			return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + " " + unit
		}
		value /= 1024
	}
	return fmt.Sprintf("%.1f TiB", value)
}
