// Package twitterauth signs requests for Twitter (OAuth 1.0a, HMAC-SHA1), walks
// a person through the PIN authorisation once, and fetches the token with which
// X's API v2 is read in the name of an application. It is the only package
// that knows github.com/mrjones/oauth, and keeps that library's habits in:
// redirects, headers in error texts, form detection.
//
// It guarantees that no error holds a header, a key or a token, that no
// request which carries a credential follows a redirect, and that of an answer
// at most 64 KiB are read.
//
// It must not know configuration files, terminals or streams: it is handed
// keys and URLs, and hands back tokens, transports and typed errors.
package twitterauth

import (
	"fmt"
	"net/http"
	"time"

	"github.com/mrjones/oauth"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// Consumer is an application's key and secret.
type Consumer struct{ Key, Secret string }

// Token is a user's access token and secret.
type Token struct{ Token, Secret string }

// Endpoints are the three URLs of the PIN flow. Authorize may end in
// "?oauth_token=", as the original's does; the other two have no query.
type Endpoints struct{ RequestToken, Authorize, AccessToken string }

// Config is what both directions need.
type Config struct {
	Consumer  Consumer
	Endpoints Endpoints
	// Transport sends; nil means http.DefaultTransport.
	Transport http.RoundTripper
	Now       func() time.Time // nil means time.Now; the clock that the server's is compared with
	UserAgent string           // name and version, for the PIN flow; "" means Go's own
}

func (c Config) transport() http.RoundTripper {
	if c.Transport == nil {
		return http.DefaultTransport
	}
	return c.Transport
}

func (c Config) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// consumer returns the library's side of c, sending through client.
func (c Config) consumer(provider oauth.ServiceProvider, client oauth.HttpClient) *oauth.Consumer {
	consumer := oauth.NewConsumer(c.Consumer.Key, c.Consumer.Secret, provider)
	consumer.HttpClient = client
	return consumer
}

// Kind says what went wrong in an authorisation.
type Kind int

// The kinds.
const (
	Network     Kind = iota // no answer, or one that says to come back later
	RefusedKey              // consumer key or secret refused
	WrongPIN                // or its request token has run out: a new flow is needed
	ClockSkew               // the own clock is off; Skew says by how much
	Unconfirmed             // the app cannot do PIN authorisation: no callback URL, or oauth_callback_confirmed was not true
	Unexpected              // an answer that fits nothing: probably a wrong URL
)

// Error never holds a header or a secret.
type Error struct {
	Kind   Kind
	Op     string // "request token", "access token", "application token"
	URL    string // without query
	Status int
	Skew   time.Duration // server time minus ours, where the answer had a Date
	Err    error
	Hint   string // what to do
}

func (e *Error) Error() string { return fmt.Sprintf("%s from %s: %v", e.Op, e.URL, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table: a network failure is 1, a URL that
// does not do what it should is 3, all else 4.
func (e *Error) ExitCode() int {
	switch e.Kind {
	case Network:
		return exitcode.Failed
	case Unexpected:
		return exitcode.Config
	}
	return exitcode.Credentials
}
