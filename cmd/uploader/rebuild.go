package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/balance"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/rebuild"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink/directory"
	"github.com/storj/twitter-stream/pkg/store"
)

// lost is what rebuild was asked for.
type lost struct {
	copy, of       string
	moved          []string
	dryRun, asJSON bool
}

func rebuildCommand(frame *app.Frame) *cobra.Command {
	var asked lost
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make a lost ledger again, from copies and from what the storage lists",
		Long: `rebuild makes receipts again that the ledger lacks: from copies of the books (in the
directory of ledger_copy, or of --from-copy; and those that the uploader keeps beside
the files in storages that can be listed), and from the objects that these storages
list, by what was put beside them or, in a directory, by reading them. From copies
the captured book is made again too. What is there stays as it is, and nothing
gets in twice: it can be run again at any time.

A web node lists nothing. The hashes and keys of what is on one are in copies of
the books alone; without one these files cannot be read again by anybody.

Copies say where each file was. If that place has another URL now, such as a disk that
is mounted at another path, name the old one by --moved, and the new one in upload_url.

Neither grabber nor uploader may run meanwhile.`,
		Example: `  uploader rebuild --dry-run
  uploader rebuild --from-copy /mnt/usb/books
  uploader rebuild --moved file:///old/path/archive
  uploader rebuild && uploader verify && uploader verify --remote`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return rebuildLedger(cmd.Context(), frame, asked) },
	}
	flags := cmd.Flags()
	flags.StringVar(&asked.copy, "from-copy", "", "a `directory` with copies of the books (default ledger_copy)")
	flags.StringVar(&asked.of, "of", "", "the `store` whose books are meant, where there are copies of several (default this one, by its machine and path)")
	flags.StringArrayVar(&asked.moved, "moved", nil, "what was at this `URL` or path is where upload_url says now; may be repeated")
	flags.BoolVar(&asked.dryRun, "dry-run", false, "only say what would be made")
	flags.BoolVar(&asked.asJSON, "json", false, "print JSON with stable field names")
	return cmd
}

// rebuildLedger makes again what can be.
func rebuildLedger(ctx context.Context, frame *app.Frame, asked lost) error {
	ctx, stop := frame.Lifetime(ctx)
	defer stop()
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	spool, done, err := openToRebuild(ctx, frame, cfg, asked.dryRun)
	if err != nil {
		return err
	}
	defer done()
	readers := newReaders(cfg, spool)
	defer readers.Close()
	places, err := placesOf(cfg, readers)
	if err != nil {
		return err
	}
	copies, err := copiesOf(ctx, frame, cfg, spool, asked, places)
	if err != nil {
		return err
	}
	report, err := rebuild.Run(ctx, rebuild.Config{
		Store: spool, Prefix: cfg.Prefix, Copies: copies, Places: places, Moved: movedURLs(asked.moved), DryRun: asked.dryRun, Tries: auditTries,
		Backoff:  backoff.Policy{First: cfg.UploadBackoff.First, Max: cfg.UploadBackoff.Max},
		Progress: saying(frame),
	})
	var unknown *rebuild.MovedError
	if errors.As(err, &unknown) {
		return &app.ConfigError{Err: err, Advice: "name in upload_url, in " + cfg.Path + ", the one place where it is now"}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted after %d receipts: the same command goes on there", report.Made)
	}
	if err != nil {
		return err
	}
	if err := tell(frame, asked.asJSON, report, report.Text, len(report.Failed) == 0); err != nil || asked.dryRun || asked.asJSON {
		return err
	}
	return stillMissing(ctx, frame, cfg, spool)
}

// movedURLs are places as receipts name them, where a person may name a path.
func movedURLs(moved []string) (urls []string) {
	for _, place := range moved {
		if filepath.IsAbs(place) {
			place = directory.URL(place)
		}
		urls = append(urls, place)
	}
	return urls
}

// saying shows on a terminal what is being done.
func saying(frame *app.Frame) func(sentence string) {
	if !app.OnTerminal(frame.Err) {
		return nil
	}
	return func(sentence string) { fmt.Fprintln(frame.Err, redact.Text(sentence)) }
}

// stillMissing says what was captured and is nowhere.
func stillMissing(ctx context.Context, frame *app.Frame, cfg *config.Config, spool *store.Store) error {
	report, err := balance.Verify(ctx, balance.Config{Store: spool, URLs: receiptURLs(cfg)})
	if err != nil {
		return err
	}
	if n := report.Missing.Count; n > 0 {
		fmt.Fprintf(frame.Out, "\n%d captured files have no receipt and are not in the store: if they went to a web node,\ntheir keys are lost without a copy of the ledger ('uploader verify' names them)\n", n)
	}
	return nil
}

// openToRebuild opens the store, and keeps grabber and uploader away from it. A
// dry run writes nothing: where there is no store, it has one of its own.
func openToRebuild(ctx context.Context, frame *app.Frame, cfg *config.Config, dryRun bool) (*store.Store, func(), error) {
	settings := store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, Create: true, Name: app.NewStoreName(cfg)}
	if dryRun {
		settings.Create, settings.ReadOnly = false, true
	}
	remove := func() {}
	spool, err := store.Open(settings)
	if dryRun && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNoStore)) {
		settings.Create, settings.ReadOnly = true, false
		if settings.Dir, err = os.MkdirTemp("", "twitter-stream-dry-run-"); err == nil {
			remove = func() { _ = os.RemoveAll(settings.Dir) } // it is empty
			spool, err = store.Open(settings)
		}
	}
	if err != nil {
		remove()
		return nil, nil, err
	}
	var locks []*store.Lock
	done := func() {
		for _, lock := range locks {
			_ = lock.Close() // the process's end would do
		}
		_ = spool.Close() // what matters has been synced
		remove()
	}
	if dryRun {
		return spool, done, nil
	}
	for _, role := range []string{store.RoleGrabber, store.RoleUploader} {
		lock, err := spool.Lock(ctx, role, frame.Holder())
		if err != nil {
			done()
			return nil, nil, err
		}
		locks = append(locks, lock)
	}
	return spool, done, nil
}

// placesOf are the configured places.
func placesOf(cfg *config.Config, readers *readers) (places []rebuild.Place, err error) {
	for _, at := range configuredPlaces(cfg) {
		reader, err := readers.at(at[0], at[1])
		if err != nil {
			return nil, &app.ConfigError{Err: err, Advice: "check upload_url in " + cfg.Path}
		}
		places = append(places, rebuild.Place{Kind: at[0], URL: at[1], Reader: reader})
	}
	return places, nil
}

// copiesOf finds the copies of the books, in a directory and in the places.
func copiesOf(ctx context.Context, frame *app.Frame, cfg *config.Config, spool *store.Store, asked lost, places []rebuild.Place) ([]rebuild.Copy, error) {
	copies, err := copiesBelow(frame, cfg, spool, asked)
	if err != nil {
		return nil, several(err)
	}
	for _, p := range places {
		found, err := ofOne(cfg, spool, asked.of, func(of string) ([]rebuild.Copy, error) { return rebuild.CopiesAt(ctx, p, of) })
		if err != nil {
			return nil, several(err)
		}
		copies = append(copies, found...)
	}
	if asked.of != "" && len(copies) == 0 {
		return nil, &app.ConfigError{
			Err:    fmt.Errorf("there are no copies of the books of a store %.80q", asked.of),
			Advice: "leave --of out: where there are copies of several stores, their names are said, and where there is one, it is taken",
		}
	}
	return copies, nil
}

// copiesBelow finds those in the directory that a person names, else in that of
// ledger_copy: this one need not be there any more.
func copiesBelow(frame *app.Frame, cfg *config.Config, spool *store.Store, asked lost) ([]rebuild.Copy, error) {
	if asked.copy != "" {
		return ofOne(cfg, spool, asked.of, func(of string) ([]rebuild.Copy, error) { return rebuild.CopiesIn(asked.copy, of) })
	}
	if cfg.LedgerCopy == "" {
		return nil, nil
	}
	copies, err := ofOne(cfg, spool, asked.of, func(of string) ([]rebuild.Copy, error) { return rebuild.CopiesIn(cfg.LedgerCopy, of) })
	var e *rebuild.SeveralError
	if err == nil || errors.As(err, &e) {
		return copies, err
	}
	fmt.Fprintf(frame.Err, "nothing was taken from ledger_copy, %s: %s\n", redact.Text(cfg.LedgerCopy), redact.Text(err.Error()))
	return nil, nil
}

// ofOne finds the copies of the one store that is meant: where a person does not
// say which, and there are several, of this one if it is among them.
func ofOne(cfg *config.Config, spool *store.Store, of string, find func(of string) ([]rebuild.Copy, error)) ([]rebuild.Copy, error) {
	copies, err := find(of)
	var e *rebuild.SeveralError
	if !errors.As(err, &e) {
		return copies, err
	}
	if own := app.StoreName(cfg, spool); slices.Contains(e.Stores, own) {
		return find(own)
	}
	if once := before(cfg, e.Stores); len(once) == 1 {
		return find(once[0])
	}
	return copies, err
}

// before are those of several stores that were made on this machine where the
// store is: one that was lost, as a rule.
func before(cfg *config.Config, stores []string) []string {
	old := app.OldStoreName(cfg)
	return slices.DeleteFunc(slices.Clone(stores), func(name string) bool {
		return name != old && !strings.HasPrefix(name, old+"-")
	})
}

// several adds what to do about copies of several stores.
func several(err error) error {
	var e *rebuild.SeveralError
	if errors.As(err, &e) {
		return &app.ConfigError{Err: err, Advice: "say which by --of NAME"}
	}
	return err
}
