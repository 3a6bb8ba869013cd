package backoff

import (
	"math"
	"testing"
	"time"
)

var (
	network   = Policy{First: 250 * time.Millisecond, Max: 16 * time.Second, Linear: true}
	http      = Policy{First: 5 * time.Second, Max: 320 * time.Second}
	rateLimit = Policy{First: time.Minute, Max: 16 * time.Minute}
)

func TestPolicyWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   Policy
		step int
		want time.Duration
	}{
		{"none before the first failure", http, 0, 0},
		{"never negative", http, -5, 0},
		{"linear first", network, 1, 250 * time.Millisecond},
		{"linear third", network, 3, 750 * time.Millisecond},
		{"linear last", network, 64, 16 * time.Second},
		{"linear stays", network, 65, 16 * time.Second},
		{"linear does not overflow", network, math.MaxInt, 16 * time.Second},
		{"exponential first", http, 1, 5 * time.Second},
		{"exponential third", http, 3, 20 * time.Second},
		{"exponential seventh", http, 7, 320 * time.Second},
		{"exponential stays", http, 8, 320 * time.Second},
		{"exponential does not overflow", http, math.MaxInt, 320 * time.Second},
		{"rate limit fifth", rateLimit, 5, 16 * time.Minute},
		{"cap between two steps", Policy{First: 3 * time.Second, Max: 10 * time.Second}, 3, 10 * time.Second},
		{"first above max", Policy{First: time.Minute, Max: time.Second}, 1, time.Second},
		{"the longest of all", Policy{First: time.Second, Max: math.MaxInt64}, math.MaxInt, math.MaxInt64},
		{"nothing set ends", Policy{}, math.MaxInt, 0},
		{"no first ends", Policy{Max: time.Second}, math.MaxInt, time.Second},
		{"no first, linear", Policy{Max: time.Second, Linear: true}, math.MaxInt, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.in.Wait(tt.step); got != tt.want {
				t.Errorf("%+v.Wait(%d) = %v, want %v", tt.in, tt.step, got, tt.want)
			}
		})
	}
}

func TestJitterIsAtMostAFifth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		random float64
		want   time.Duration
	}{{0, 10 * time.Second}, {0.5, 11 * time.Second}, {math.Nextafter(1, 0), 12*time.Second - 1}} {
		if got := Jitter(10*time.Second, func() float64 { return tt.random }); got != tt.want {
			t.Errorf("Jitter(10s) with %v = %v, want %v", tt.random, got, tt.want)
		}
	}
}

func TestRemainingIsBoundedWhateverTheClockDoes(t *testing.T) {
	t.Parallel()
	written := time.Date(2026, 8, 23, 10, 0, 0, 0, time.UTC)
	state := State{Written: written, Wait: time.Minute}
	for _, tt := range []struct {
		name string
		now  time.Duration // after written
		want time.Duration
	}{
		{"at once", 0, time.Minute},
		{"in the middle", 20 * time.Second, 40 * time.Second},
		{"over", time.Minute, 0},
		{"a year later", 365 * 24 * time.Hour, 0},
		{"the clock went back an hour", -time.Hour, time.Minute},
		{"the clock went back a little", -time.Second, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := state.Remaining(written.Add(tt.now)); got != tt.want {
				t.Errorf("Remaining(%v later) = %v, want %v", tt.now, got, tt.want)
			}
		})
	}
	if got := (State{Wait: time.Minute}).Remaining(written); got != 0 {
		t.Errorf("Remaining of a State written in the year 1 = %v, want 0", got)
	}
}
