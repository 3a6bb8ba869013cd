package store

import (
	"context"
	"errors"
	"time"

	"github.com/storj/twitter-stream/pkg/process"
)

const (
	// ledgerRole is one that processes hold for the time of an append.
	ledgerRole = "ledger"
	// ledgerTells is how often a wait for it says whom it is for.
	ledgerTells = 30 * time.Second
)

// lock waits for the ledger's lock for as long as ctx lasts: a receipt that is
// proven has nowhere else to go.
func (l *Ledger) lock(ctx context.Context) (*Lock, error) {
	began := time.Now()
	told := began
	for {
		held, err := l.tryLock()
		if !errors.Is(err, errHeld) {
			return held, err
		}
		if now := time.Now(); now.Sub(told) >= ledgerTells {
			told = now
			l.cfg.Waiting(l.store.readHolder(lockName(ledgerRole)), now.Sub(began))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// tryLock takes the ledger's lock unless another has it (errHeld), and says so
// in its file, unless the last who had it was us.
func (l *Ledger) tryLock() (*Lock, error) {
	name := lockName(ledgerRole)
	held, err := l.store.tryLock(name)
	if errors.Is(err, errHeld) {
		return nil, err
	}
	if err != nil {
		return nil, l.store.trouble("lock", name, err)
	}
	if l.store.readHolder(name) == l.cfg.Self {
		return held, nil
	}
	if err := l.store.writeHolder(name, l.cfg.Self); err != nil {
		return nil, errors.Join(l.store.trouble("write", name, err), held.Close())
	}
	return held, nil
}

// self is what is written when the caller says nothing better.
func self() Holder {
	id := process.Self()
	return Holder{PID: id.PID, Started: id.Started, Exe: id.Exe}
}
