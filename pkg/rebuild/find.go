package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/dirfs"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// bookName is what the names of copies begin with: the name of the book's file.
var bookName = regexp.MustCompile(`^(captured-)?([0-9]{4}-[0-9]{2})\.(jsonl|ndjson)`)

// SeveralError says that there are copies of several stores: a person says which
// is meant.
type SeveralError struct {
	Where  string
	Stores []string
}

func (e *SeveralError) Error() string {
	shown := e.Stores[:min(len(e.Stores), 20)]
	return fmt.Sprintf("%s has copies of the books of several stores: %s", e.Where, redact.Text(strings.Join(shown, ", ")))
}

// choose picks the store that is meant out of those that there are copies of.
func choose(where, wanted string, stores map[string][]Copy) ([]Copy, error) {
	if wanted != "" {
		return stores[wanted], nil
	}
	if len(stores) > 1 {
		return nil, &SeveralError{Where: where, Stores: slices.Sorted(maps.Keys(stores))}
	}
	for _, copies := range stores {
		return copies, nil
	}
	return nil, nil
}

// ordered puts copies in the order of their months, each once.
func ordered(copies []Copy) []Copy {
	slices.SortFunc(copies, func(a, b Copy) int {
		return cmp.Or(strings.Compare(path.Base(a.Name), path.Base(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return slices.CompactFunc(copies, func(a, b Copy) bool { return a.Name == b.Name })
}

// ledgerName is the directory in which ledger_copy keeps a store's books.
const ledgerName = "ledger"

// CopiesIn finds the copies of the books in a directory, or in the one directory
// below it that is named as the store (or the ledger/ of that), "" if there is
// but one.
func CopiesIn(dir, wanted string) ([]Copy, error) {
	opened, err := dirfs.Open(dir)
	if err != nil {
		return nil, err
	}
	defer opened.Close() //nolint:errcheck // only read
	names, below, err := look(opened, ".")
	if err != nil {
		return nil, err
	}
	stores := map[string][]Copy{}
	if len(names) > 0 && wanted == "" {
		stores[""] = inDirectory(dir, ".", names)
		below = nil
	}
	for _, store := range below {
		at := store
		names, inner, err := look(opened, at)
		if err == nil && len(names) == 0 && slices.Contains(inner, ledgerName) {
			at = path.Join(store, ledgerName)
			names, _, err = look(opened, at)
		}
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			stores[store] = inDirectory(dir, at, names)
		}
	}
	copies, err := choose(dir, wanted, stores)
	if err == nil && len(copies) == 0 {
		err = errors.New(dir + " holds no copies of the books, such as 2026-11.jsonl")
	}
	return ordered(copies), err
}

// look lists the books and the directories in a directory.
func look(dir *dirfs.Dir, name string) (books, below []string, err error) {
	list, err := dir.OpenDir(name)
	if err != nil {
		return nil, nil, err
	}
	defer list.Close() //nolint:errcheck // only read
	entries, err := list.ReadDir(-1)
	for _, entry := range entries {
		switch {
		case entry.Type().IsRegular() && bookName.MatchString(entry.Name()):
			books = append(books, entry.Name())
		case entry.IsDir() && !strings.HasPrefix(entry.Name(), "."):
			below = append(below, entry.Name())
		}
	}
	return books, below, err
}

func inDirectory(dir, below string, names []string) (copies []Copy) {
	for _, name := range names {
		copies = append(copies, Copy{Name: path.Join(below, name), Month: monthIn(name), Open: func(context.Context) (io.ReadCloser, error) {
			opened, err := dirfs.Open(dir)
			if err != nil {
				return nil, err
			}
			defer opened.Close() //nolint:errcheck // the file stays open
			f, err := opened.OpenFile(path.Join(below, name), os.O_RDONLY, 0)
			if err != nil {
				return nil, err
			}
			info, err := f.Stat()
			if err == nil && !info.Mode().IsRegular() {
				err = &fs.PathError{Op: "read", Path: opened.Path(name), Err: fs.ErrInvalid}
			}
			if err != nil {
				_ = f.Close() // only read
				return nil, err
			}
			return f, nil
		}})
	}
	return copies
}

// monthIn is the month of a copy of the captured book.
func monthIn(name string) string {
	if m := bookName.FindStringSubmatch(name); m != nil && m[1] != "" {
		return m[2]
	}
	return ""
}

// CopiesAt finds the copies of the books that the uploader keeps in a storage
// that lists what it has; none elsewhere. Where the list cannot be had, it is a
// copy that cannot be opened: it keeps no other place's from being read.
func CopiesAt(ctx context.Context, p Place, wanted string) ([]Copy, error) {
	lister, ok := p.Reader.(sink.Lister)
	if !ok {
		return nil, nil
	}
	stores := map[string][]Copy{}
	err := lister.List(ctx, Books, func(f sink.Found) error {
		rest, ok := strings.CutPrefix(f.Key, Books)
		store, name, below := strings.Cut(rest, "/")
		if ok && below && sink.ValidKey(f.Key) && bookName.MatchString(path.Base(name)) {
			stores[store] = append(stores[store], Copy{Name: f.Key, Month: monthIn(path.Base(name)), Open: func(ctx context.Context) (io.ReadCloser, error) {
				return p.Reader.Open(ctx, sink.Ref{Key: f.Key})
			}})
		}
		return nil
	})
	if err != nil {
		failed := func(context.Context) (io.ReadCloser, error) { return nil, err }
		return []Copy{{Name: "the list of copies at " + p.URL, Open: failed}}, ctx.Err()
	}
	copies, err := choose(p.URL, wanted, stores)
	return newest(ctx, ordered(copies)), err
}
