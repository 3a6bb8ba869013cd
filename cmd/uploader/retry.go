package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

// damagedSuffix marks what recovery set aside: it is the grabber's, and for a
// person to look at, not for a node.
const damagedSuffix = ".damaged"

func retryCommand(frame *app.Frame) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "retry [NAME | --all]",
		Short: "Put rejected files back in line, or list them",
		Long: `retry puts a file that a node has refused back among those that wait. Without a
name it lists what was set aside, and why.`,
		Example: "  uploader retry\n  uploader retry --all",
		Args:    app.Args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return app.Usage(errors.New("retry: give a name or --all, not both"))
			}
			return retry(frame, args, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "put all of them back")
	return cmd
}

func retry(frame *app.Frame, names []string, all bool) error {
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	spool, err := store.Open(store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName})
	if err != nil {
		return err
	}
	defer spool.Close()
	rejected, err := spool.Rejected()
	if err != nil {
		return err
	}
	if len(names) == 0 && !all {
		for _, reason := range rejected {
			fmt.Fprintf(frame.Out, "%s  %s\n", redact.Text(reason.Name), redact.Text(reason.Reason))
		}
		if len(rejected) == 0 {
			fmt.Fprintln(frame.Out, "nothing was set aside")
		}
		return nil
	}
	if all {
		for _, reason := range rejected {
			if !strings.HasSuffix(reason.Name, damagedSuffix) {
				names = append(names, reason.Name)
			}
		}
	}
	var failed []error
	if len(names) == 0 {
		fmt.Fprintln(frame.Out, "nothing was set aside")
	}
	for _, name := range names {
		back, err := spool.Retry(name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		fmt.Fprintf(frame.Out, "%s waits again\n", redact.Text(back))
	}
	return errors.Join(failed...)
}
