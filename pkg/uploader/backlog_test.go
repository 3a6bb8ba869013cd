package uploader

import (
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

// slowSpool takes its time to be looked through.
type slowSpool struct {
	*fakeSpool
	cost time.Duration
}

func (s slowSpool) Scan(limit int, skip func(string) bool) (store.Backlog, error) {
	time.Sleep(s.cost)
	return s.fakeSpool.Scan(limit, skip)
}

// A backlog of which a look brings only a part is shipped without a pause
// between the parts, however long a look takes.
func TestLargeBacklogIsShippedWithoutPauses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const looks, cost = 3, 10 * time.Second
		names := numberedWide(looks*pendingNames - 1)
		s, n := newSpool(names...), newNode(nil)
		cfg := config(n)
		cfg.Drain = true
		began := time.Now()
		if err := newUploader(cfg, slowSpool{s, cost}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); len(n.taken) != len(names) || took > (looks+2)*cost {
			t.Errorf("%d of %d files were shipped in %v, want all, in hardly more than the %v of %d looks", len(n.taken), len(names), took, looks*cost, looks)
		}
	})
}
