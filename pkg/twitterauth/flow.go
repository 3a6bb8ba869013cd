package twitterauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/mrjones/oauth"

	"github.com/storj/twitter-stream/pkg/redact"
)

// Flow is one PIN authorisation in progress.
type Flow struct {
	cfg     Config
	request *oauth.RequestToken
}

// Start asks for a request token and returns the flow and the URL that the
// person has to open. The error is an *Error.
func Start(ctx context.Context, cfg Config) (flow *Flow, authorizeURL string, err error) {
	const op = "request token"
	x := &exchange{ctx: ctx, cfg: cfg, op: op, endpoint: cfg.Endpoints.RequestToken}
	endpoint, err := x.canonical()
	if err != nil {
		return nil, "", err
	}
	consumer := cfg.consumer(oauth.ServiceProvider{RequestTokenUrl: endpoint, HttpMethod: "POST"}, x)
	request, _, err := consumer.GetRequestTokenAndUrl("oob")
	if err != nil { // whose text holds the headers: only what was exchanged counts
		return nil, "", x.failure(requestStep)
	}
	// The library drops this parameter; a server that does not confirm speaks
	// an older OAuth and would send the person elsewhere (RFC 5849, 2.1).
	if answered, err := url.ParseQuery(string(x.body)); err != nil || answered.Get("oauth_callback_confirmed") != "true" {
		return nil, "", x.error(Unconfirmed, errors.New("the answer does not say oauth_callback_confirmed=true"), hintCallback)
	}
	if !sound(request.Token, request.Secret) {
		return nil, "", x.error(Unexpected, errors.New("the answer holds no usable token"), hintURL)
	}
	page, err := authorizePage(cfg.Endpoints.Authorize, request.Token)
	if err != nil {
		return nil, "", x.error(Unexpected, errors.New("authorize_url is no URL"), "correct authorize_url")
	}
	return &Flow{cfg: cfg, request: request}, page, nil
}

// authorizePage puts the request token into the page's URL, whether or not
// that has room for it already.
func authorizePage(raw, token string) (string, error) {
	page, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	query := page.Query()
	query.Set("oauth_token", token)
	page.RawQuery = query.Encode()
	return page.String(), nil
}

// Finish exchanges the PIN for an access token. The error is an *Error; one of
// kind WrongPIN means that a new flow is needed.
func (f *Flow) Finish(ctx context.Context, pin string) (Token, error) {
	const op = "access token"
	x := &exchange{ctx: ctx, cfg: f.cfg, op: op, endpoint: f.cfg.Endpoints.AccessToken}
	pin = strings.Join(strings.Fields(pin), "") // as the page shows it, perhaps in groups
	if pin == "" {
		return Token{}, x.error(WrongPIN, errors.New("no PIN was given"), hintPIN)
	}
	x.secrets = []string{f.request.Token, f.request.Secret, pin}
	endpoint, err := x.canonical()
	if err != nil {
		return Token{}, err
	}
	consumer := f.cfg.consumer(oauth.ServiceProvider{AccessTokenUrl: endpoint, HttpMethod: "POST"}, x)
	token, err := consumer.AuthorizeToken(f.request, pin)
	if err != nil {
		return Token{}, x.failure(accessStep)
	}
	if !sound(token.Token, token.Secret) {
		return Token{}, x.error(Unexpected, errors.New("the answer holds no usable token"), hintURL)
	}
	return Token{token.Token, token.Secret}, nil
}

// sound reports whether a token can be stored and sent.
func sound(token, secret string) bool {
	bad := func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }
	return token != "" && secret != "" && !strings.ContainsFunc(token+secret, bad)
}

// canonical returns the endpoint as it is signed: the library signs the text
// that it is given.
func (x *exchange) canonical() (string, error) {
	u, err := url.Parse(x.endpoint)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return "", x.error(Unexpected, errors.New("the URL is none that can be signed"), "it needs a host, and neither a user nor a query")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return fmt.Sprintf("%s://%s%s", u.Scheme, canonicalHost(u.Scheme, u.Host), path), nil
}

// error returns an Error about this exchange.
func (x *exchange) error(kind Kind, err error, hint string) *Error {
	return &Error{Kind: kind, Op: x.op, URL: redact.URL(x.endpoint), Status: x.status, Skew: x.skew, Err: err, Hint: hint}
}
