package rebuild

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"path"
	"slices"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	maxLine = 64 << 10 // bytes, as in the books
	// lines of the captured book are written by so many bytes.
	chunk = 256 << 10
	// maxWindow bounds the memory that a compressed copy may ask for, in bytes.
	maxWindow = 32 << 20
)

// copies takes all of them.
func (r *rebuilder) copies() error {
	b, err := r.newCapturedBook()
	if err != nil {
		return err
	}
	defer b.abandon()
	for _, c := range r.cfg.Copies {
		r.cfg.Progress("reading " + c.Name)
		if err := r.copy(c, b); err != nil {
			return err
		}
	}
	if err := b.end(); err != nil {
		return err
	}
	return r.write()
}

// copy reads one. What cannot be read of it is in the report.
func (r *rebuilder) copy(c Copy, b *capturedBook) error {
	err := whole(r.ctx, c)
	var altered *unsound
	if errors.As(err, &altered) {
		r.unsound = append(r.unsound, c)
	}
	if err != nil {
		return r.instead(c, b, err)
	}
	err = r.take(c, b, r.line)
	var cannot *unreadable
	if errors.As(err, &cannot) {
		return r.instead(c, b, cannot.err)
	}
	return err
}

// take gives each line of a copy to one. *unreadable: it ended too early.
func (r *rebuilder) take(c Copy, b *capturedBook, one func(text []byte, b *capturedBook) (good bool, err error)) error {
	plain, _, end, err := c.plain(r.ctx)
	if err != nil {
		return &unreadable{err}
	}
	defer end()
	if err := b.month(c.Month); err != nil {
		return err
	}
	damaged, first := 0, true
	err = eachLine(plain, func(line []byte) error {
		if first {
			first = false
			r.begins(c, line)
		}
		good, err := one(line, b)
		if !good {
			damaged++
		}
		if err == nil {
			err = r.ctx.Err()
		}
		return err
	})
	if damaged > 0 {
		r.report.failed(c.Name, fmt.Errorf("%d lines are damaged", damaged))
	}
	return err
}

// begins notes how a copy begins: not all as the first one, and two stores may
// have one name.
func (r *rebuilder) begins(c Copy, line []byte) {
	file, sum := bookName.FindString(path.Base(c.Name)), maphash.Bytes(r.seed, line)
	before, known := r.starts[file]
	if !known {
		r.starts[file] = sum
	} else if before != sum && !slices.Contains(r.report.Differing, file) {
		r.report.Differing = append(r.report.Differing, file)
	}
}

// instead says why a copy cannot be read, and reads the one before it.
func (r *rebuilder) instead(c Copy, b *capturedBook, why error) error {
	r.report.failed(c.Name, why)
	if c.Before == nil || r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	return r.copy(*c.Before, b)
}

// line takes one, of either book; good is false if it is of neither.
func (r *rebuilder) line(text []byte, b *capturedBook) (good bool, err error) {
	if receipt, err := store.DecodeReceipt(text); err == nil {
		before := r.report.Made
		receipt, err := r.place(receipt)
		if err == nil {
			err = r.add(receipt)
		}
		if made := r.report.Made - before; made > 0 {
			r.report.Copied += made
			r.elsewhere(receipt)
		}
		return true, err
	}
	if _, err := coverage.Decode(text); err != nil {
		return false, nil
	}
	sum := maphash.Bytes(r.seed, text)
	if _, there := r.lines[sum]; there {
		return true, nil
	}
	r.lines[sum] = struct{}{}
	r.learnFile(text)
	r.report.Captured++
	return true, b.add(text)
}

// unreadable is a copy that ends too early.
type unreadable struct{ err error }

func (u *unreadable) Error() string { return u.err.Error() }

// eachLine calls each with whole lines; a last one without an end was being
// written when it was copied. One that is too long is nil.
func eachLine(from io.Reader, each func(line []byte) error) error {
	buf := bufio.NewReaderSize(from, maxLine+1)
	for {
		line, err := buf.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			line, err = buf.ReadSlice('\n')
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return &unreadable{err}
		case long:
			line = nil
		}
		if err := each(bytes.TrimSuffix(line, []byte{'\n'})); err != nil {
			return err
		}
	}
}

// capturedBook makes the captured book again: a month that is not there in a file
// of its own, what else is missing behind what there is.
type capturedBook struct {
	r     *rebuilder
	there map[string]bool // months
	at    string          // the month whose file is being made; "" none
	file  *store.RestoredMonth
	lines []byte
}

func (r *rebuilder) newCapturedBook() (*capturedBook, error) {
	months, err := r.cfg.Store.CapturedMonths()
	return &capturedBook{r: r, there: months}, err
}

// month begins what belongs to a month.
func (b *capturedBook) month(month string) error {
	if month == b.at {
		return nil
	}
	if err := b.end(); err != nil {
		return err
	}
	if month != "" && !b.there[month] {
		b.at = month
	}
	return nil
}

func (b *capturedBook) add(line []byte) error {
	b.lines = append(append(b.lines, line...), '\n')
	if len(b.lines) < chunk {
		return nil
	}
	return b.flush()
}

func (b *capturedBook) flush() error {
	lines := b.lines
	b.lines = b.lines[:0]
	if b.r.cfg.DryRun || len(lines) == 0 {
		return nil
	}
	if b.at == "" {
		return b.r.cfg.Store.CapturedBook().Append(lines)
	}
	if b.file == nil {
		file, err := b.r.cfg.Store.RestoreMonth(b.at)
		if err != nil {
			return err
		}
		b.file = file
	}
	return b.file.Add(lines)
}

// end gives the month's file its name.
func (b *capturedBook) end() error {
	err := b.flush()
	if err == nil && b.file != nil {
		err = b.file.Commit()
		b.there[b.at] = true
		b.file = nil
	}
	b.at = ""
	return err
}

// abandon is for what an error has left.
func (b *capturedBook) abandon() {
	if b.file != nil {
		b.file.Abandon()
	}
}
