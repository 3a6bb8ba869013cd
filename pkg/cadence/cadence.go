// Package cadence has the regular looks of a process fall together, and with
// those of other processes: what costs an idle one is not what it does but
// that it wakes up, for which the processor, the system and the runtime pay
// several times as much. So what a process does about once a second all its life
// is done at the whole multiples of a period, at the same moment as all else.
//
// It must not know what is looked at.
package cadence

import "time"

const (
	// Look is the period of what is promised once a second, a tenth early.
	Look = 900 * time.Millisecond
	// Status is that of what is promised every two seconds.
	Status = 2 * Look
)

// Left returns how long it is from now to the next whole multiple of every, or
// to the one behind it where that has all but come: a timer may be early. It
// is above zero and never more than 1 % above every, whatever the clock says.
func Left(now time.Time, every time.Duration) time.Duration {
	left := every - time.Duration(uint64(now.UnixNano())%uint64(every))
	if left < every/100 {
		left += every
	}
	return left
}
