package audit

import (
	"fmt"
	"io"
	"strings"
)

// shown is how many objects of a list a person gets to see.
const shown = 20

// Text writes the report for a person.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	for _, p := range r.Places {
		fmt.Fprintf(&b, "%s\n  %d asked for, %d there", p.URL, p.Asked, p.There)
		if p.Asked > 0 {
			fmt.Fprintf(&b, "; compared: %s, %s", count(p.Sizes, "size", "sizes"), count(p.Hashes, "hash", "hashes"))
		}
		switch {
		case p.Unlisted != "":
			fmt.Fprintf(&b, "\n  could not be listed: %s", p.Unlisted)
		case p.Listed:
			b.WriteString("; listed, for what no receipt names")
		}
		b.WriteString("\n")
	}
	if r.Bytes > 0 {
		fmt.Fprintf(&b, "%s read back\n", count(r.Bytes, "byte was", "bytes were"))
	}
	if r.Resumed {
		b.WriteString("a part of it was asked before an interruption\n")
	}
	for _, list := range []struct {
		title   string
		objects Objects
	}{
		{"MISSING: the storage does not have it", r.Missing},
		{"ALTERED: it is not what was put", r.Altered},
		{"COULD NOT BE ASKED FOR", r.Unasked},
		{"UNKNOWN: in the storage, and in no receipt", r.Unknown},
	} {
		r.list(&b, list.title, list.objects)
	}
	switch {
	case !r.Right:
		b.WriteString("\nNOT everything is right\n")
	case r.Asked == 0:
		b.WriteString("\nno receipt was asked for\n")
	default:
		b.WriteString("\neverything that was asked for is there\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func count[N int | int64](n N, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func (r Report) list(b *strings.Builder, title string, list Objects) {
	if list.Count == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s: %d\n", title, list.Count)
	told := list.Objects[:min(len(list.Objects), shown)]
	for _, o := range told {
		fmt.Fprintf(b, "  %s\n", o.Name)
		if len(r.Places) > 1 && o.Place < len(r.Places) {
			fmt.Fprintf(b, "    at %s\n", r.Places[o.Place].URL)
		}
		if o.Why != "" {
			fmt.Fprintf(b, "    %s\n", o.Why)
		}
	}
	if more := list.Count - len(told); more > 0 {
		fmt.Fprintf(b, "  and %d more; --json names the first 1,000\n", more)
	}
}
