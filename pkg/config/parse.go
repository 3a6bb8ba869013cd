package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field joins a parser with the place its result goes to.
func field[T any](of func(*Config) *T, parse func(string) (T, error)) func(*Config, string) error {
	return func(c *Config, value string) error {
		parsed, err := parse(value)
		if err != nil {
			return err
		}
		*of(c) = parsed
		return nil
	}
}

// filePath is the parser of paths: relative ones start at config.ini's directory.
func filePath(of func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		switch {
		case value == "":
			return errors.New("a path")
		case value == "~" || strings.HasPrefix(value, "~/"):
			return errors.New("a path; ~ is not expanded, write it out")
		case !filepath.IsAbs(value):
			value = filepath.Join(c.Dir, value)
		}
		*of(c) = filepath.Clean(value)
		return nil
	}
}

// optionalPath is filePath, or empty.
func optionalPath(of func(*Config) *string) func(*Config, string) error {
	set := filePath(of)
	return func(c *Config, value string) error {
		if value == "" {
			return nil
		}
		return set(c, value)
	}
}

func anything(value string) (string, error) { return value, nil }

func boolean(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "1", "true", "yes", "on":
		return true, nil
	case "0", "false", "no", "off":
		return false, nil
	}
	return false, errors.New("1, true, yes, on, or 0, false, no, off")
}

func number(lowest, highest int) func(string) (int, error) {
	return func(value string) (int, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < lowest || n > highest {
			return 0, fmt.Errorf("a whole number from %d to %d", lowest, highest)
		}
		return n, nil
	}
}

var moneyForm = regexp.MustCompile(`^([0-9]{1,9})(?:\.([0-9]{1,9}))?$`)

// money takes an amount in any unit and returns its billionths: prices are
// fractions that a float would not hold exactly.
func money(value string) (int64, error) {
	m := moneyForm.FindStringSubmatch(value)
	if m == nil {
		return 0, errors.New("an amount of money such as 0.005 or 100, without a unit, or 0 for none")
	}
	return strconv.ParseInt(m[1]+(m[2] + "000000000")[:9], 10, 64)
}

func kibibytes(value string) (int64, error) {
	n, err := number(1, int(gib/kib))(value)
	if err != nil {
		return 0, fmt.Errorf("%w, in KiB", err)
	}
	return int64(n) * kib, nil
}

var sizeForm = regexp.MustCompile(`^([0-9]+) ?(?i:(kib|mib|gib)?)$`)

func size(lowest, highest int64) func(string) (int64, error) {
	return func(value string) (int64, error) {
		if m := sizeForm.FindStringSubmatch(value); m != nil {
			unit := map[string]int64{"": 1, "kib": kib, "mib": mib, "gib": gib}[strings.ToLower(m[2])]
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err == nil && n <= math.MaxInt64/unit && n*unit >= lowest && n*unit <= highest {
				return n * unit, nil
			}
		}
		allowed := "a size in bytes, or in KiB, MiB or GiB such as 64MiB"
		if lowest > 0 {
			allowed += fmt.Sprintf(", from %s to %s", inUnits(lowest), inUnits(highest))
		}
		return 0, errors.New(allowed)
	}
}

func inUnits(n int64) string {
	switch {
	case n%gib == 0:
		return fmt.Sprintf("%dGiB", n/gib)
	case n%mib == 0:
		return fmt.Sprintf("%dMiB", n/mib)
	}
	return fmt.Sprintf("%dKiB", n/kib)
}

// smallSize is a size that fits an int on 32-bit machines too.
func smallSize(lowest, highest int64) func(string) (int, error) {
	return func(value string) (int, error) {
		n, err := size(lowest, highest)(value)
		return int(n), err
	}
}

func duration(lowest time.Duration) func(string) (time.Duration, error) {
	return func(value string) (time.Duration, error) {
		d, err := time.ParseDuration(value)
		switch {
		case err == nil && d >= lowest:
			return d, nil
		case lowest == 0:
			return 0, errors.New("a duration such as 90s, 15m or 1h30m, or 0")
		}
		return 0, fmt.Errorf("a duration such as 90s, 15m or 1h30m, at least %v", lowest)
	}
}

func span(value string) (Span, error) {
	first, last, _ := strings.Cut(value, "-")
	from, err1 := duration(time.Millisecond)(strings.TrimSpace(first))
	to, err2 := duration(time.Millisecond)(strings.TrimSpace(last))
	if err1 != nil || err2 != nil || from > to {
		return Span{}, errors.New("the first and the longest wait, such as 250ms-16s")
	}
	return Span{from, to}, nil
}

// compression takes a method and, behind a colon, its level.
func compression(value string) (Compression, error) {
	method, text, levelled := strings.Cut(strings.ToLower(value), ":")
	highest := map[string]int{none: 0, "gzip": 9, "zstd": 22}
	top, ok := highest[method]
	level := 0
	if levelled {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > top {
			ok = false
		}
		level = n
	}
	if !ok {
		return Compression{}, errors.New("none, gzip or zstd; with a level behind a colon if wanted: gzip:1 to gzip:9, zstd:1 to zstd:22")
	}
	return Compression{Method: method, Level: level}, nil
}

func oneOf(allowed ...string) func(string) (string, error) {
	return func(value string) (string, error) {
		i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, value) })
		if i < 0 {
			return "", errors.New("one of " + strings.Join(allowed, ", "))
		}
		return allowed[i], nil
	}
}

// form refuses what url.ParseQuery would drop silently, and what would be
// signed otherwise than sent.
func form(value string) (url.Values, error) {
	values, err := url.ParseQuery(value)
	if err != nil {
		return nil, errors.New("name=value pairs joined by &, with %XX for what is special in a URL")
	}
	return values, nil
}

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$`)

func prefix(value string) (string, error) {
	if !prefixForm.MatchString(value) {
		return "", errors.New("1 to 64 letters, digits, dots, underscores or hyphens, not beginning with a dot")
	}
	return value, nil
}

func bareName(value string) (string, error) {
	if value == "" || value[0] == '.' || strings.ContainsAny(value, `/\`) || len(value) > 200 {
		return "", errors.New("a bare file name, not beginning with a dot, without / and \\, at most 200 bytes")
	}
	return value, nil
}
