package main

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
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
}

// frugal is how much garbage may lie about beside what is in use, in percent: a
// list of a million files is large, and holds nothing that is looked through.
const frugal = 25

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

// sayIfEmpty is for who sees nothing, and has to know why.
func (a *archive) sayIfEmpty(frame *app.Frame) {
	switch {
	case a.list.Most() > 0:
	case a.in.From.IsZero() && a.in.To.IsZero():
		fmt.Fprintln(frame.Err, "the books know of no file; if they were lost, 'uploader rebuild' makes them again")
	default:
		fmt.Fprintln(frame.Err, "the books know of no file of that time")
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
