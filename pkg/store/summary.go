package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// summaryName keeps how far the ledger was looked through.
const summaryName = "ledger.summary.json"

// summary is what the ledger holds, file by file, as far as it was looked
// through: what stands there does not change any more.
type summary struct {
	Files map[string]fileSummary `json:"files"` // by name in ledger/
}

type fileSummary struct {
	Bytes   int64         `json:"bytes"` // whole lines
	Lines   int           `json:"lines"`
	Damaged []damagedLine `json:"damaged,omitempty"`
	More    int           `json:"more,omitempty"` // beyond those
}

type damagedLine struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// LedgerSummary reports as CheckLedger does, but reads only what has come since
// SumUpLedger. So it costs no more in a long ledger than in a short one, and
// damage of what was looked through before is for CheckLedger to find.
func (s *Store) LedgerSummary() (receipts int, damage []Damage, err error) {
	_, receipts, damage, err = s.sumUp(context.Background())
	return receipts, damage, err
}

// SumUpLedger brings up to date what LedgerSummary begins with. It is for the
// process that holds RoleUploader. The first time it reads the whole ledger;
// when ctx ends it keeps what it has read so far and returns ctx's error.
func (s *Store) SumUpLedger(ctx context.Context) error {
	sum, _, _, err := s.sumUp(ctx)
	if err != nil {
		return err
	}
	data, err := json.Marshal(sum)
	if err != nil {
		return err
	}
	return errors.Join(s.WriteState(summaryName, append(data, '\n'), false), ctx.Err())
}

func (s *Store) sumUp(ctx context.Context) (sum summary, receipts int, damage []Damage, err error) {
	before := s.readSummary()
	b := s.ledgerBook()
	paths, err := b.files()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sum, 0, nil, err
	}
	sum.Files = map[string]fileSummary{}
	more := 0
	for i, path := range paths {
		name := path[len(b.dir)+1:]
		found, loose := b.sumUp(ctx, path, before.Files[name], i == len(paths)-1)
		sum.Files[name] = found
		receipts += found.Lines - len(found.Damaged) - found.More
		more += found.More
		for _, d := range append(found.Damaged, loose...) {
			damage = append(damage, Damage{File: path, Line: d.Line, Err: errors.New(d.Error)})
		}
	}
	if more > 0 {
		damage = append(damage, Damage{File: b.dir, Err: fmt.Errorf("%d more lines cannot be read", more)})
	}
	return sum, receipts, damage, nil
}

// readSummary returns an empty one where there is none or it is damaged: then all
// is read again.
func (s *Store) readSummary() (sum summary) {
	data, err := s.ReadState(summaryName)
	if err != nil || json.Unmarshal(data, &sum) != nil {
		return summary{}
	}
	return sum
}

// sumUp goes on behind what was looked through. A file that is shorter than that,
// or does not end a line there, is another one. What is wrong and may be right at
// the next look, as a last line that is still being written, comes back loose.
func (b *book) sumUp(ctx context.Context, path string, sum fileSummary, newest bool) (_ fileSummary, loose []damagedLine) {
	f, err := b.open(path, os.O_RDONLY)
	if err != nil {
		return fileSummary{}, []damagedLine{{0, err.Error()}}
	}
	defer f.Close() //nolint:errcheck // only read
	if sum.Bytes > 0 {
		last := []byte{0}
		if _, err := f.ReadAt(last, sum.Bytes-1); err != nil || last[0] != '\n' {
			sum = fileSummary{}
		}
	}
	from := sum.Bytes
	in := bufio.NewReaderSize(io.NewSectionReader(f, from, math.MaxInt64-from), maxLine+1)
	eachLine(in, bookLine{file: path, number: sum.Lines, newest: newest}, func(line bookLine) {
		switch {
		case ctx.Err() != nil:
		case line.err != nil:
			loose = append(loose, damagedLine{line.number, line.err.Error()})
		case line.torn && newest:
		case line.torn:
			loose = append(loose, damagedLine{line.number, errTorn.Error()})
		default:
			sum.Bytes, sum.Lines = from+line.end, line.number
			sum.judge(line)
		}
	})
	return sum, loose
}

func (sum *fileSummary) judge(line bookLine) {
	_, err := decodeReceipt(line.text)
	switch {
	case err == nil:
	case len(sum.Damaged) < maxDamage:
		sum.Damaged = append(sum.Damaged, damagedLine{line.number, err.Error()})
	default:
		sum.More++
	}
}
