package process

import (
	"strings"
	"testing"
)

func TestStartTime(t *testing.T) {
	t.Parallel()
	tail := strings.Repeat(" 0", 18) + " 4711 0 0"
	for _, tt := range []struct {
		name, in, want string
		alive          bool
	}{
		{"plain", "7 (x) S" + tail, "4711", true},
		{"command like a stat line", "7 (a) Z 1) (b) R" + tail, "4711", true},
		{"not reaped", "7 (x) Z" + tail, "", false},
		{"cut short", "7 (x) S 1 2 3", "", false},
		{"empty", "", "", false},
	} {
		if got, alive := startTime(tt.in); got != tt.want || alive != tt.alive {
			t.Errorf("%s: startTime(%q) = %q, %v, want %q, %v", tt.name, tt.in, got, alive, tt.want, tt.alive)
		}
	}
}
