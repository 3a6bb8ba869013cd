package backoff

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"
)

var ladders = map[string]Policy{Network: network, HTTP: http, RateLimit: rateLimit}

func none() float64 { return 0 }

func TestLadderClimbs(t *testing.T) {
	t.Parallel()
	const s = time.Second
	type failure struct {
		kind   string
		server time.Duration
	}
	for _, tt := range []struct {
		name string
		in   []failure
		want []time.Duration
	}{
		{"network", []failure{{Network, 0}, {Network, 0}, {Network, 0}}, []time.Duration{s / 4, s / 2, 3 * s / 4}},
		{"http", []failure{{HTTP, 0}, {HTTP, 0}, {HTTP, 0}}, []time.Duration{5 * s, 10 * s, 20 * s}},
		{"rate limit", []failure{{RateLimit, 0}, {RateLimit, 0}}, []time.Duration{60 * s, 120 * s}},
		{"another kind starts anew", []failure{{HTTP, 0}, {HTTP, 0}, {Network, 0}, {HTTP, 0}}, []time.Duration{5 * s, 10 * s, s / 4, 5 * s}},
		{"the server asks for more", []failure{{HTTP, 30 * s}, {HTTP, 0}}, []time.Duration{30 * s, 10 * s}},
		{"the server asks for less", []failure{{RateLimit, s}}, []time.Duration{60 * s}},
		{"the server asks for a year", []failure{{RateLimit, math.MaxInt64}}, []time.Duration{time.Hour}},
		{"the server asks for the past", []failure{{RateLimit, -time.Hour}}, []time.Duration{60 * s}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := NewLadder(ladders, "x", none)
			var got []time.Duration
			for _, f := range tt.in {
				got = append(got, l.Next(f.kind, f.server, time.Now()).Wait)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("waits after %v = %v, want %v", tt.in, got, tt.want)
			}
		})
	}
}

func TestLadderGoesOnInTheNextProcess(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 23, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		change   func(s *State)
		later    time.Duration
		left     time.Duration
		nextStep int
	}{
		{"in the middle of the wait", func(*State) {}, 4 * time.Second, 6 * time.Second, 3},
		{"after the wait", func(*State) {}, time.Hour, 0, 3},
		{"the clock went back", func(*State) {}, -time.Hour, 10 * time.Second, 3},
		{"the clock went on a year", func(*State) {}, 8760 * time.Hour, 0, 3},
		{"other credentials", func(s *State) { s.For = "y" }, 0, 0, 1},
		{"a kind of another version", func(s *State) { s.Kind = "moon" }, 0, 0, 1},
		{"damaged: no step", func(s *State) { s.Step = 0 }, 0, 0, 1},
		{"damaged: a negative wait", func(s *State) { s.Wait = -1 }, 0, 0, 1},
		{"damaged: a wait of years", func(s *State) { s.Wait = math.MaxInt64 }, 0, time.Hour, 3},
		{"damaged: a step of billions", func(s *State) { s.Step = math.MaxInt32 }, 0, 10 * time.Second, math.MaxInt32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dead := NewLadder(ladders, "x", none)
			dead.Next(HTTP, 0, now)
			saved := dead.Next(HTTP, 0, now)
			tt.change(&saved)
			b, err := json.Marshal(saved)
			if err != nil {
				t.Fatal(err)
			}
			var read State
			if err := json.Unmarshal(b, &read); err != nil {
				t.Fatal(err)
			}
			l := NewLadder(ladders, "x", none)
			if got := l.Resume(read, now.Add(tt.later)); got != tt.left {
				t.Errorf("Resume(%s) %v later leaves %v, want %v", b, tt.later, got, tt.left)
			}
			if got := l.Next(HTTP, 0, now).Step; got != tt.nextStep {
				t.Errorf("next step after %s = %d, want %d", b, got, tt.nextStep)
			}
		})
	}
}

func TestLadderReset(t *testing.T) {
	t.Parallel()
	l := NewLadder(ladders, "x", none)
	l.Next(HTTP, 0, time.Now())
	if !l.Climbing() {
		t.Error("Climbing after a failure = false")
	}
	l.Reset()
	if l.Climbing() {
		t.Error("Climbing after Reset = true")
	}
	if got := l.Next(HTTP, 0, time.Now()).Wait; got != 5*time.Second {
		t.Errorf("wait after Reset = %v, want 5s", got)
	}
}
