package main

import (
	"context"
	"net/url"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/cmd/internal/storage"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/logging"
	"github.com/storj/twitter-stream/pkg/sink/directory"
	"github.com/storj/twitter-stream/pkg/sink/s3"
	"github.com/storj/twitter-stream/pkg/sink/storj"
	"github.com/storj/twitter-stream/pkg/sink/webnode"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/uploader"
)

// target returns the sink that one upload URL names, ready to be put to, and what
// ends it. It is the one place that knows all sinks.
func target(ctx context.Context, cfg *config.Config, rawURL string, log *logging.Log, spool *store.Store) (uploader.Target, func(), error) {
	scheme := ""
	if u, err := url.Parse(rawURL); err == nil {
		scheme = u.Scheme
	}
	switch scheme {
	case "file":
		return toDirectory(ctx, cfg, rawURL, log, spool)
	case "s3":
		return toBucket(cfg, rawURL, log)
	case "sj":
		return toStorj(cfg, rawURL)
	default:
		return toNode(cfg, rawURL)
	}
}

func toBucket(cfg *config.Config, rawURL string, log *logging.Log) (uploader.Target, func(), error) {
	bucket, err := s3.New(storage.S3(cfg, rawURL, func(what, sentence string) { log.WithField("url", what).Info(sentence) }))
	if err != nil {
		return uploader.Target{}, nil, &app.ConfigError{Err: err, Advice: "check upload_url in " + cfg.Path}
	}
	bucket.Prepare()
	return uploader.Target{Sink: bucket, Kind: s3.Kind, URL: bucket.URL()}, bucket.Close, nil
}

func toStorj(cfg *config.Config, rawURL string) (uploader.Target, func(), error) {
	bucket, err := storj.New(storage.Storj(cfg, rawURL))
	if err != nil {
		return uploader.Target{}, nil, &app.ConfigError{Err: err, Advice: "check upload_url in " + cfg.Path}
	}
	return uploader.Target{Sink: bucket, Kind: storj.Kind, URL: bucket.URL()}, bucket.Close, nil
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
		archive.Close()
		return uploader.Target{}, nil, err
	}
	return uploader.Target{Sink: archive, Kind: directory.Kind, URL: archive.URL()}, archive.Close, nil
}
