package coverage

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Moment reads a time as a person gives it: RFC 3339; a date, or a date and a
// time of day, both UTC; or how long before now, such as 36h or 7d.
func Moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	ago := strings.TrimPrefix(text, "-")
	if days, err := strconv.ParseUint(strings.TrimSuffix(ago, "d"), 10, 16); err == nil && strings.HasSuffix(ago, "d") {
		return now.Add(-time.Duration(days) * 24 * time.Hour), nil
	}
	if d, err := time.ParseDuration(ago); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, errors.New("no time: give 2026-11-24, 2026-11-24 13:00, 2026-11-24T13:00:00Z, 36h or 7d")
}
