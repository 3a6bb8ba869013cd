// Package repeat keeps a loop quiet in trouble: an error is worth a line at
// once, then one every 30 seconds with a count, and one more when all is well
// again. Each kind of error counts for itself, so that two which take turns do
// not fill the disk.
//
// It writes nothing: callers ask it whether to.
package repeat

import "time"

// interval is how often the same trouble is said again.
const interval = 30 * time.Second

// maxKinds bounds what is remembered; further kinds count as one.
const maxKinds = 32

// Reporter decides which of many failures are said. The zero value is ready;
// it belongs to one goroutine.
type Reporter struct {
	Now func() time.Time // nil means time.Now; only its monotonic part counts

	kinds map[string]*kind
	since time.Time
	total int
}

// kind is one kind of trouble since the last recovery.
type kind struct {
	said  time.Time
	count int // since it was said
}

// Failed notes a failure of a kind (an error's text, or what all its texts
// have in common) and reports whether to say it now; count is how many of its
// kind there were since it was last said, this one included.
func (r *Reporter) Failed(name string) (say bool, count int) {
	now := r.now()
	if r.total == 0 {
		r.since, r.kinds = now, map[string]*kind{}
	}
	r.total++
	if len(r.kinds) >= maxKinds && r.kinds[name] == nil {
		name = "" // the common one
	}
	k := r.kinds[name]
	if k == nil {
		r.kinds[name] = &kind{said: now}
		return true, 1
	}
	k.count++
	if now.Sub(k.said) < interval {
		return false, k.count
	}
	count = k.count
	k.said, k.count = now, 0
	return true, count
}

// Recovered notes that all is well. say is true once after trouble; count is
// how many failures there were and lasted how long ago the first was.
func (r *Reporter) Recovered() (say bool, count int, lasted time.Duration) {
	if r.total == 0 {
		return false, 0, 0
	}
	count, lasted = r.total, r.now().Sub(r.since)
	r.total, r.kinds = 0, nil
	return true, count, lasted
}

func (r *Reporter) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}
