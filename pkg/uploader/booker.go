package uploader

import (
	"context"
	"errors"
	"time"

	"github.com/storj/twitter-stream/pkg/store"
)

// bookRetry is how often a full disk is tried again.
const bookRetry = time.Second

// booked is what the booker tells the loop.
type booked struct {
	t       *track
	size    int64
	err     error // about the file, which stays
	blocked error // the ledger's disk is full; t is nil
	free    bool  // it is not any more; t is nil
	fatal   error // the store failed; t is nil
}

// booker turns proofs into receipts and then removes the files: append, fsync,
// unlink, in this order and in batches.
type booker struct {
	u      *Uploader
	ledger ledger
	in     chan outcome
	out    chan booked
}

func newBooker(u *Uploader, l ledger) *booker {
	return &booker{
		u: u, ledger: l,
		// As many as the plan lets be proven and unbooked at once: the loop
		// never waits for the booker, who may wait for the loop.
		in:  make(chan outcome, 8*u.cfg.Concurrency),
		out: make(chan booked),
	}
}

// run books until in is closed and then closes out. When ctx ends, what could
// not be booked yet stays in the store, to be put again.
func (b *booker) run(ctx context.Context) {
	defer close(b.out)
	failed := false
	for first := range b.in {
		batch := b.gather(first)
		if failed {
			closeAll(batch)
			continue
		}
		if err := b.book(ctx, batch); err != nil {
			failed = true
			b.out <- booked{fatal: err}
		}
	}
	if failed {
		return
	}
	if err := b.u.spool.SyncRemovals(); err != nil {
		b.out <- booked{fatal: err}
	}
}

func (b *booker) gather(first outcome) []outcome {
	batch := []outcome{first}
	for {
		select {
		case more, ok := <-b.in:
			if !ok {
				return batch
			}
			batch = append(batch, more)
		default:
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
		if !o.old {
			receipts = append(receipts, o.content.receipt(o.receipt, o.t.tries, b.u.cfg.Now()))
		}
	}
	if err := b.append(ctx, receipts); err != nil {
		return err
	}
	for _, o := range batch {
		b.u.ledger.Begin(diskLimit)
		if err := b.remove(o); err != nil {
			return err
		}
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
				b.out <- booked{free: true}
			}
			return err
		}
		blocked = true
		b.out <- booked{blocked: err}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(bookRetry):
		}
	}
}

// remove unlinks a file whose receipt is booked.
func (b *booker) remove(o outcome) error {
	_ = o.entry.Close() // only read; some systems remove no open file
	err := o.entry.remove()
	var failed *store.Error
	if errors.As(err, &failed) {
		return err
	}
	if err != nil && !o.old {
		b.u.old.add(o.content.receipt(o.receipt, o.t.tries, b.u.cfg.Now()))
	}
	b.out <- booked{t: o.t, size: o.content.size, err: err}
	return nil
}

func closeAll(batch []outcome) {
	for _, o := range batch {
		_ = o.entry.Close() // only read
	}
}
