package store

import (
	"errors"
	"fmt"
	"io/fs"
)

// Damage is a line of a book that cannot be read.
type Damage struct {
	File string // below the store directory
	Line int    // from 1; 0 for the whole file
	Err  error
}

var errTorn = errors.New("a line without an end, in a month that is over")

// maxDamage bounds what CheckLedger returns, whatever became of the ledger.
const maxDamage = 100

// CheckLedger reads every month's file and reports receipts counted and what
// is damaged: at most a hundred lines, then one that says how many more. It
// takes no lock and accepts a last line still being written.
func (s *Store) CheckLedger() (receipts int, damage []Damage, err error) {
	return s.ledgerBook().check(func(text []byte) (bool, error) {
		_, err := decodeReceipt(text)
		return true, err
	})
}

// check reads the whole book and counts the lines that judge says count.
func (b *book) check(judge func(text []byte) (counts bool, err error)) (count int, damage []Damage, err error) {
	bad := 0
	err = b.all(func(line bookLine) {
		counts, err := false, line.err
		if err == nil {
			if line.torn && line.newest {
				return
			}
			counts, err = judge(line.text)
		}
		if err == nil && line.torn {
			err = errTorn
		}
		if err == nil {
			if counts {
				count++
			}
			return
		}
		if bad++; bad <= maxDamage {
			damage = append(damage, Damage{File: line.file, Line: line.number, Err: err})
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no book yet
	}
	if more := bad - maxDamage; more > 0 {
		damage = append(damage, Damage{File: b.dir, Err: fmt.Errorf("%d more lines cannot be read", more)})
	}
	return count, damage, err
}
