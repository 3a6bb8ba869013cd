package grabber

import "time"

// rates are what the status says of speed: messages for a person who looks
// now, bytes for who wants to know where it goes.
type rates struct{ messages, bytes rate }

// rate is a number's growth a second over the last looks.
type rate struct {
	looks []look // a ring once it is full
	next  int    // slot of the next look in a full ring
}

type look struct {
	at    time.Time
	value uint64
}

// add notes a value and returns the growth a second since the oldest look that
// is among the last so many.
func (r *rate) add(value uint64, now time.Time, many int) float64 {
	at := look{now, value}
	oldest := at
	switch {
	case len(r.looks) >= many:
		oldest = r.looks[r.next]
		r.looks[r.next] = at
		r.next = (r.next + 1) % many
	case len(r.looks) > 0:
		oldest = r.looks[0]
		fallthrough
	default:
		r.looks = append(r.looks, at)
	}
	elapsed := now.Sub(oldest.at).Seconds()
	if elapsed <= 0 {
		return 0
	}
	return float64(value-oldest.value) / elapsed
}
