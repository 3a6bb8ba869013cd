package sink

import (
	"strings"
	"testing"
)

func TestValidKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"a":                                    true,
		"dt=2026-11-23/hour=14/x-000001.jsonl": true,
		"":                                     false,
		"/a":                                   false,
		"a/":                                   false,
		"a//b":                                 false,
		"../a":                                 false,
		"a/../b":                               false,
		"a/.hidden":                            false,
		"a b":                                  false,
		`a\b`:                                  false,
		"ä":                                    false,
		"a\x00":                                false,
		strings.Repeat("a", 201):               false,
		strings.Repeat("a/", 500) + "a":        false,
	} {
		if got := ValidKey(key); got != want {
			t.Errorf("ValidKey(%.40q) = %v, want %v", key, got, want)
		}
	}
}
