package main

import (
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/objectkey"
)

// keys says where objects go at one of upload_url's places: nil for a web node,
// which knows names alone.
func keys(cfg *config.Config, rawURL string) (func(name string, at time.Time) string, error) {
	if slices.Contains([]string{"http", "https", ""}, schemeOf(rawURL)) {
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
