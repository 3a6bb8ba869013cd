package main

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sandbox/demo"
)

func demoCommand(frame *app.Frame) *cobra.Command {
	cfg := demo.Config{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole system on this machine, with faults, and balance the books",
		Long: `demo starts a local Twitter and a local storage node and runs the real daemon,
grabber and uploader against them in a directory of its own. It kills programs,
breaks the stream and the node, and proves at the end that every message is
accounted for. It needs no account and no network and never opens your config.ini.`,
		Example: "  daemon demo\n  daemon demo --duration 2m --rate 5000",
		Args:    app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := frame.Lifetime(cmd.Context())
			defer stop()
			if cfg.Rate <= 0 || cfg.Duration <= 0 {
				return app.Usage(errors.New("--rate and --duration must be above zero"))
			}
			cfg.Out, cfg.Terminal, cfg.Environ = frame.Out, app.OnTerminal(frame.Out), os.Environ()
			return demo.Run(ctx, cfg)
		},
	}
	cmd.Flags().DurationVar(&cfg.Duration, "duration", 30*time.Second, "how long the stream runs")
	cmd.Flags().Float64Var(&cfg.Rate, "rate", 1000, "messages a second")
	cmd.Flags().StringVar(&cfg.Dir, "dir", "", "`directory` to work in (default: a temporary one)")
	cmd.Flags().BoolVar(&cfg.Keep, "keep", false, "leave the directory behind")
	return cmd
}

func sandboxCommand(frame *app.Frame) *cobra.Command {
	cfg := sandbox.ServeConfig{}
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a local Twitter and a local storage node, for your own tests",
		Example: `  daemon sandbox --dir try --rate 500
  daemon sandbox --replay tweets.jsonl --fault half-message*1 --fault node:503=2*3`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := frame.Lifetime(cmd.Context())
			defer stop()
			if cfg.Rate < 0 {
				return app.Usage(errors.New("--rate must not be below zero"))
			}
			return sandbox.Serve(ctx, cfg, frame.Out)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.TwitterAddr, "twitter-addr", "127.0.0.1:0", "where the Twitter listens, `host:port`")
	flags.StringVar(&cfg.NodeAddr, "node-addr", "127.0.0.1:0", "where the node listens, `host:port`")
	flags.StringVar(&cfg.Replay, "replay", "", "send the messages of this `file`, one a line, again and again")
	flags.Float64Var(&cfg.Rate, "rate", 57, "messages a second, 0 for as many as possible")
	flags.StringArrayVar(&cfg.Faults, "fault", nil, "a fault from the start, `NAME[=ARGUMENT][*TIMES]`; may be repeated")
	flags.StringVar(&cfg.Dir, "dir", "", "make this `directory` ready for the programs to run in")
	return cmd
}
