package exitcode

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

type coded int

func (c coded) Error() string { return "coded" }
func (c coded) ExitCode() int { return int(c) }

func TestOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   error
		want int
	}{
		{"nil", nil, Done},
		{"our own cancel", fmt.Errorf("run: %w", context.Canceled), Done},
		{"plain", errors.New("x"), Failed},
		{"coded", coded(Store), Store},
		{"wrapped", fmt.Errorf("a: %w", coded(Config)), Config},
		{"coded before cancelled", fmt.Errorf("a: %w", coded(Credentials)), Credentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Of(tt.in); got != tt.want {
				t.Errorf("Of(%v) = %d, want %d", tt.in, got, tt.want)
			}
		})
	}
}
