package audit

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// books is the prefix of the keys below which the uploader keeps copies of
	// its books: they have no receipts.
	books = objectkey.Books + "/"
	// young is how long an object may be there without a receipt: it was put a
	// moment ago.
	young = 10 * time.Minute
)

// unknown are the objects of a place that no receipt names, as far as known.
type unknown struct {
	keys map[string]struct{}
	more int // beyond those
}

// listAll names what the storages have and no receipt does.
func (a *auditor) listAll() error {
	places := make([]*place, 0, len(a.places))
	for _, p := range a.places {
		if p.lister != nil {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, func(x, y *place) int { return cmp.Compare(x.number, y.number) })
	a.saved.Report.Unknown = Objects{Objects: []Object{}} // an interrupted one's are listed again
	for _, p := range places {
		found, err := a.list(p)
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		if err != nil {
			a.saved.Report.Places[p.number].Unlisted = redact.Text(err.Error())
			continue
		}
		a.saved.Report.Places[p.number].Listed = true
		if err := a.forget(p, found); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(found.keys)) {
			a.saved.Report.Unknown.add(Object{Name: redact.Text(key), Place: p.number})
		}
		a.saved.Report.Unknown.Count += found.more
	}
	return nil
}

// list tries until a place has been listed whole.
func (a *auditor) list(p *place) (found unknown, err error) {
	slices.Sort(p.known)
	w := newWorker(a)
	for try := 1; ; try++ {
		found = unknown{keys: map[string]struct{}{}}
		err = p.lister.List(a.ctx, "", func(f sink.Found) error {
			a.judge(p, f, &found)
			return a.ctx.Err()
		})
		if err == nil || a.ctx.Err() != nil || !sink.Again(err) || try >= a.cfg.Tries || !w.wait(try, err) {
			return found, err
		}
	}
}

// judge takes one object of a listing.
func (a *auditor) judge(p *place, f sink.Found, found *unknown) {
	if strings.HasPrefix(f.Key, books) || time.Since(f.Modified) < young {
		return
	}
	at, ok := a.cfg.Store.CapturedAt(path.Base(f.Key))
	if !ok {
		at = f.Modified
	}
	if !a.within(at) {
		return
	}
	if _, known := slices.BinarySearch(p.known, a.hash(f.Key)); known {
		return
	}
	if len(found.keys) < 4*maxObjects {
		found.keys[f.Key] = struct{}{}
		return
	}
	found.more++
}

// forget removes what has got its receipt since the ledger was read.
func (a *auditor) forget(p *place, found unknown) error {
	if len(found.keys) == 0 {
		return nil
	}
	return a.cfg.Store.LedgerLines(nil, func(line store.BookLine) {
		if r, ok := a.decode(line); ok && a.places[r.Sink+" "+r.URL] == p {
			delete(found.keys, r.ObjectKey())
		}
	})
}
