package main

import (
	"context"
	"errors"
	"math"
	"runtime/debug"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/grabber"
	"github.com/storj/twitter-stream/pkg/pack"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// options are the grabber's own flags.
type options struct {
	messages uint64
	duration time.Duration
	stdout   bool
}

func run(ctx context.Context, args []string, streams app.Streams) int {
	frame := app.New("grabber", streams)
	var opts options
	root := &cobra.Command{
		Use:   "grabber",
		Short: "Capture a social stream into the store",
		Long: `grabber connects to stream_url and writes every message to files of about
grabber_cut_size, one JSON message a line, until it is stopped.`,
		Example: `  grabber -c config.ini
  grabber --stdout --messages 100 | jq .text
  grabber --duration 1h -v
  grabber coverage`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return capture(cmd.Context(), frame, opts) },
	}
	frame.Root(root)
	frame.Override(root, "stream-url", "stream_url", "stream to capture, a `URL`")
	root.Flags().Uint64Var(&opts.messages, "messages", 0, "stop after so many messages")
	root.Flags().DurationVar(&opts.duration, "duration", 0, "stop after this `time`")
	root.Flags().BoolVar(&opts.stdout, "stdout", false, "write to standard output, without a store")
	root.AddCommand(coverageCommand(frame))
	root.AddCommand(rulesCommand(frame))
	return frame.Execute(ctx, root, args)
}

// capture wires the grabber and blocks until it ends.
func capture(ctx context.Context, frame *app.Frame, opts options) error {
	ctx, stop := frame.Lifetime(ctx)
	defer stop()
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	if cfg.StreamURL == "" {
		return &app.ConfigError{Err: errors.New("stream_url is none: nothing to capture"), Advice: "set stream_url in " + cfg.Path}
	}
	var log *logrus.Entry
	with, err := authorise(cfg, func() *logrus.Entry { return log })
	if err != nil {
		return err
	}
	openLog := frame.OpenLog
	if opts.stdout {
		openLog = frame.OpenConsole
	}
	log = openLog(cfg).Entry
	limitMemory(cfg.MaxMessage)
	settings := settings(cfg, opts, log)
	if opts.stdout {
		return toPipe(ctx, frame, cfg, settings, with)
	}
	return toStore(ctx, frame, cfg, settings, with)
}

func compression(cfg *config.Config) store.Compression {
	if cfg.Compress.Method == "none" {
		return store.Compression{}
	}
	return store.Compression{Method: pack.Method(cfg.Compress.Method), Level: cfg.Compress.Level}
}

// limitMemory has the runtime collect garbage before it asks the system for
// more than two messages of the largest size, one being read and one being
// written, and some room for all else. GOMEMLIMIT, if set, stands.
func limitMemory(maxMessage int) {
	const others = 6 << 20
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(2*int64(maxMessage) + others)
	}
}

func settings(cfg *config.Config, opts options, log *logrus.Entry) grabber.Config {
	return grabber.Config{
		Retries:        max(cfg.GrabberRetries, len(cfg.StreamSpare)), // each URL is tried
		Network:        backoff.Policy{First: cfg.BackoffNetwork.First, Max: cfg.BackoffNetwork.Max, Linear: true},
		HTTP:           backoff.Policy{First: cfg.BackoffHTTP.First, Max: cfg.BackoffHTTP.Max},
		RateLimit:      backoff.Policy{First: cfg.BackoffRateLimit.First, Max: cfg.BackoffRateLimit.Max},
		For:            identity(cfg),
		SilenceWarning: cfg.SilenceWarning,
		MaxMessages:    opts.messages,
		Duration:       opts.duration,
		Version:        app.Version(),
		StatusPace:     status.Pace(cfg.HeartbeatTimeout),
		Log:            log,
	}
}

func toPipe(ctx context.Context, frame *app.Frame, cfg *config.Config, settings grabber.Config, with access) error {
	if cfg.Price > 0 {
		settings.Log.Warn("what --stdout reads is paid for too, but is not summed up: stream_price and stream_budget do nothing here")
	}
	g := grabber.New(settings, nil)
	source, err := connect(cfg, g, with, nil)
	if err != nil {
		return err
	}
	defer source.Close()
	return g.ToPipe(ctx, source, frame.Out)
}

func toStore(ctx context.Context, frame *app.Frame, cfg *config.Config, settings grabber.Config, with access) error {
	var spool *store.Store
	books := app.NewBookCopy(cfg, app.Books{Captured: true}, settings.Log)
	err := app.WhileFull(ctx, settings.Log, func() (err error) {
		spool, err = store.Open(store.Config{
			Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, Create: !frame.Supervised(), Name: app.NewStoreName(cfg),
			Notice:   func(file, sentence string) { settings.Log.WithField("file", file).Warn(sentence) },
			Appended: books.Appended,
		})
		return err
	})
	if err != nil {
		return err
	}
	defer spool.Close()
	lock, err := spool.Lock(ctx, store.RoleGrabber, frame.Holder())
	if err != nil {
		return err
	}
	defer lock.Close()
	defer books.Watch(spool)()
	settings.Check, settings.Copy = lock.Check, books.State
	book := record(spool, settings.Log)
	memory, err := remember(cfg, spool, settings.Log, book.Skipped)
	if err != nil {
		return err
	}
	settings.Journal = book
	if memory != nil {
		settings.Asked = memory.Asked
	}
	bill := newBill(cfg, spool, settings.Log)
	settings.Budget = bill.status
	g := grabber.New(settings, spool)
	source, err := connect(cfg, g, with, memory)
	if err != nil {
		return err
	}
	defer source.Close()
	paid, err := bill.over(source, g)
	if err != nil {
		return err
	}
	defer bill.close()
	var writer *store.Writer
	err = app.WhileFull(ctx, settings.Log, func() (err error) {
		writer, err = spool.NewWriter(store.WriterConfig{
			CutBytes: cfg.CutBytes, CutInterval: cfg.CutInterval, SyncInterval: cfg.SyncInterval,
			MinFree: cfg.MinFree, MaxStore: cfg.MaxStore, Memory: kept(memory), Compress: compression(cfg),
			Busy: g.Busy, Finished: g.Finished,
		})
		return err
	})
	if err != nil {
		return err
	}
	return g.Run(ctx, paid, writer)
}
