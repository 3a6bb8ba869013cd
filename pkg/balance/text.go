package balance

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/storj/twitter-stream/pkg/redact"
)

// shown is how many names of a list a person gets to see.
const shown = 20

// Text writes the report for a person.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "captured   %s\n", r.Captured)
	fmt.Fprintf(&b, "delivered  %s\n", r.Delivered)
	row(&b, "waiting  ", r.Waiting, "")
	if r.Partly.Files > 0 {
		fmt.Fprintf(&b, "           of these some places already have %s\n", r.Partly)
	}
	row(&b, "set aside", r.SetAside, "see: uploader retry")
	for _, p := range r.Places {
		fmt.Fprintf(&b, "at         %s: %s\n", redact.Text(p.URL), p.Sum)
	}
	r.apart(&b)
	for _, list := range []struct {
		title string
		list  List
	}{
		{"MISSING: captured, and neither in the store nor in a receipt", r.Missing},
		{"TWICE: shipped everywhere, and still in the store", r.Twice},
		{"DIFFERENT: not what the captured book says", r.Differs},
		{"shipped more than once to the same place, which does no harm", r.Again},
	} {
		list.list.text(&b, list.title)
	}
	r.damageText(&b)
	switch {
	case !r.Balanced:
		b.WriteString("\nthe books do NOT balance\n")
	case r.Captured.Files == 0:
		b.WriteString("\nnothing to balance: the captured book has no files\n")
	default:
		b.WriteString("\nthe books balance\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Report) apart(b *strings.Builder) {
	row(b, "apart    ", r.Apart.Pushed, "by 'uploader push'")
	row(b, "apart    ", r.Apart.TakenOver, "shipped under names that are not the grabber's")
	row(b, "apart    ", r.Apart.Older, "shipped, and of a time of which there is no captured book")
	row(b, "apart    ", r.Apart.Unbooked, "shipped under names of the grabber's that the captured book does not know")
	row(b, "apart    ", r.Apart.Stored, "in the store, that the captured book does not know")
	row(b, "apart    ", r.Apart.Damaged, "damaged lines that recovery has set aside, in rejected/")
}

// row writes a sum that is not nothing.
func row(b *strings.Builder, title string, sum Sum, what string) {
	if sum.Files == 0 {
		return
	}
	fmt.Fprintf(b, "%s  %s", title, sum)
	if what != "" {
		fmt.Fprintf(b, ": %s", what)
	}
	b.WriteString("\n")
}

func (l List) text(b *strings.Builder, title string) {
	if l.Count == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s: %s\n", title, files(l.Count))
	names := l.Files[:min(len(l.Files), shown)]
	for _, n := range names {
		fmt.Fprintf(b, "  %s\n", redact.Text(n.Name))
		if n.Why != "" {
			fmt.Fprintf(b, "    %s\n", n.Why)
		}
	}
	if more := l.Count - len(names); more > 0 {
		fmt.Fprintf(b, "  and %s more; --json names them\n", grouped(int64(more)))
	}
}

func (r Report) damageText(b *strings.Builder) {
	if len(r.Damage) == 0 {
		return
	}
	fmt.Fprintf(b, "\nDAMAGED lines of the books: %s\n", grouped(int64(len(r.Damage)+r.MoreDamage)))
	told := r.Damage[:min(len(r.Damage), shown)]
	for _, d := range told {
		fmt.Fprintf(b, "  %s", redact.Text(d.File))
		if d.Line > 0 {
			fmt.Fprintf(b, ", line %d", d.Line)
		}
		fmt.Fprintf(b, ": %s\n", d.Why)
	}
	if more := len(r.Damage) + r.MoreDamage - len(told); more > 0 {
		fmt.Fprintf(b, "  and %s more\n", grouped(int64(more)))
	}
}

// String is for people.
func (s Sum) String() string {
	return files(s.Files) + ", " + size(s.Bytes)
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return grouped(int64(n)) + " files"
}

func size(bytes int64) string {
	value, unit := float64(bytes), ""
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	if unit == "" {
		return grouped(bytes) + " bytes"
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// grouped writes a number with commas.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
