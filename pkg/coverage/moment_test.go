package coverage

import (
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-11-24":                "2026-11-24T00:00:00Z",
		"2026-11-24 13:00":          "2026-11-24T13:00:00Z",
		"2026-11-24 13:00:59":       "2026-11-24T13:00:59Z",
		"2026-11-24T13:00:00+01:00": "2026-11-24T12:00:00Z",
		"36h":                       "2026-11-24T00:00:00Z",
		"-90m":                      "2026-11-25T10:30:00Z",
		"7d":                        "2026-11-18T12:00:00Z",
		"-1d":                       "2026-11-24T12:00:00Z",
		"0s":                        "2026-11-25T12:00:00Z",
		"":                          "", "d": "", "--1h": "", "1.5d": "", "yesterday": "", "2026-13-01": "", "99999d": "", "1": "",
	} {
		at, err := Moment(text, now)
		got := ""
		if err == nil {
			got = at.UTC().Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("Moment(%q) = %s (%v), want %q", text, got, err, want)
		}
	}
}
