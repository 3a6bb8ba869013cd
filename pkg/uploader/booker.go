package uploader

import (
	"context"
	"errors"
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// bookRetry is how often a full disk is tried again.
	bookRetry = time.Second
	// gatherTime is how long a receipt waits for others to be booked with it.
	gatherTime = 10 * time.Millisecond
)

// booked is what the booker tells a lane.
type booked struct {
	t       *track
	size    int64
	old     bool  // the target had it before
	refused bool  // for good: the file is out of this lane's way
	err     error // about the file, which stays
	blocked bool  // the ledger's disk is full; t is nil
	free    bool  // it is not any more; t is nil
	fatal   error // the store failed; t is nil
}

// booker turns proofs into receipts and settles what becomes of the files:
// append, fsync, then, when all targets have it, unlink, in this order and in
// batches. It is the only one who removes files or sets them aside.
type booker struct {
	u      *Uploader
	ledger ledger
	in     chan outcome
	lanes  []*lane
}

func newBooker(u *Uploader, l ledger, lanes []*lane) *booker {
	return &booker{
		u: u, ledger: l, lanes: lanes,
		// As many as the plans let be proven and unbooked at once: a lane never
		// waits for the booker, who may wait for a lane.
		in: make(chan outcome, 8*u.cfg.Concurrency*len(lanes)),
	}
}

// run books until in is closed and then closes the lanes' news. When ctx ends,
// what could not be booked yet stays in the store, to be put again.
func (b *booker) run(ctx context.Context) {
	defer func() {
		for _, l := range b.lanes {
			close(l.news)
		}
	}()
	failed := false
	for first := range b.in {
		batch := b.gather(first)
		if failed {
			closeAll(batch)
			continue
		}
		if err := b.book(ctx, batch); err != nil {
			failed = true
			b.tellAll(booked{fatal: err})
		}
	}
	if failed {
		return
	}
	if err := b.u.spool.SyncRemovals(); err != nil {
		b.tellAll(booked{fatal: err})
	}
}

// tellAll tells every lane: each listens until its news are closed.
func (b *booker) tellAll(news booked) {
	for _, l := range b.lanes {
		l.news <- news
	}
}

// gather returns first and what else is proven: at once where that is much
// already, else after gatherTime. An append costs the same for one as for many.
func (b *booker) gather(first outcome) []outcome {
	batch, late := []outcome{first}, time.After(gatherTime)
	for {
		select {
		case more, ok := <-b.in:
			if !ok {
				return batch
			}
			batch = append(batch, more)
			continue
		default:
		}
		if len(batch) >= b.u.cfg.Concurrency { // a quarter of what plan.full lets be unbooked: the lanes go on meanwhile
			return batch
		}
		select {
		case more, ok := <-b.in:
			if !ok {
				return batch
			}
			batch = append(batch, more)
		case <-late:
			return batch
		}
	}
}

// book returns an error when the store failed, or ctx ended before the
// receipts were booked.
func (b *booker) book(ctx context.Context, batch []outcome) error {
	defer closeAll(batch)
	defer b.u.ledger.Idle()
	var receipts []store.Receipt
	for _, o := range batch {
		if !o.old && o.refused == nil {
			receipts = append(receipts, o.content.receipt(o.receipt, o.t.tries, b.u.cfg.Now()))
		}
	}
	if err := b.append(ctx, receipts); err != nil {
		return err
	}
	for _, o := range batch {
		b.u.ledger.Begin(diskLimit)
		news, err := b.settle(o)
		if err != nil {
			return err
		}
		news.t, news.size, news.old = o.t, o.content.size, o.old
		o.lane.news <- news
	}
	return nil
}

// append offers the receipts until they are on disk. Memory has them meanwhile.
func (b *booker) append(ctx context.Context, receipts []store.Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	blocked := false
	for {
		b.u.ledger.Begin(diskLimit)
		err := b.ledger.Append(ctx, receipts)
		var full *store.FullError
		if !errors.As(err, &full) {
			if blocked && err == nil {
				b.u.block(nil)
				b.tellAll(booked{free: true})
			}
			return err
		}
		b.u.block(err)
		if !blocked {
			b.tellAll(booked{blocked: true})
		}
		blocked = true
		select {
		case <-ctx.Done():
			return err
		case <-time.After(bookRetry):
		}
	}
}

func closeAll(batch []outcome) {
	for _, o := range batch {
		if o.entry != nil {
			_ = o.entry.Close() // only read
		}
	}
}
