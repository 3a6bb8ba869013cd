package storage

import (
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/pack"
	"github.com/storj/twitter-stream/pkg/sink"
)

// Keys says where objects go at one of upload_url's places: nil for a web node,
// which knows names alone.
func Keys(cfg *config.Config, rawURL string) (func(name string, at time.Time) string, error) {
	u, err := url.Parse(rawURL)
	if err != nil || slices.Contains([]string{"http", "https", ""}, u.Scheme) {
		return nil, nil
	}
	template, err := objectkey.Parse(cfg.UploadKey)
	if err != nil {
		return nil, err // the configuration was checked by the same
	}
	facts := objectkey.Facts{Prefix: cfg.Prefix, Host: hostName(), Stream: streamName(cfg)}
	return func(name string, at time.Time) string {
		facts := facts
		facts.Name, facts.At = name, at
		return template.Key(facts)
	}, nil
}

// Sample is a key as the capture's files get it at a place, where they get one.
func Sample(cfg *config.Config, rawURL string) string {
	key, err := Keys(cfg, rawURL)
	if err != nil || key == nil {
		return ""
	}
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	return key(sink.SafeName(cfg.Prefix+at.Format("20060102T150405.000000Z")+"-000000.jsonl"+pack.Method(cfg.Compress.Method).Suffix()), at)
}

// hostName is this machine's, "" where it has none.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// streamName is a short name of the stream: its network's where that is known,
// else the host's that sends it.
func streamName(cfg *config.Config) string {
	switch cfg.StreamKind {
	case network.JSON, network.SSE, network.WebSocket:
		if u, err := url.Parse(cfg.StreamURL); err == nil && u.Hostname() != "" {
			return u.Hostname()
		}
	}
	if cfg.StreamURL == "" {
		return ""
	}
	return string(cfg.StreamKind)
}
