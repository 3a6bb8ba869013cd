package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

// selection is what a person says of the files that they mean.
type selection struct {
	from, to string
	ledgers  []string
	pushed   bool
}

func (s *selection) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.from, "from", "", "what was captured from this `TIME` on (default the beginning)")
	flags.StringVar(&s.to, "to", "", "what was captured before this `TIME` (default now)")
	flags.StringArrayVar(&s.ledgers, "ledger", nil, "another `directory` of books, such as a copy, or another machine's ledger/; may be repeated")
	flags.BoolVar(&s.pushed, "pushed", false, "also what uploader push has put")
}

// timeHelp is what both commands say of times.
const timeHelp = `A TIME is 2026-11-24, 2026-11-24 13:00 (both UTC), 2026-11-24T13:00:00+01:00, or
how long ago: 36h, 7d. Whole files are meant: those with any message in the range.`

// between reads --from and --to.
func (s *selection) between(now time.Time) (in catalog.Range, err error) {
	in.Pushed = s.pushed
	for _, flag := range []struct {
		name, text string
		at         *time.Time
	}{{"--from", s.from, &in.From}, {"--to", s.to, &in.To}} {
		if flag.text == "" {
			continue
		}
		if *flag.at, err = coverage.Moment(flag.text, now); err != nil {
			return in, app.Usage(fmt.Errorf("%s %q is %w", flag.name, flag.text, err))
		}
	}
	if !in.From.IsZero() && !in.To.IsZero() && !in.To.After(in.From) {
		err = app.Usage(errors.New("--to is not after --from"))
	}
	return in, err
}

// archive is what was captured, by all books that a person named.
type archive struct {
	spool   *store.Store // nil where there are the books alone
	sources []catalog.Source
	in      catalog.Range
	list    *catalog.Catalog

	mu     sync.Mutex // guards what follows
	latest map[string][]store.Receipt
	extent store.Extent // of the ledger when latest was read
}

// frugal is how much garbage may lie about beside what is in use, in percent: a
// list of a million files is large, and holds nothing that is looked through.
const frugal = 10

// gather opens the store, if there is one, and the other ledgers, and reads
// them.
func (s *selection) gather(frame *app.Frame, cfg *config.Config) (*archive, error) {
	in, err := s.between(time.Now())
	if err != nil {
		return nil, err
	}
	debug.SetGCPercent(frugal)
	a := &archive{in: in}
	if err := a.open(frame, cfg, s.ledgers); err != nil {
		a.Close()
		return nil, err
	}
	if a.list, err = catalog.Open(a.sources, in); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *archive) open(frame *app.Frame, cfg *config.Config, ledgers []string) error {
	spool, err := store.Open(store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, ReadOnly: true})
	switch none := errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNoStore); {
	case err == nil:
		a.spool = spool
		a.sources = append(a.sources, catalog.Source{Books: spool.OwnBooks(), Store: spool})
	case none && len(ledgers) == 0:
		fmt.Fprintf(frame.Err, "there is no store at %s, and no --ledger was named: nothing is known of any file (if it was lost, 'uploader rebuild' makes it again)\n", cfg.StoreDir)
		return app.ErrReported
	case !none:
		return err
	}
	for _, dir := range ledgers {
		books, err := store.OpenBooks(dir)
		if err != nil {
			return err
		}
		a.sources = append(a.sources, catalog.Source{Books: books})
	}
	return nil
}

// half reports, and says, whether the store's books are only half made again:
// then what is known of is not all that there is.
func (a *archive) half(frame *app.Frame) bool { return a.spool != nil && halfRebuilt(frame, a.spool) }

// halfRebuilt says so of a store.
func halfRebuilt(frame *app.Frame, spool *store.Store) bool {
	half, err := spool.Rebuilding()
	switch {
	case err != nil:
		fmt.Fprintf(frame.Err, "whether the books are whole cannot be read: %v\n", err)
	case half:
		fmt.Fprintln(frame.Err, "a rebuild of the books did not come to its end, so that they do not tell of everything: run 'uploader rebuild' again")
	}
	return half || err != nil
}

// empty reports, and says, that the books know of no file. never says that they
// have never known of any.
func (a *archive) empty(frame *app.Frame) (never bool) {
	if a.list.Most() > 0 {
		return false
	}
	if never = a.blank(); never || a.in.From.IsZero() && a.in.To.IsZero() {
		fmt.Fprintln(frame.Err, "the books know of no file; if they were lost, 'uploader rebuild' makes them again")
	} else {
		fmt.Fprintln(frame.Err, "the books know of no file of that time")
	}
	return never
}

// blank reports whether there is no line in any book.
func (a *archive) blank() bool {
	if a.spool == nil || len(a.sources) > 1 {
		return false // there are other books
	}
	receipts, err := a.spool.Recent(1, "")
	months, merr := a.spool.CapturedMonths()
	return err == nil && merr == nil && len(receipts)+len(months) == 0
}

// recent is how many receipts may have come while a file was waited for.
const recent = 4096

// again looks for the receipts of a file that has just left the store. The
// ledger is read again when it has grown.
func (a *archive) again(file catalog.File) (places []store.Receipt, err error) {
	if a.spool == nil || file.Source != 0 {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	extent, err := a.spool.LedgerExtent()
	if err != nil {
		return nil, err
	}
	if a.latest == nil || !maps.Equal(extent, a.extent) {
		receipts, err := a.spool.Recent(recent, store.ByWatch)
		if err != nil {
			return nil, err
		}
		a.latest, a.extent = map[string][]store.Receipt{}, extent
		for _, r := range receipts {
			a.latest[r.Name] = append(a.latest[r.Name], r)
		}
	}
	return a.latest[file.Name], nil
}

// finishing is how long it is waited for a file to get its name.
const finishing = 2 * time.Second

// local opens a file that waits in the store.
func (a *archive) local(file catalog.File) (io.ReadCloser, error) {
	if a.spool == nil || file.Source != 0 { // the first is the store's
		return nil, fs.ErrNotExist
	}
	for begun := time.Now(); ; time.Sleep(finishing / 100) {
		entry, err := a.spool.OpenEntry(file.Name)
		if err == nil {
			return struct {
				io.Reader
				io.Closer
			}{io.NewSectionReader(entry, 0, entry.Size), entry}, nil
		}
		h, ok := a.spool.Holds(file.Name) // its name may have come meanwhile
		switch {
		case !errors.Is(err, fs.ErrNotExist) || !ok || h.In == store.Aside:
			return nil, err
		case time.Since(begun) > finishing:
			return nil, errors.New("it is cut, and not finished: the grabber does that at its next start")
		}
	}
}

// Close closes the books and the store.
func (a *archive) Close() {
	for _, source := range a.sources {
		_ = source.Books.Close() // only read
	}
	if a.spool != nil {
		_ = a.spool.Close()
	}
}
