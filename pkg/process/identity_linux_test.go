package process

import (
	"strings"
	"testing"
)

func TestField(t *testing.T) {
	t.Parallel()
	tail := " 12" + strings.Repeat(" 0", 17) + " 4711 0 0"
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
		if got, alive := field(tt.in, started); got != tt.want || alive != tt.alive {
			t.Errorf("%s: field(%q, started) = %q, %v, want %q, %v", tt.name, tt.in, got, alive, tt.want, tt.alive)
		}
		if got, alive := field(tt.in, parent); alive != tt.alive || alive && got != "12" {
			t.Errorf("%s: field(%q, parent) = %q, %v, want 12, %v", tt.name, tt.in, got, alive, tt.alive)
		}
	}
}
