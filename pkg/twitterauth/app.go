package twitterauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// tokenWithin bounds the request for a token: a stream that waits for it gives
// up before long.
const tokenWithin = 15 * time.Second

// AppToken fetches the token of the application itself (X, OAuth 2.0
// application-only) from endpoint, the URL of oauth2/token. It is the same one
// at each call until it is invalidated there, it does not expire, and the call
// is limited by rate: keep it. The error is an *Error.
func AppToken(ctx context.Context, cfg Config, endpoint string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenWithin)
	defer cancel()
	x := &exchange{ctx: ctx, cfg: cfg, op: "application token", endpoint: endpoint}
	address, err := x.canonical()
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		return "", x.error(Unexpected, errors.New("the URL is none that can be asked"), hintToken)
	}
	// Both parts are escaped before they are joined (RFC 6749, 2.3.1).
	pair := url.QueryEscape(cfg.Consumer.Key) + ":" + url.QueryEscape(cfg.Consumer.Secret)
	basic := base64.StdEncoding.EncodeToString([]byte(pair))
	x.secrets = []string{pair, basic, url.QueryEscape(cfg.Consumer.Secret)}
	req.Header.Set("Authorization", "Basic "+basic)
	req.Header.Set("Content-Type", formType+";charset=UTF-8")
	if _, err := x.Do(req); err != nil {
		return "", x.noAnswer()
	}
	if x.status != http.StatusOK {
		return "", x.failure(appStep)
	}
	return x.appToken()
}

// appToken takes the token out of the answer. It is used as it stands: the %XX
// in it are part of it (X, application-only).
func (x *exchange) appToken() (string, error) {
	var answer struct {
		TokenType   string `json:"token_type"`
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(x.body, &answer) != nil { // a login page, say; whatever it is, it may hold the token
		return "", x.error(Unexpected, fmt.Errorf("the answer of %d bytes is not the JSON of a token", len(x.body)), hintToken)
	}
	if !strings.EqualFold(answer.TokenType, "bearer") {
		return "", x.error(Unexpected, errors.New("the answer does not say token_type bearer"), hintToken)
	}
	if !sendable(answer.AccessToken) {
		return "", x.error(Unexpected, errors.New("the answer holds no usable token"), hintToken)
	}
	return answer.AccessToken, nil
}

// maxToken is far longer than any token is, in bytes.
const maxToken = 4 << 10

// sendable reports whether a token can be sent in a header and kept in a file.
func sendable(token string) bool {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }
	return token != "" && len(token) <= maxToken && !strings.ContainsFunc(token, bad)
}

// App reads in the name of an application: an http.RoundTripper that sends its
// token with each request, and fetches it where there is none. A token that
// the service refuses is forgotten and fetched once more; if that one is
// refused too, or is the same, the refusal is the answer. It follows no
// redirect, and sends nothing on one that a client above it follows.
type App struct {
	cfg      Config
	endpoint string
	keep     func(token string)

	mu    sync.Mutex // guards token; held while one is fetched
	token string
}

// NewApp returns an App that begins with a token of before, which may be "".
// keep is told of each token that is fetched and, by "", of each that is
// refused.
func NewApp(cfg Config, endpoint, token string, keep func(token string)) *App {
	return &App{cfg: cfg, endpoint: endpoint, token: token, keep: keep}
}

// RoundTrip implements http.RoundTripper. The error is an *Error where the
// token could not be fetched.
func (a *App) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Response != nil { // set by http.Client on what a redirect made
		closeBody(req)
		return nil, errors.New("the URL has moved here, and credentials follow no redirect")
	}
	token, err := a.current(req.Context(), "")
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := a.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	again, ok := another(req)
	if !ok {
		return resp, nil
	}
	fresh, err := a.current(req.Context(), token)
	switch {
	case err != nil:
		_ = resp.Body.Close() // what it says of the old token does not count
		return nil, err
	case fresh == token:
		return resp, nil
	}
	_ = resp.Body.Close() // likewise
	return a.send(again, fresh)
}

// CloseIdleConnections has http.Client close those of the transport beneath.
func (a *App) CloseIdleConnections() {
	if closer, ok := a.cfg.transport().(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// current returns the token, another one than refused, fetching where needed.
func (a *App) current(ctx context.Context, refused string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && a.token != refused {
		return a.token, nil
	}
	if a.token != "" {
		a.token = ""
		a.keep("")
	}
	token, err := AppToken(ctx, a.cfg, a.endpoint)
	if err != nil {
		return "", err
	}
	a.token = token
	a.keep(token)
	return token, nil
}

func (a *App) send(req *http.Request, token string) (*http.Response, error) {
	sent := req.Clone(req.Context())
	if sent.Header == nil {
		sent.Header = http.Header{}
	}
	sent.Header.Set("Authorization", "Bearer "+token)
	return a.cfg.transport().RoundTrip(sent)
}

// another returns the request once more, if its body can be had again.
func another(req *http.Request) (again *http.Request, ok bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again = req.Clone(req.Context())
	again.Body = body
	return again, true
}

// closeBody is a RoundTripper's duty in any case.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing was read from it
	}
}
