package overview

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// recentReceipts and recentTime bound what counts as the last minutes.
	recentReceipts = 1024
	recentTime     = 5 * time.Minute
	// patience is how old a waiting file must be for the backlog to grow: up
	// to here it is only on its way.
	patience = time.Minute
	// noise is how much more must be captured than uploaded, as a share, for
	// the backlog to grow: both rates are estimates.
	noise = 0.05
	// aheadLimit is how far a name may be ahead of the clock.
	aheadLimit = time.Hour
)

// readBacklog looks at what waits. ahead is the name most ahead of the clock
// among those found, if it is more than an hour.
func (r *Reader) readBacklog(v *View, now time.Time) (ahead string, err error) {
	oldest, limit := time.Time{}, now.Add(aheadLimit)
	// All names are passed over but those ahead of the clock, so that the one
	// name asked for is one of them, and memory stays flat.
	passed := func(name string) bool {
		at, ok := r.spool.CapturedAt(name)
		if ok && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
		return !ok || !at.After(limit)
	}
	backlog, err := r.spool.Scan(1, passed)
	if err != nil {
		return "", err
	}
	v.Backlog.Files, v.Backlog.Bytes = backlog.Count, backlog.Bytes
	if !oldest.IsZero() {
		v.Backlog.Oldest, v.Backlog.OldestAge = oldest.UTC(), age(oldest, now)
	}
	if len(backlog.Names) > 0 {
		ahead = backlog.Names[0]
	}
	receipts, err := r.spool.Recent(recentReceipts, store.ByWatch)
	if err != nil {
		return "", err
	}
	for _, receipt := range receipts {
		if at, ok := r.spool.CapturedAt(receipt.Name); ok && at.After(limit) && receipt.Name > ahead {
			ahead = receipt.Name
		}
	}
	v.Backlog.UploadedPerS = leavingPerS(v, receipts, now)
	r.grows(v)
	return ahead, nil
}

// leavingPerS is the rate at which files leave the store: that of the slowest
// place, where they go to several.
func leavingPerS(v *View, receipts []store.Receipt, now time.Time) float64 {
	if v.Uploader.Status == nil || len(v.Uploader.Status.Targets) == 0 {
		return uploadedPerS(receipts, len(receipts) < recentReceipts, now)
	}
	slowest := math.Inf(1)
	for _, target := range v.Uploader.Status.Targets {
		others := func(r store.Receipt) bool { return r.Sink != target.Sink || r.URL != target.URL }
		its := slices.DeleteFunc(slices.Clone(receipts), others)
		slowest = min(slowest, uploadedPerS(its, len(its) == 0 || len(receipts) < recentReceipts, now))
	}
	return slowest
}

// uploadedPerS is the rate of the receipts' sizes over the last minutes, or
// over as far back as they reach.
// complete says that there are no older ones.
func uploadedPerS(receipts []store.Receipt, complete bool, now time.Time) float64 {
	from := now.Add(-recentTime)
	var sum int64
	for _, receipt := range receipts {
		if receipt.Time.Before(from) {
			complete = true // they reach further back
			continue
		}
		sum += receipt.Size
	}
	took := recentTime
	if !complete {
		took = max(now.Sub(receipts[0].Time), time.Second)
	}
	return float64(sum) / took.Seconds()
}

// grows decides whether the backlog does: what is captured is from the
// grabber's own count over the last minutes.
func (r *Reader) grows(v *View) {
	b := &v.Backlog
	if g := v.Grabber; g.Status != nil && g.current(g.Status.PID) {
		b.CapturedPerS = g.Status.BytesPerS
	}
	surplus := b.CapturedPerS - b.UploadedPerS
	b.Growing = b.Files > 0 && b.OldestAge > patience.Seconds() && surplus > noise*b.CapturedPerS
}

// forecast says when there will be no room at this rate.
func (r *Reader) forecast(v *View) {
	free, err := r.spool.Free()
	if err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			v.Problems = append(v.Problems, "the free disk space is unknown: "+err.Error())
		}
	} else {
		v.Disk.Known, v.Disk.Free = true, free
	}
	if !v.Backlog.Growing {
		return
	}
	surplus := v.Backlog.CapturedPerS - v.Backlog.UploadedPerS
	var rooms []int64
	if v.Disk.Known {
		rooms = append(rooms, free-r.limits.MinFree)
	}
	if r.limits.MaxStore > 0 {
		rooms = append(rooms, r.limits.MaxStore-v.Backlog.Bytes)
	}
	for _, room := range rooms {
		seconds := max(1, float64(room)/surplus)
		if v.Disk.FullIn == 0 || seconds < v.Disk.FullIn {
			v.Disk.FullIn = seconds
		}
	}
}
