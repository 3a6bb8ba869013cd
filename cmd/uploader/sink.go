package main

import (
	"context"
	"net/url"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/logging"
	"github.com/storj/twitter-stream/pkg/sink/directory"
	"github.com/storj/twitter-stream/pkg/sink/webnode"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/uploader"
)

// target returns the sink that one of upload_url's values names, ready to be put to, and what
// ends it. It is the one place that knows all sinks.
func target(ctx context.Context, cfg *config.Config, rawURL string, log *logging.Log, spool *store.Store) (uploader.Target, func(), error) {
	switch schemeOf(rawURL) {
	case "file":
		return toDirectory(ctx, cfg, rawURL, log, spool)
	default:
		return toNode(cfg, rawURL)
	}
}

func schemeOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Scheme
}

func toNode(cfg *config.Config, rawURL string) (uploader.Target, func(), error) {
	node, err := webnode.New(webnode.Config{
		URL: rawURL, Token: cfg.UploadToken, Timeout: cfg.UploadTimeout, UserAgent: app.UserAgent(),
	})
	if err != nil {
		return uploader.Target{}, nil, &app.ConfigError{Err: err, Advice: "check upload_url in " + cfg.Path}
	}
	return uploader.Target{Sink: node, Kind: webnode.Kind, URL: node.URL()}, node.Close, nil
}

func toDirectory(ctx context.Context, cfg *config.Config, rawURL string, log *logging.Log, spool *store.Store) (uploader.Target, func(), error) {
	path, _ := directory.Path(rawURL) // New says what is wrong with it
	archive, err := directory.New(directory.Config{
		URL: rawURL, Timeout: cfg.UploadTimeout,
		Memory:  app.ArchiveMemory{Store: spool, URL: rawURL},
		Command: app.Command("uploader init-dir", cfg.Path, path),
		Notice:  func(path, sentence string) { log.WithField("file", path).Info(sentence) },
	})
	if err != nil {
		return uploader.Target{}, nil, &app.ConfigError{Err: err, Advice: "check upload_url in " + cfg.Path}
	}
	if err := archive.Prepare(ctx); err != nil {
		if len(cfg.UploadURLs) == 1 || ctx.Err() != nil {
			archive.Close()
			return uploader.Target{}, nil, err
		}
		log.WithError(err).WithField("hint", app.Hint(err)).Error("a directory cannot be uploaded to: the other places get their files meanwhile")
	}
	return uploader.Target{Sink: archive, Kind: directory.Kind, URL: archive.URL()}, archive.Close, nil
}
