package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/uploader"
)

func pushCommand(frame *app.Frame) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "push FILE|DIR...",
		Short: "Push any files; they are verified, receipted and never removed",
		Long: `push puts files, and the regular files below directories, to upload_url, to each of
its places, proves that they have them and writes their receipts into the ledger. It works while the
daemon runs.`,
		Example: "  uploader push notes.txt photos/\n  uploader push --json archive.tar | jq -r .filehash",
		Args:    app.Args(atLeastOne),
		RunE:    func(cmd *cobra.Command, args []string) error { return push(cmd.Context(), frame, args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a receipt a line, as JSON; it holds the key of the node's copy")
	return cmd
}

func atLeastOne(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("push: name at least one file or directory")
	}
	return nil
}

// push wires Push and blocks until all paths have had their tries.
func push(ctx context.Context, frame *app.Frame, paths []string, asJSON bool) error {
	ctx, stop := frame.Lifetime(ctx)
	defer stop()
	cfg, err := load(frame)
	if err != nil {
		return err
	}
	log := frame.OpenConsole(cfg)
	books := app.NewBookCopy(cfg, app.Books{Receipts: true}, log.Entry)
	spool, err := open(ctx, frame, cfg, log, books)
	if err != nil {
		return err
	}
	defer spool.Close()
	defer books.Watch(spool)()
	settings, closeSink, err := settings(ctx, cfg, log, spool)
	if err != nil {
		return err
	}
	defer closeSink()
	ledger, err := spool.OpenLedger(store.LedgerConfig{})
	if err != nil {
		return err
	}
	show, err := display(ctx, frame, paths, len(settings.Targets), asJSON)
	if err != nil {
		return err
	}
	defer show.end()
	return uploader.Push(ctx, uploader.PushConfig{
		Targets: settings.Targets, Ledger: ledger,
		Concurrency: settings.Concurrency, Retries: settings.Retries, Backoff: settings.Backoff,
		Timeout: settings.Timeout, Bandwidth: settings.Bandwidth,
		CapturedAt: spool.CapturedAt,
		Log:        log.Entry,
		Started:    show.started, Sent: show.sent, Receipt: show.receipt,
	}, paths)
}

// progress is what a person or a program sees of a push. Push calls it from
// one goroutine at a time.
type progress struct {
	frame  *app.Frame
	asJSON bool
	bar    *progressbar.ProgressBar // nil without a terminal
}

func display(ctx context.Context, frame *app.Frame, paths []string, places int, asJSON bool) (*progress, error) {
	p := &progress{frame: frame, asJSON: asJSON}
	if !app.OnTerminal(frame.Err) {
		return p, nil
	}
	_, bytes, err := uploader.Measure(ctx, paths)
	if err != nil {
		return nil, err
	}
	p.bar = progressbar.NewOptions64(bytes*int64(places),
		progressbar.OptionSetWriter(frame.Err), progressbar.OptionShowBytes(true), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return p, nil
}

func (p *progress) started(path string, _ int64) {
	if p.bar != nil {
		p.bar.Describe(redact.Text(path))
	}
}

func (p *progress) sent(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // drawing is not worth a failure
	}
}

func (p *progress) receipt(path string, r store.Receipt) {
	if p.asJSON {
		_ = json.NewEncoder(p.frame.Out).Encode(r) // a reader that left has the ledger
		return
	}
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.frame.Out, "%s  %d bytes  %s\n", r.FileHash, r.Size, redact.Text(path))
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
