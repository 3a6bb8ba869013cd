package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/overview"
	"github.com/storj/twitter-stream/pkg/store"
)

func statusCommand(frame *app.Frame) *cobra.Command {
	var asJSON, watch, alive bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what goes on, from the store alone",
		Long: `status shows each program's state, rates, what waits and what went wrong, whether
or not anything runs. It exits 0 when all that is configured is alive, moving and
not paused, else 1.

With --alive it only asks whether the daemon lives, and reads no book: a probe for
who would start it again. A node that is away, a full disk or a child that waits
are nothing that another start would mend, and exit 0 there.`,
		Example: "  daemon status\n  daemon status --watch\n  daemon status --json | jq .backlog\n  daemon status --alive",
		Args:    app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := frame.Lifetime(cmd.Context())
			defer stop()
			if alive {
				return showAlive(frame)
			}
			return showStatus(ctx, frame, asJSON, watch)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON with stable field names")
	cmd.Flags().BoolVar(&watch, "watch", false, "show it again every two seconds")
	cmd.Flags().BoolVar(&alive, "alive", false, "only whether the daemon lives: exit 0 or 1")
	cmd.MarkFlagsMutuallyExclusive("alive", "json")
	cmd.MarkFlagsMutuallyExclusive("alive", "watch")
	return cmd
}

// showAlive says whether the daemon lives.
func showAlive(frame *app.Frame) error {
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	spool, err := lookAtStore(cfg)
	if err != nil {
		return err
	}
	defer spool.Close()
	ok, sentence, err := overview.New(spool, overview.Limits{}).Alive(time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintln(frame.Out, sentence)
	if !ok {
		return app.ErrReported
	}
	return nil
}

// showStatus prints one look, or one every two seconds until ctx ends.
func showStatus(ctx context.Context, frame *app.Frame, asJSON, watch bool) error {
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	spool, err := lookAtStore(cfg)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNoStore) {
		fmt.Fprintf(frame.Err, "nothing has run yet: there is no store at %s\n", cfg.StoreDir)
		return app.ErrReported
	}
	if err != nil {
		return err
	}
	defer spool.Close()
	reader := overview.New(spool, overview.Limits{MinFree: cfg.MinFree, MaxStore: cfg.MaxStore})
	for {
		view, err := reader.Read(time.Now())
		if err != nil {
			return err
		}
		if watch && !asJSON && app.OnTerminal(frame.Out) {
			fmt.Fprint(frame.Out, "\x1b[H\x1b[2J")
		}
		if err := printView(frame, view, asJSON); err != nil {
			return err
		}
		if !watch {
			if !view.OK(configured(cfg)) {
				return app.ErrReported
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Second):
		}
	}
}

func printView(frame *app.Frame, view overview.View, asJSON bool) error {
	if asJSON {
		text, err := view.JSON()
		if err != nil {
			return err
		}
		_, err = frame.Out.Write(text)
		return err
	}
	return view.Table(frame.Out, app.OnTerminal(frame.Out))
}
