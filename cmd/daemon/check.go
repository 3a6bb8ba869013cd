package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/cmd/internal/storage"
	"github.com/storj/twitter-stream/pkg/check"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/ledgercopy"
	"github.com/storj/twitter-stream/pkg/overview"
	"github.com/storj/twitter-stream/pkg/sink/directory"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/twitterauth"
)

func checkCommand(frame *app.Frame) *cobra.Command {
	return &cobra.Command{
		Use:     "check",
		Short:   "Look at everything a capture stands on, one line each",
		Example: "  daemon check -c config.ini",
		Args:    app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := frame.Load()
			if err != nil {
				return err
			}
			if !check.Run(cmd.Context(), frame.Out, checks(cfg)...) {
				return app.ErrReported
			}
			return nil
		},
	}
}

// checks is everything that a capture stands on, the nearest first.
func checks(cfg *config.Config) []check.Check {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	spool := store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName}
	return []check.Check{
		check.Configuration(cfg.Path, cfg.Warnings),
		credentials(cfg),
		check.Store(spool, cfg.MinFree),
		check.Ledger(spool),
		check.Captured(spool),
		copyCheck(cfg),
		check.Problems(func() ([]string, error) { return problems(cfg) }),
		check.Stream(cfg.StreamURL, client),
		sinkChecks(cfg, client),
		check.Clock(client, time.Now, cfg.StreamURL, cfg.UploadURL),
	}
}

// copyCheck compares the books with their copy.
func copyCheck(cfg *config.Config) check.Check {
	onlyKeys := slices.ContainsFunc(cfg.UploadURLs, func(rawURL string) bool { return strings.HasPrefix(strings.ToLower(rawURL), "http") })
	return check.Copy(cfg.LedgerCopy, onlyKeys, func() (ledgercopy.Source, string, func(), error) {
		spool, err := lookAtStore(cfg)
		if err != nil {
			return nil, "", nil, err
		}
		return app.Books{Store: spool, Receipts: true, Captured: true}, app.StoreName(cfg, spool), func() { spool.Close() }, nil
	})
}

// sinkChecks looks at all that upload_url names.
func sinkChecks(cfg *config.Config, client *http.Client) check.Check {
	urls := cfg.UploadURLs
	if len(urls) == 0 {
		urls = []string{""} // which is said
	}
	return func(ctx context.Context) (all []check.Finding) {
		for _, rawURL := range urls {
			all = append(all, sinkCheck(cfg, rawURL, client)(ctx)...)
		}
		return all
	}
}

// sinkCheck looks at one of them.
func sinkCheck(cfg *config.Config, rawURL string, client *http.Client) check.Check {
	if strings.HasPrefix(rawURL, "s3:") {
		settings := storage.S3(cfg, rawURL, nil)
		settings.Sample = storage.Sample(cfg, rawURL)
		return check.Bucket(settings)
	}
	if strings.HasPrefix(rawURL, "sj:") {
		return check.Storj(storage.Storj(cfg, rawURL))
	}
	path, ok := directory.Path(rawURL)
	if !ok {
		return check.Node(rawURL, client)
	}
	recall := func() (string, error) {
		spool, err := lookAtStore(cfg)
		if err != nil {
			return "", nil // check.Store has said it
		}
		defer spool.Close()
		return app.ArchiveMemory{Store: spool, URL: rawURL}.Recall()
	}
	return check.Archive(path, recall, app.Command("uploader init-dir", cfg.Path, path))
}

// credentials looks at what the stream is asked for with.
func credentials(cfg *config.Config) check.Check {
	c, command := cfg.Credentials, app.AuthCommand(cfg.Path)
	if !app.ReadsAsApp(cfg) {
		return check.Credentials(cfg.StreamAuth == "oauth1" && cfg.StreamURL != "", c.Missing(), command)
	}
	return check.Application(check.App{
		Given: cfg.GivenBearer() != "", Fetched: c.FetchedBearer != "", Missing: c.MissingKey(), Command: command,
		Fetch: func(ctx context.Context) (hint string, err error) {
			_, err = app.FetchToken(ctx, cfg, twitterauth.Consumer{Key: c.ConsumerKey, Secret: c.ConsumerSecret})
			return app.Hint(err), err
		},
	})
}

// problems is what 'daemon status' would complain of.
func problems(cfg *config.Config) ([]string, error) {
	spool, err := lookAtStore(cfg)
	if err != nil {
		return nil, err
	}
	defer spool.Close()
	view, err := overview.New(spool, overview.Limits{MinFree: cfg.MinFree, MaxStore: cfg.MaxStore}).Read(time.Now())
	return view.Problems, err
}

// warnDeadDefaults says it where config.ini still names the services of 2014.
func warnDeadDefaults(cfg *config.Config, say func(string)) {
	if check.RetiredStream(cfg.StreamURL) {
		say("stream_url is a Twitter v1.1 stream, which Twitter switched off: nothing will come from it; see 'daemon check', or run 'make demo'")
	}
	if slices.ContainsFunc(cfg.UploadURLs, check.RetiredNode) {
		say("upload_url is one of Storj's web nodes of 2014, which are gone: files will wait in the store; see 'daemon check', or run 'make demo'")
	}
}
