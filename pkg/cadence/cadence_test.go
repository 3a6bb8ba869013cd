package cadence

import (
	"testing"
	"time"
)

func TestLeft(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) time.Time { return time.Unix(0, 0).Add(1000*Status + d) }
	for _, c := range []struct {
		now   time.Time
		every time.Duration
		want  time.Duration
	}{
		{at(0), Look, Look},
		{at(1), Look, Look - 1},
		{at(Look / 2), Look, Look / 2},
		{at(Look / 2), Status, Status - Look/2},
		{at(Look - time.Millisecond), Look, Look + time.Millisecond}, // a timer that came early
		{at(Look - 20*time.Millisecond), Look, 20 * time.Millisecond},
	} {
		if got := Left(c.now, c.every); got != c.want {
			t.Errorf("Left(%v, %v) = %v, want %v", c.now, c.every, got, c.want)
		}
	}
	for _, now := range []time.Time{{}, time.Unix(-1, -7), time.Unix(1<<40, 3)} {
		if got := Left(now, Status); got <= 0 || got > Status+Status/100 {
			t.Errorf("Left(%v) = %v", now, got)
		}
	}
}

// All that ticks falls together: a status with every other look.
func TestTogether(t *testing.T) {
	t.Parallel()
	for now := time.Unix(1_800_000_000, 0); now.Before(time.Unix(1_800_000_020, 0)); now = now.Add(77 * time.Millisecond) {
		look, status := Left(now, Look), Left(now, Status)
		if d := status - look; d%Look != 0 {
			t.Fatalf("at %v a look is due in %v, a status in %v", now, look, status)
		}
	}
}
