package rebuild

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/store"
)

// newest leaves the last of the daily copies of each file, with those before it
// behind it. Books only grow: where one was shorter than the day before, or
// begins otherwise, the ledger had been lost, or two stores have one name, and
// the copy before that is a last one, too.
func newest(ctx context.Context, copies []Copy) (last []Copy) {
	var dated []Copy
	for _, c := range copies {
		if _, ok := objectkey.ParseBook(c.Name); ok {
			c.begins = begins(ctx, c)
			dated = append(dated, c)
		} else {
			last = append(last, c)
		}
	}
	byFile := func(a, b Copy) int { return strings.Compare(book(a).File, book(b).File) }
	slices.SortFunc(dated, func(a, b Copy) int { return cmp.Or(byFile(a, b), older(a, b)) })
	guess(dated)
	slices.SortStableFunc(dated, func(a, b Copy) int { return cmp.Or(byFile(a, b), strings.Compare(a.begins, b.begins)) })
	var ends []Copy
	for i := range dated {
		grows := i+1 < len(dated) && dated[i+1].begins == dated[i].begins &&
			book(dated[i+1]).File == book(dated[i]).File && book(dated[i+1]).Size >= book(dated[i]).Size
		if grows {
			dated[i+1].Before = &dated[i]
		} else {
			ends = append(ends, dated[i])
		}
	}
	slices.SortStableFunc(ends, func(a, b Copy) int { return cmp.Or(byFile(a, b), older(a, b)) })
	return append(last, ends...)
}

func book(c Copy) objectkey.Book {
	b, _ := objectkey.ParseBook(c.Name)
	return b
}

func older(a, b Copy) int {
	return cmp.Or(book(a).Day.Compare(book(b).Day), cmp.Compare(book(a).Size, book(b).Size))
}

// guess puts copies whose beginning cannot be read behind the one before them,
// or before the one behind.
func guess(copies []Copy) {
	near := func(i, j int) {
		if copies[i].begins == "" && book(copies[i]).File == book(copies[j]).File {
			copies[i].begins = copies[j].begins
		}
	}
	for i := 1; i < len(copies); i++ {
		near(i, i-1)
	}
	for i := len(copies) - 2; i >= 0; i-- {
		near(i, i+1)
	}
}

// begins is the first line of a copy, "" if that is none of a book's.
func begins(ctx context.Context, c Copy) (first string) {
	plain, _, end, err := c.plain(ctx)
	if err != nil {
		return ""
	}
	defer end()
	_ = eachLine(plain, func(line []byte) error { // reading all of it says what is wrong
		if isBook(line) {
			first = string(line)
		}
		return io.EOF
	})
	return first
}

func isBook(line []byte) bool {
	_, err := store.DecodeReceipt(line)
	if err != nil {
		_, err = coverage.Decode(line)
	}
	return err == nil
}
