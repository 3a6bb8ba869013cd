package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/cmd/internal/storage"
	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/logging"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/uploader"
)

func run(ctx context.Context, args []string, streams app.Streams) int {
	frame := app.New("uploader", streams)
	drain := false
	root := &cobra.Command{
		Use:   "uploader",
		Short: "Ship finished files from the store to where they are kept, and get them back",
		Long: `uploader watches the store, puts each finished file to upload_url, oldest first,
and removes it once the node has proven that it has it and the receipt is on disk.
Where upload_url names several places each gets every file, and one that is down
does not hold up the others. Where it is a directory, on this disk or another, it is proven by reading
back; init-dir makes a directory ready for that.`,
		Example: `  uploader -c config.ini
  uploader --drain
  uploader push notes.txt photos/
  uploader retry --all
  uploader init-dir
  uploader verify`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return ship(cmd.Context(), frame, drain) },
	}
	frame.Root(root)
	frame.Override(root, "upload-url", "upload_url", "node to upload to, or a directory: a `URL`")
	root.Flags().BoolVar(&drain, "drain", false, "ship what waits, then exit")
	root.AddCommand(pushCommand(frame), retryCommand(frame), initDirCommand(frame),
		listCommand(frame), fetchCommand(frame), verifyCommand(frame), rebuildCommand(frame))
	return frame.Execute(ctx, root, args)
}

// ship wires the watch loop and blocks until it ends.
func ship(ctx context.Context, frame *app.Frame, drain bool) error {
	ctx, stop := frame.Lifetime(ctx)
	defer stop()
	cfg, err := load(frame)
	if err != nil {
		return err
	}
	log := frame.OpenLog(cfg)
	books := app.NewBookCopy(cfg, app.Books{Receipts: true, Idle: true}, log.Entry)
	spool, err := open(ctx, frame, cfg, log, books)
	if err != nil {
		return err
	}
	defer spool.Close()
	lock, err := spool.Lock(ctx, store.RoleUploader, frame.Holder())
	if err != nil {
		return err
	}
	defer lock.Close()
	settings, closeSink, err := settings(ctx, cfg, log, spool)
	if err != nil {
		return err
	}
	defer closeSink()
	defer keepSummary(ctx, spool, log.Entry)()
	defer books.Watch(spool)()
	settings.Check, settings.Drain, settings.Copy = lock.Check, drain, books.State
	return uploader.New(settings, spool).Run(ctx)
}

// load reads the configuration and wants somewhere to upload to.
func load(frame *app.Frame) (*config.Config, error) {
	cfg, err := frame.Load()
	if err != nil {
		return nil, err
	}
	if cfg.UploadURL == "" {
		return nil, &app.ConfigError{Err: errors.New("upload_url is none: nowhere to upload to"), Advice: "set upload_url in " + cfg.Path}
	}
	return cfg, nil
}

func open(ctx context.Context, frame *app.Frame, cfg *config.Config, log *logging.Log, books *app.BookCopy) (spool *store.Store, err error) {
	err = app.WhileFull(ctx, log.Entry, func() (err error) {
		spool, err = store.Open(store.Config{
			Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName, Create: !frame.Supervised(), Name: app.NewStoreName(cfg),
			Notice:   func(file, sentence string) { log.WithField("file", file).Warn(sentence) },
			Appended: books.Appended,
		})
		return err
	})
	return spool, err
}

// settings says how to ship, and where to.
func settings(ctx context.Context, cfg *config.Config, log *logging.Log, spool *store.Store) (uploader.Config, func(), error) {
	targets, closeSinks, err := targets(ctx, cfg, log, spool)
	if err != nil {
		return uploader.Config{}, nil, err
	}
	return uploader.Config{
		Targets:     targets,
		Concurrency: cfg.UploadConcurrency,
		Retries:     cfg.UploadRetries,
		Backoff:     backoff.Policy{First: cfg.UploadBackoff.First, Max: cfg.UploadBackoff.Max},
		Timeout:     cfg.UploadTimeout,
		Bandwidth:   cfg.UploadBandwidth,
		Books:       app.StoreName(cfg, spool),
		Version:     app.Version(),
		StatusPace:  status.Pace(cfg.HeartbeatTimeout),
		Log:         log.Entry,
	}, closeSinks, nil
}

// targets are the places that upload_url names: each gets every file.
func targets(ctx context.Context, cfg *config.Config, log *logging.Log, spool *store.Store) (all []uploader.Target, closeAll func(), err error) {
	var ends []func()
	closeAll = func() {
		for _, end := range ends {
			end()
		}
	}
	for _, rawURL := range cfg.UploadURLs {
		it, end, err := target(ctx, cfg, rawURL, log, spool)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		ends = append(ends, end)
		if err := onlyOnce(cfg, all, it); err != nil {
			closeAll()
			return nil, nil, err
		}
		if it.Key, err = storage.Keys(cfg, rawURL); err != nil {
			closeAll()
			return nil, nil, err
		}
		it.For = identity(cfg, rawURL)
		all = append(all, it)
	}
	return all, closeAll, nil
}

// onlyOnce refuses a place that receipts name as they do another one: the
// other's receipt would count for it.
func onlyOnce(cfg *config.Config, all []uploader.Target, it uploader.Target) error {
	for _, other := range all {
		if other.Kind == it.Kind && other.URL == it.URL {
			return &app.ConfigError{
				Err:    fmt.Errorf("upload_url names one place twice: %s", it.URL),
				Advice: "places are told apart neither by user and password nor by a query: check upload_url in " + cfg.Path,
			}
		}
	}
	return nil
}

// identity is a short hash of what a storage recognises us by: a wait that it
// imposed is for this URL and these keys only.
func identity(cfg *config.Config, rawURL string) string {
	known := []string{rawURL, cfg.UploadToken}
	if keys, err := cfg.Storage(rawURL); err == nil { // else whoever ships is told
		for _, key := range []string{keys.AccessKey, keys.SecretKey, keys.StorjAccess} {
			if key != "" {
				known = append(known, key)
			}
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(known, "\x00")))
	return hex.EncodeToString(sum[:6])
}
