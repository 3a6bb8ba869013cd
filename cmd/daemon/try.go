package main

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/sandbox/demo"
	"github.com/storj/twitter-stream/pkg/sandbox/serve"
)

func demoCommand(frame *app.Frame) *cobra.Command {
	cfg := demo.Config{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole system on this machine, with faults, and balance the books",
		Long: `demo starts a local stream and a local storage node and runs the real daemon,
grabber and uploader against them in a directory of its own. It kills programs,
breaks the stream and the node, and proves at the end that every message is
accounted for: where the stream can be asked for what was missed, none is lost
and none is there twice. It needs no account and no network and never opens your
config.ini.`,
		Example: "  daemon demo\n  daemon demo --kind jetstream\n  daemon demo --duration 2m --rate 5000",
		Args:    app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := frame.Lifetime(cmd.Context())
			defer stop()
			if cfg.Rate <= 0 || cfg.Duration <= 0 {
				return app.Usage(errors.New("--rate and --duration must be above zero"))
			}
			if err := (serve.Config{Kind: cfg.Kind, Rate: cfg.Rate}).Check(); err != nil {
				return app.Usage(err)
			}
			cfg.Out, cfg.Terminal, cfg.Environ = frame.Out, app.OnTerminal(frame.Out), os.Environ()
			return demo.Run(ctx, cfg)
		},
	}
	cmd.Flags().StringVar(&cfg.Kind, "kind", demo.Twitter, "`KIND` of the stream: "+serve.Kinds())
	cmd.Flags().DurationVar(&cfg.Duration, "duration", 30*time.Second, "how long the stream runs")
	cmd.Flags().Float64Var(&cfg.Rate, "rate", 1000, "messages a second")
	cmd.Flags().StringVar(&cfg.Dir, "dir", "", "`directory` to work in (default: a temporary one)")
	cmd.Flags().BoolVar(&cfg.Keep, "keep", false, "leave the directory behind")
	return cmd
}

func sandboxCommand(frame *app.Frame) *cobra.Command {
	cfg := serve.Config{}
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a local stream of any kind and a local storage node, for your own tests",
		Long: `sandbox serves a stream of made-up or recorded messages as one of the networks
does, with its tokens, cursors, errors and faults, and a storage node. What
happens on the stream goes on whether or not anybody listens, so that resuming
can be tried; only Twitter's API v1.1 waits for its listener.

--replay takes what uploader fetch has made, or the archive itself where it is a
directory: what was captured streams again, in the order of its files' paths.`,
		Example: `  daemon sandbox --kind jetstream --dir try --rate 500
  daemon sandbox --kind wikimedia --fault cut=10s --fault clamp=1m
  daemon sandbox --kind x --fault too-many*2
  daemon sandbox --kind mastodon --replay recorded.sse
  daemon sandbox --kind jetstream --replay archive/
  daemon sandbox --replay tweets.jsonl --fault half-message*1 --fault node:503=2*3`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := frame.Lifetime(cmd.Context())
			defer stop()
			if err := cfg.Check(); err != nil {
				return app.Usage(err)
			}
			return serve.Run(ctx, cfg, frame.Out)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Kind, "kind", serve.Twitter, "`KIND` of the stream: "+serve.Kinds())
	flags.StringVar(&cfg.StreamAddr, "stream-addr", "127.0.0.1:0", "where the stream is served, `host:port`")
	flags.StringVar(&cfg.StreamAddr, "twitter-addr", "127.0.0.1:0", "the same, by its older name")
	_ = flags.MarkHidden("twitter-addr") // it exists
	flags.StringVar(&cfg.NodeAddr, "node-addr", "127.0.0.1:0", "where the node listens, `host:port`")
	flags.StringVar(&cfg.Replay, "replay", "", "send the messages of this `file`, one a line or (.sse) server-sent events, or of all such in a directory, also packed (.gz, .zst), again and again")
	flags.Float64Var(&cfg.Rate, "rate", 57, "messages a second; twitter: 0 for as many as possible")
	flags.StringArrayVar(&cfg.Faults, "fault", nil, "a fault from the start, `NAME[=ARGUMENT][*TIMES]`; may be repeated")
	flags.StringVar(&cfg.Dir, "dir", "", "make this `directory` ready for the programs to run in")
	return cmd
}
