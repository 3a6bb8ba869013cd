package coverage

import (
	"math"
	"time"
)

// measure computes the sums, of all and of each day.
func (r *Report) measure(jumped []interval) {
	open := r.open()
	all := interval{r.From, r.To}
	r.Seconds, r.CoveredSeconds = lengths(all, jumped, open)
	r.CoveredPercent = percent(r.CoveredSeconds, r.Seconds)
	for _, g := range r.Gaps {
		if g.Filled {
			r.FilledSeconds = round(r.FilledSeconds + g.Seconds)
		}
	}
	for day := r.From.Truncate(24 * time.Hour); day.Before(r.To); day = day.Add(24 * time.Hour) {
		part := interval{later(day, r.From), earlier(day.Add(24*time.Hour), r.To)}
		d := Day{Day: day.Format(time.DateOnly)}
		d.Seconds, d.CoveredSeconds = lengths(part, jumped, open)
		d.CoveredPercent = percent(d.CoveredSeconds, d.Seconds)
		begin := int(day.Sub(r.Minutes.From) / time.Minute)
		for i := max(0, begin); i < min(begin+24*60, len(r.Minutes.Messages)); i++ {
			d.Messages += r.Minutes.Messages[i]
			d.Bytes += r.Minutes.Bytes[i]
		}
		r.Days = append(r.Days, d)
	}
}

// open returns the gaps that were not filled, without their reasons.
func (r *Report) open() []interval {
	var open []Gap
	for _, g := range r.Gaps {
		if !g.Filled {
			open = append(open, g)
		}
	}
	return union(stretches(open))
}

// lengths returns how much of a time there was, and how much of it is covered.
func lengths(of interval, jumped, open []interval) (all, covered float64) {
	var total, missing time.Duration
	for _, part := range without(of, jumped) {
		total += part.length()
		for _, gap := range open {
			missing += part.common(gap).length()
		}
	}
	return seconds(total), seconds(total - missing)
}

// percent rounds down, so that 100 is said of what has no gap alone.
func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return math.Floor(part/whole*10_000) / 100
}

func round(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }
