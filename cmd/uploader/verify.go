package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/balance"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/store"
)

// verifyMemory is a soft limit: at it what is garbage is collected.
const verifyMemory = 48 << 20

func verifyCommand(frame *app.Frame) *cobra.Command {
	var asked remote
	var asJSON, ask bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Balance what was captured against what was shipped; ask the storage for it",
		Long: `verify compares the captured book with the ledger of receipts and with what is in
the store: each captured file has a receipt, or is in the store, and is what the
book says. It names what is missing, in two places or different, asks no network,
changes nothing, and works whatever runs. What was pushed, taken over, or shipped
by a version that had no captured book is counted apart.

With --remote it asks each storage for what the receipts say that it has: whether
it is there, its size, and its hash where the storage tells that. --download reads
every byte back instead and hashes it. Where a storage can be listed, what it has
besides is named too. Interrupted, the same command goes on where it was.

A TIME is 2026-11-24, 2026-11-24 13:00 (both UTC), 2026-11-24T13:00:00+01:00, or
how long ago: 36h, 7d.`,
		Example: `  uploader verify
  uploader verify --json | jq -r '.missing.files[].name'
  uploader verify --remote --from 7d
  uploader verify --remote --download --sample 1`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ask {
				return verifyRemote(cmd.Context(), frame, asked, asJSON)
			}
			for _, name := range []string{"sample", "from", "to", "download"} {
				if cmd.Flags().Changed(name) {
					return app.Usage(fmt.Errorf("verify: --%s is for --remote", name))
				}
			}
			return verify(cmd.Context(), frame, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&asJSON, "json", false, "print JSON with stable field names")
	flags.BoolVar(&ask, "remote", false, "ask the storages for what the receipts say that they have")
	flags.BoolVar(&asked.download, "download", false, "with --remote: read every byte back and hash it")
	flags.StringVar(&asked.sample, "sample", "", "with --remote: ask for a random `PERCENT` of the receipts")
	flags.StringVar(&asked.from, "from", "", "with --remote: what was captured from this `TIME` on")
	flags.StringVar(&asked.to, "to", "", "with --remote: what was captured before this `TIME`")
	return cmd
}

// verify balances the books.
func verify(ctx context.Context, frame *app.Frame, asJSON bool) error {
	ctx, stop := frame.Lifetime(ctx)
	defer stop()
	cfg, spool, err := openToRead(frame)
	if err != nil {
		return err
	}
	defer spool.Close()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(verifyMemory))
	report, err := balance.Verify(ctx, balance.Config{Store: spool, URLs: receiptURLs(cfg)})
	if ctx.Err() != nil {
		return errors.New("interrupted: nothing is known")
	}
	if err != nil {
		return err
	}
	return tell(frame, asJSON, report, report.Text, !halfRebuilt(frame, spool) && report.Balanced)
}

// openToRead opens a store that there is.
func openToRead(frame *app.Frame) (*config.Config, *store.Store, error) {
	cfg, err := frame.Load()
	if err != nil {
		return nil, nil, err
	}
	spool, err := store.Open(store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNoStore) {
		fmt.Fprintf(frame.Err, "nothing has run yet: there is no store at %s\n", cfg.StoreDir)
		return nil, nil, app.ErrReported
	}
	return cfg, spool, err
}

// receiptURLs are the places of the configuration as receipts name them.
func receiptURLs(cfg *config.Config) (urls []string) {
	for _, raw := range cfg.UploadURLs {
		urls = append(urls, placeURL(cfg, raw))
	}
	return urls
}
