package twitterauth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mrjones/oauth"

	"github.com/storj/twitter-stream/pkg/redact"
)

const formType = "application/x-www-form-urlencoded"

// Signer returns a RoundTripper that signs each request for token and streams
// the answer. It follows no redirect, and refuses to sign a request that a
// client above it made by following one.
func Signer(cfg Config, token Token) http.RoundTripper {
	return &signer{
		consumer:  cfg.consumer(oauth.ServiceProvider{}, nil),
		token:     &oauth.AccessToken{Token: token.Token, Secret: token.Secret},
		transport: cfg.transport(),
	}
}

// signer has the library sign a stand-in for each request and sends the
// request itself. So neither the stream nor a redirect ever passes through the
// library, and what it would sign wrongly (a form with a query, a content type
// with a charset, escaped paths and names, default ports) is put in front of it
// in a form that it signs rightly.
type signer struct {
	consumer  *oauth.Consumer
	token     *oauth.AccessToken
	transport http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (s *signer) RoundTrip(req *http.Request) (*http.Response, error) {
	signed := req.Clone(req.Context())
	if err := s.sign(signed); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper closes it in any case
		}
		return nil, fmt.Errorf("sign request to %s: %w", redact.URL(req.URL.String()), err)
	}
	return s.transport.RoundTrip(signed)
}

// CloseIdleConnections has http.Client close those of the transport beneath: a
// stalled connection must not be used for the next try.
func (s *signer) CloseIdleConnections() {
	if closer, ok := s.transport.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

func (s *signer) sign(req *http.Request) error {
	if req.Response != nil { // set by http.Client on what a redirect made
		return errors.New("the URL has moved here, and credentials follow no redirect")
	}
	form, err := takeForm(req)
	if err != nil {
		return err
	}
	standIn, err := standIn(req, form)
	if err != nil {
		return err
	}
	var caught catcher
	consumer := *s.consumer // its nonces are shared and locked
	consumer.HttpClient = &caught
	library, err := consumer.MakeRoundTripper(s.token)
	if err != nil {
		return err
	}
	resp, err := library.RoundTrip(standIn)
	if err != nil {
		return errors.New("the signature could not be made") // the library's text is unknown ground
	}
	_ = resp.Body.Close() // an empty one
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Authorization", caught.authorization) // also over a user's from the URL
	return nil
}

// catcher is what the library sends a stand-in to.
type catcher struct{ authorization string }

// Do implements oauth.HttpClient.
func (c *catcher) Do(req *http.Request) (*http.Response, error) {
	c.authorization = req.Header.Get("Authorization")
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// takeForm returns the body of a form, which belongs to what is signed (RFC
// 5849, 3.4.1.3.1), and gives the request a fresh one.
func takeForm(req *http.Request) ([]byte, error) {
	mediaType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || mediaType != formType || req.Body == nil {
		return nil, nil // any other content is not signed
	}
	form, err := io.ReadAll(req.Body)
	if err = errors.Join(err, req.Body.Close()); err != nil {
		return nil, err
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(form)), nil }
	req.Body, err = req.GetBody()
	req.ContentLength = int64(len(form))
	return form, err
}

// standIn returns a request with the same signature as req: all parameters in
// a form, since the library looks at the query or at a form and never at both;
// names escaped once, since it escapes only values; the URL as it is sent.
func standIn(req *http.Request, form []byte) (*http.Request, error) {
	parameters, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return nil, errors.New("the URL's query is not well-formed")
	}
	inForm, err := url.ParseQuery(string(form))
	if err != nil {
		return nil, errors.New("the form is not well-formed")
	}
	for _, name := range slices.Collect(maps.Keys(inForm)) {
		parameters[name] = append(parameters[name], inForm[name]...)
	}
	escaped := url.Values{}
	for name, values := range parameters {
		escaped[strings.ReplaceAll(url.QueryEscape(name), "+", "%20")] = values
	}
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	path := req.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	return &http.Request{
		Method: method,
		URL:    &url.URL{Scheme: req.URL.Scheme, Host: canonicalHost(req.URL.Scheme, host), Path: path},
		Header: http.Header{"Content-Type": {formType}},
		Body:   io.NopCloser(strings.NewReader(escaped.Encode())),
	}, nil
}

// canonicalHost returns a host as it is signed: lower case, without the
// scheme's own port (RFC 5849, 3.4.1.2).
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}
