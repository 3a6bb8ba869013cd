package main

import (
	"errors"
	"net/http"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/stream"
	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// access is what a stream is asked for with.
type access struct {
	transport http.RoundTripper
	bearer    string // where the transport does not see to it
}

// authorise finds what cfg.StreamAuth says is needed. log returns where to tell
// what happens to a fetched token; it is not called before one is.
func authorise(cfg *config.Config, log func() *logrus.Entry) (access, error) {
	plain := stream.Transport()
	c := cfg.Credentials
	key := twitterauth.Config{Consumer: twitterauth.Consumer{Key: c.ConsumerKey, Secret: c.ConsumerSecret}, Transport: plain, UserAgent: app.UserAgent()}
	switch {
	case cfg.StreamAuth == "oauth1":
		if missing := c.Missing(); len(missing) > 0 {
			return access{}, &app.ConfigError{Err: errors.New("no authorisation for " + redact.URL(cfg.StreamURL)), Advice: "run on a terminal: " + app.AuthCommand(cfg.Path)}
		}
		return access{transport: twitterauth.Signer(key, twitterauth.Token{Token: c.OAuthToken, Secret: c.OAuthTokenSecret})}, nil
	case cfg.StreamAuth == "bearer" && !app.ReadsAsApp(cfg):
		if cfg.StreamToken == "" {
			return access{}, &app.ConfigError{Err: errors.New("no token for " + redact.URL(cfg.StreamURL)), Advice: "set stream_token in " + cfg.Path}
		}
		return access{transport: plain, bearer: cfg.StreamToken}, nil
	case cfg.StreamAuth == "bearer" && cfg.GivenBearer() != "":
		return access{transport: plain, bearer: cfg.GivenBearer()}, nil
	case cfg.StreamAuth == "bearer":
		if missing := c.MissingKey(); len(missing) > 0 {
			return access{}, &app.ConfigError{
				Err:    errors.New("no token for " + redact.URL(cfg.StreamURL) + ", nor the application's key to fetch one"),
				Advice: "run on a terminal: " + app.AuthCommand(cfg.Path) + "; or write BEARER_TOKEN = … into " + cfg.APIFile,
			}
		}
		keep := func(token string) { keepToken(cfg, token, log()) }
		return access{transport: asStream{twitterauth.NewApp(key, app.TokenURL(cfg), c.FetchedBearer, keep)}}, nil
	}
	return access{transport: plain}, nil
}

// keepToken keeps a token that was fetched for the next process, and forgets
// one that was refused.
func keepToken(cfg *config.Config, token string, log *logrus.Entry) {
	sentence := "a token of the application was fetched and kept"
	if token == "" {
		sentence = "the service does not take the token that was fetched before: it is forgotten"
	}
	if err := cfg.SaveBearer(token); err != nil {
		log.WithError(err).Warn("the application's token cannot be kept, and is fetched anew at each start")
		return
	}
	log.WithField("file", cfg.BearerFile()).Info(sentence)
}

// asStream has trouble with a token look like trouble with the stream that
// needs it, so that the capture waits, or ends, by the same rules.
type asStream struct{ *twitterauth.App }

// RoundTrip implements http.RoundTripper.
func (a asStream) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.App.RoundTrip(req)
	var refused *twitterauth.Error
	if errors.As(err, &refused) {
		err = &stream.Error{Kind: kindOf(refused), Status: refused.Status, Err: refused, Hint: refused.Hint}
	}
	return resp, err
}

func kindOf(e *twitterauth.Error) stream.Kind {
	switch {
	case e.Kind == twitterauth.Network && e.Status == http.StatusTooManyRequests:
		return stream.RateLimit
	case e.Kind == twitterauth.Network && e.Status != 0:
		return stream.HTTP
	case e.Kind == twitterauth.Network:
		return stream.Network
	case e.Kind == twitterauth.Unexpected && e.Status == http.StatusOK: // a login page in between, as it may be of the stream
		return stream.HTTP
	case e.Kind == twitterauth.Unexpected:
		return stream.Refused
	}
	return stream.Credentials
}
