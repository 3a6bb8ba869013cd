package coverage

import (
	"slices"
	"time"
)

// interval is a time from one moment to before another.
type interval struct{ from, to time.Time }

func (i interval) length() time.Duration { return max(0, i.to.Sub(i.from)) }

// common is what two intervals share; its length is 0 when that is nothing.
func (i interval) common(other interval) interval {
	return interval{later(i.from, other.from), earlier(i.to, other.to)}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func stretches(gaps []Gap) []interval {
	all := make([]interval, len(gaps))
	for i, g := range gaps {
		all[i] = interval{g.From, g.To}
	}
	return all
}

// union returns the same times as intervals that do not touch, in order.
func union(all []interval) []interval {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b interval) int { return a.from.Compare(b.from) })
	var joined []interval
	for _, i := range all {
		if n := len(joined) - 1; n >= 0 && !i.from.After(joined[n].to) {
			joined[n].to = later(joined[n].to, i.to)
			continue
		}
		joined = append(joined, i)
	}
	return joined
}

// without returns what is left of an interval. taken is a union.
func without(of interval, taken []interval) (left []interval) {
	at := of.from
	first, _ := slices.BinarySearchFunc(taken, at, func(i interval, at time.Time) int { return i.to.Compare(at) })
	for _, i := range taken[first:] {
		if !i.from.Before(of.to) {
			break
		}
		if i.from.After(at) {
			left = append(left, interval{at, i.from})
		}
		at = later(at, i.to)
	}
	if of.to.After(at) {
		left = append(left, interval{at, of.to})
	}
	return left
}
