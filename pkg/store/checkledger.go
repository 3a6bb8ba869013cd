package store

import (
	"errors"
	"fmt"
	"io/fs"
)

// Damage is a line of the ledger that cannot be read.
type Damage struct {
	File string // below the store directory
	Line int    // from 1; 0 for the whole file
	Err  error
}

// maxDamage bounds what CheckLedger returns, whatever became of the ledger.
const maxDamage = 100

// CheckLedger reads every month's file and reports receipts counted and what
// is damaged: at most a hundred lines, then one that says how many more. It
// takes no lock and accepts a last line still being written.
func (s *Store) CheckLedger() (receipts int, damage []Damage, err error) {
	bad := 0
	err = s.ledgerBook().all(func(line bookLine) {
		err := line.err
		if err == nil {
			if line.torn && line.newest {
				return
			}
			_, err = decodeReceipt(line.text)
		}
		if err == nil && line.torn {
			err = errors.New("a line without an end, in a month that is over")
		}
		if err == nil {
			receipts++
			return
		}
		if bad++; bad <= maxDamage {
			damage = append(damage, Damage{File: line.file, Line: line.number, Err: err})
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no ledger yet
	}
	if more := bad - maxDamage; more > 0 {
		damage = append(damage, Damage{File: ledgerDir, Err: fmt.Errorf("%d more lines cannot be read", more)})
	}
	return receipts, damage, err
}
