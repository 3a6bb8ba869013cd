package sandbox

import "time"

// pacer says how many messages are due at a rate.
type pacer struct {
	rate  float64 // a second; 0 or less: any number at any time
	start time.Time
	given float64
}

// due returns how many messages are due now, and if none, how long until one
// is. What a slow client has missed for longer than a second is not made up.
func (p *pacer) due(now time.Time) (n int, next time.Duration) {
	if p.rate <= 0 {
		return batchMessages, 0
	}
	target := now.Sub(p.start).Seconds() * p.rate
	if late := target - p.given - max(p.rate, 1); late > 0 {
		p.given += late
	}
	if n = int(target - p.given); n > 0 {
		return n, 0
	}
	next = time.Duration((p.given + 1 - target) / p.rate * float64(time.Second))
	return 0, max(next, time.Millisecond)
}
