package audit

import (
	"errors"
	"hash/maphash"
	"sync"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// place is a storage that receipts name.
type place struct {
	number int // in the report
	reader sink.Reader
	lister sink.Lister // nil where it lists nothing
	known  []uint64    // hashes of the keys that receipts name

	mu     sync.Mutex // guards what follows
	failed int        // objects in a row that could not be asked for
	why    error
}

// enough is after how many objects in a row that cannot be asked for no more
// are.
const enough = 20

// gaveUp returns why nothing more is asked of this place.
func (p *place) gaveUp() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reader == nil || p.failed >= enough {
		return p.why
	}
	return nil
}

func (p *place) note(failed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !failed {
		p.failed = 0
		return
	}
	p.failed++
	p.why = err
}

// place returns a receipt's. The goroutine that reads the ledger alone calls it.
func (a *auditor) place(r store.Receipt) *place {
	name := r.Sink + " " + r.URL
	if p := a.places[name]; p != nil {
		return p
	}
	p := &place{}
	p.number = a.saved.Report.place(r.Sink, r.URL)
	if p.reader, p.why = a.cfg.Open(r.Sink, r.URL); p.why != nil {
		p.why = &sink.Error{Kind: sink.Misdirected, Reading: true, URL: redact.URL(r.URL), Err: p.why}
		p.reader = nil
	} else if p.reader == nil {
		p.why = errors.New("there is no reader")
	}
	p.lister, _ = p.reader.(sink.Lister)
	a.places[name] = p
	return p
}

func (a *auditor) hash(key string) uint64 { return maphash.String(a.seed, key) }
