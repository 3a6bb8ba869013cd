package catalog

import (
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

// files makes files of the entries of one moment. They come in the order of
// their kinds; the captured book's lines are laid to the others in the end.
func (c *Catalog) files(entries []entry) ([]File, error) {
	var files []File
	var lines []line
	for _, e := range entries {
		if e.what() != captured {
			continue
		}
		f, err := c.sources[e.source()].Books.CapturedFile(e.place())
		if err != nil {
			return nil, err
		}
		if c.void[claim{e.source(), f.Name}] != f.SHA256 {
			lines = keep(lines, line{f, e.source()})
		}
	}
	for _, e := range entries {
		if e.what() != receipt {
			continue
		}
		r, err := c.sources[e.source()].Books.Receipt(e.place())
		if err != nil {
			return nil, errMoved
		}
		files = place(files, r, e.source())
	}
	for _, e := range entries {
		if e.what() == waits || e.what() == rejected {
			files = found(files, c.names[e.source()][e.place().Offset], e.source(), e.what())
		}
	}
	for _, l := range lines {
		files = l.lay(files)
	}
	for i := range files {
		c.lookAgain(&files[i])
		at, _, ok := inName(files[i].Name)
		if files[i].Foreign = !ok; !ok {
			at = time.UnixMicro(entries[0].at)
		}
		files[i].At = at.UTC()
	}
	return files, nil
}

// lookAgain looks in the store for what seems to be nowhere: between its line in
// the captured book and its name it has one that no scan takes.
func (c *Catalog) lookAgain(f *File) {
	spool := c.sources[f.Source].Store
	if spool == nil || !f.Nowhere() {
		return
	}
	if h, ok := spool.Holds(f.Name); ok {
		f.Rejected = h.In == store.Aside
		f.Waits = !f.Rejected
	}
}

// place adds a receipt to the file that it is of.
func place(files []File, r store.Receipt, source int) []File {
	pushed := r.By == store.ByPush
	for i, f := range files {
		if f.Name != r.Name || f.Pushed != pushed || f.Places[0].SHA256 != r.SHA256 || f.Places[0].Size != r.Size {
			continue
		}
		again := slices.ContainsFunc(f.Places, func(p store.Receipt) bool {
			return p.Sink == r.Sink && p.URL == r.URL && p.Object == r.Object && p.FileHash == r.FileHash && p.Key == r.Key
		})
		if !again {
			files[i].Places = append(f.Places, r)
		}
		return files
	}
	return append(files, File{Name: r.Name, Source: source, Pushed: pushed, Places: []store.Receipt{r}})
}

// found notes that a file is in a store. Names recur in no store, so that one
// with a receipt from there is that file.
func found(files []File, name string, source int, what kind) []File {
	i := slices.IndexFunc(files, func(f File) bool { return f.Name == name && f.Source == source && !f.Pushed })
	if i < 0 {
		i = len(files)
		files = append(files, File{Name: name, Source: source})
	}
	files[i].Waits = files[i].Waits || what == waits
	files[i].Rejected = files[i].Rejected || what == rejected
	return files
}

// line is one of the captured book.
type line struct {
	file   coverage.File
	source int
}

// keep adds a line; of several of one name and book the last is right.
func keep(lines []line, l line) []line {
	for i, before := range lines {
		if before.file.Name == l.file.Name && before.source == l.source {
			lines[i] = l
			return lines
		}
	}
	return append(lines, l)
}

// lay gives a line to the file that it is about: that with its content, else
// one of its name from the same books; if there is none, nobody knows where
// the file is.
func (l line) lay(files []File) []File {
	best := -1
	for i, f := range files {
		switch {
		case f.Name != l.file.Name || f.Pushed:
		case len(f.Places) > 0 && tells(l.file, f.Places[0]):
			files[i].Captured = &l.file
			return files
		case f.Captured == nil && f.Source == l.source:
			best = i
		}
	}
	if best < 0 {
		if slices.ContainsFunc(files, func(f File) bool {
			return f.Name == l.file.Name && f.Captured != nil && f.Captured.SHA256 == l.file.SHA256
		}) {
			return files // a copy of the same book
		}
		best = len(files)
		files = append(files, File{Name: l.file.Name, Source: l.source})
	}
	files[best].Captured = &l.file
	return files
}

// tells reports whether a line is about what a receipt is of.
func tells(f coverage.File, r store.Receipt) bool {
	if f.PackedSHA256 != "" {
		return f.PackedSHA256 == r.SHA256
	}
	return f.SHA256 == r.SHA256
}
