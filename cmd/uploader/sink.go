package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/cmd/internal/storage"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/logging"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/directory"
	"github.com/storj/twitter-stream/pkg/sink/s3"
	"github.com/storj/twitter-stream/pkg/sink/storj"
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
	case "s3":
		return toBucket(cfg, rawURL, log)
	case "sj":
		return toStorj(cfg, rawURL)
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

func toBucket(cfg *config.Config, rawURL string, log *logging.Log) (uploader.Target, func(), error) {
	settings := storage.S3(cfg, rawURL, func(what, sentence string) { log.WithField("url", what).Info(sentence) })
	settings.Sample = storage.Sample(cfg, rawURL)
	bucket, err := s3.New(settings)
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
		if len(cfg.UploadURLs) == 1 || ctx.Err() != nil {
			archive.Close()
			return uploader.Target{}, nil, err
		}
		log.WithError(err).WithField("hint", app.Hint(err)).Error("a directory cannot be uploaded to: the other places get their files meanwhile")
	}
	return uploader.Target{Sink: archive, Kind: directory.Kind, URL: archive.URL()}, archive.Close, nil
}

// reader returns what reads back from a place that receipts name, by the kind of
// its sink and its URL, and what ends it. It need not be configured any more: of
// a configured one, user and password are known. spool may be nil.
func reader(cfg *config.Config, spool *store.Store, kind, place string) (sink.Reader, func(), error) {
	switch kind {
	case webnode.Kind:
		node, err := webnode.New(webnode.Config{
			URL: configured(cfg, place), Token: cfg.UploadToken, Timeout: cfg.UploadTimeout, UserAgent: app.UserAgent(),
		})
		if err != nil {
			return nil, nil, err
		}
		return node, node.Close, nil
	case directory.Kind:
		path, _ := directory.Path(place) // New says what is wrong with it
		config := directory.Config{URL: place, Timeout: cfg.UploadTimeout, Command: app.Command("uploader init-dir", cfg.Path, path)}
		if spool != nil {
			config.Memory = app.ArchiveMemory{Store: spool, URL: place}
		}
		archive, err := directory.New(config)
		if err != nil {
			return nil, nil, err
		}
		return archive, archive.Close, nil
	case s3.Kind:
		bucket, err := s3.New(storage.S3(cfg, configured(cfg, place), nil))
		if err != nil {
			return nil, nil, err
		}
		return bucket, bucket.Close, nil
	case storj.Kind:
		bucket, err := storj.New(storage.Storj(cfg, configured(cfg, place)))
		if err != nil {
			return nil, nil, err
		}
		return bucket, bucket.Close, nil
	}
	return nil, nil, fmt.Errorf("%s: this version cannot read from a %q", redact.URL(place), redact.Text(kind))
}

// kindOf is how receipts name the kind of a configured place.
func kindOf(raw string) string {
	switch schemeOf(raw) {
	case "file":
		return directory.Kind
	case "s3":
		return s3.Kind
	case "sj":
		return storj.Kind
	}
	return webnode.Kind
}

// placeURL is how receipts name a configured place.
func placeURL(cfg *config.Config, raw string) string {
	switch kindOf(raw) {
	case directory.Kind:
		return raw
	case s3.Kind:
		bucket, err := s3.New(storage.S3(cfg, raw, nil))
		if err != nil {
			return redact.URL(raw) // whoever opens it is told
		}
		defer bucket.Close()
		return bucket.URL()
	case storj.Kind:
		bucket, err := storj.New(storage.Storj(cfg, raw))
		if err != nil {
			return redact.URL(raw) // as above
		}
		defer bucket.Close()
		return bucket.URL()
	}
	return redact.URL(raw)
}

// configured returns the URL of the configuration that receipts name as place,
// or place itself.
func configured(cfg *config.Config, place string) string {
	for _, raw := range cfg.UploadURLs {
		if placeURL(cfg, raw) == place {
			return raw
		}
	}
	return place
}
