package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/overview"
	"github.com/storj/twitter-stream/pkg/store"
)

// coverageTime is what is shown when nobody says from when on.
const coverageTime = 30 * 24 * time.Hour

func coverageCommand(frame *app.Frame) *cobra.Command {
	var from, to string
	asJSON := false
	cmd := &cobra.Command{
		Use:   "coverage",
		Short: "Show how complete the capture is, and where it is not",
		Long: `coverage reads the captured book in the store: how much of the time was captured,
a line for each day, messages a minute, and each gap with its length and reason.
It works whether or not a grabber runs, and disturbs none.

A strip is a day of half hours, UTC: a full block is a half hour without a gap, a
lower one is a half hour with a gap, a dot one in which nothing was captured.
Piped, these are "#", "+" and "-" (more and less than half), and ".".

The reasons are network, refused, rate limited, stalled, disk full, budget,
stopped, not running, machine off and server skipped. "filled" means that the
source sent afterwards what came in the gap: it counts as covered.

A TIME is 2026-11-24, 2026-11-24 13:00 (both UTC), 2026-11-24T13:00:00+01:00, or
how long ago: 36h, 7d.`,
		Example: `  grabber coverage
  grabber coverage --from 2026-11-01 --to 2026-12-01
  grabber coverage --from 36h --json | jq '.gaps[] | select(.filled | not)'`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return showCoverage(frame, from, to, asJSON) },
	}
	cmd.Flags().StringVar(&from, "from", "", "begin at this `TIME` (default 30 days ago, or where the book begins)")
	cmd.Flags().StringVar(&to, "to", "", "end at this `TIME` (default now)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON with stable field names")
	return cmd
}

func showCoverage(frame *app.Frame, from, to string, asJSON bool) error {
	now := time.Now()
	begin, err := moment("--from", from, now, now.Add(-coverageTime))
	if err != nil {
		return err
	}
	end, err := moment("--to", to, now, now)
	if err != nil {
		return err
	}
	if !end.After(begin) {
		return app.Usage(errors.New("coverage: --to is not after --from"))
	}
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	spool, err := store.Open(store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNoStore) {
		fmt.Fprintf(frame.Err, "nothing has run yet: there is no store at %s\n", cfg.StoreDir)
		return app.ErrReported
	}
	if err != nil {
		return err
	}
	defer spool.Close()
	report, ok, err := overview.ReportCoverage(spool, begin, end, now)
	if err != nil {
		return err
	}
	if !ok {
		fmt.Fprintln(frame.Err, "the captured book has nothing of that time: it begins with the first start of this version's grabber, or was lost ('uploader rebuild' makes it again from a copy)")
		return app.ErrReported
	}
	if !asJSON {
		return report.Text(frame.Out, app.OnTerminal(frame.Out))
	}
	out := json.NewEncoder(frame.Out)
	out.SetIndent("", "  ")
	return out.Encode(report)
}

// moment reads a time as a person gives it; empty is otherwise.
func moment(flag, text string, now, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	at, err := coverage.Moment(text, now)
	if err != nil {
		return at, app.Usage(fmt.Errorf("coverage: %s %q is %w", flag, text, err))
	}
	return at, nil
}
