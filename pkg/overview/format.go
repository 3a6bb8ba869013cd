package overview

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// seconds is the way back from the view's durations.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// span prints a duration in the two units that matter.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// size prints bytes.
func size(n float64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if n < 1024 {
			return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0") + " " + unit
		}
		n /= 1024
	}
	return fmt.Sprintf("%.1f TiB", n)
}

// number prints a count with its thousands apart.
func number[N int | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// money prints an amount in whatever unit it is.
func money(a float64) string {
	if a >= 1 {
		return strconv.FormatFloat(a, 'f', 2, 64)
	}
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(a, 'f', 6, 64), "0"), ".")
}

// plural prints a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// ascii escapes what a pipe or a mail may not take.
func ascii(s string) string { return unquote(strconv.QuoteToASCII(s)) }

// printable escapes what would move a terminal's cursor.
func printable(s string) string { return unquote(strconv.Quote(s)) }

func unquote(s string) string {
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
}

// wrap breaks a text at blanks, or within words that are too long, into lines
// of at most width.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		runes := []rune(word)
		for len(runes) > width {
			lines, runes = append(lines, string(runes[:width])), runes[width:]
		}
		line = string(runes)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
