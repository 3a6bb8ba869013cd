package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/balance"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

// verifyMemory is a soft limit: at it what is garbage is collected.
const verifyMemory = 48 << 20

func verifyCommand(frame *app.Frame) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Balance what was captured against what was shipped",
		Long: `verify compares the captured book with the ledger of receipts and with what is in
the store: each captured file has a receipt, or is in the store, and is what the
book says. It names what is missing, in two places or different, asks no network,
changes nothing, and works whatever runs.

What was pushed, taken over, or shipped by a version that had no captured book is
counted apart.`,
		Example: "  uploader verify\n  uploader verify --json | jq '.missing.files[].name'",
		Args:    app.Args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return verify(cmd.Context(), frame, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON with stable field names")
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
	if err != nil {
		return err
	}
	if asJSON {
		out := json.NewEncoder(frame.Out)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.Text(frame.Out)
	}
	if err == nil && !report.Balanced {
		err = app.ErrReported
	}
	return err
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
		urls = append(urls, redact.URL(raw))
	}
	return urls
}
