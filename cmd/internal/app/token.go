package app

import (
	"context"
	"net/url"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// ReadsAsApp reports whether the stream is read with an application's token,
// which can be fetched with the application's key.
func ReadsAsApp(cfg *config.Config) bool {
	return cfg.StreamURL != "" && cfg.StreamKind == network.X && cfg.StreamAuth == "bearer"
}

// TokenURL returns where an application's token is had: at the host of the
// stream, since X has changed its name and both answer.
func TokenURL(cfg *config.Config) string {
	u, err := url.Parse(cfg.StreamURL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/oauth2/token"}).String()
}

// FetchToken fetches the token of the application that has this key.
func FetchToken(ctx context.Context, cfg *config.Config, key twitterauth.Consumer) (string, error) {
	return twitterauth.AppToken(ctx, twitterauth.Config{Consumer: key, UserAgent: UserAgent()}, TokenURL(cfg))
}
