package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/storj/twitter-stream/pkg/redact"
)

// request is what is sent for each connection.
type request struct {
	method    string
	url       *url.URL
	form      string // the body of a POST
	agent     string
	delimited bool // delimited=length was asked for
}

func newRequest(cfg Config) (request, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return request{}, errors.New("the URL cannot be parsed") // its text may hold secrets
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return request{}, errors.New("not an http or https URL")
	}
	parameters := u.Query()
	maps.Copy(parameters, cfg.Parameters)
	r := request{method: cfg.Method, url: u, agent: cfg.UserAgent, delimited: parameters.Get("delimited") == "length"}
	u.Fragment = ""
	switch r.method {
	case "", http.MethodGet:
		r.method = http.MethodGet
		if len(cfg.Parameters) > 0 {
			u.RawQuery = parameters.Encode()
		}
	case http.MethodPost:
		// All parameters go one way: a signature covers the query or the form.
		r.form, u.RawQuery = parameters.Encode(), ""
	default:
		return request{}, fmt.Errorf("the method %s is neither GET nor POST", redact.Text(r.method))
	}
	return r, nil
}

// make returns the request for one connection. The Content-Type is exactly
// this, without a charset: signers know a form by it.
func (r request) make(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), strings.NewReader(r.form))
	if err != nil {
		return nil, err
	}
	if r.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r.agent != "" {
		req.Header.Set("User-Agent", r.agent)
	}
	// Asked for here, so that net/http neither hides the encoding nor holds
	// messages back in an inflater of its own.
	req.Header.Set("Accept-Encoding", "gzip")
	return req, nil
}

// retired reports whether the URL means Twitter's API v1.1 itself.
func (r request) retired() bool {
	if !strings.HasPrefix(r.url.Path, "/1.1/") {
		return false
	}
	host := strings.ToLower(r.url.Hostname())
	return host == "twitter.com" || host == "x.com" || strings.HasSuffix(host, ".twitter.com") || strings.HasSuffix(host, ".x.com")
}

// oldTwitter reports the same, also of a server on loopback that stands in.
func (r request) oldTwitter() bool {
	host := strings.ToLower(r.url.Hostname())
	loopback := host == "localhost" || net.ParseIP(host).IsLoopback()
	return r.retired() || loopback && strings.HasPrefix(r.url.Path, "/1.1/")
}
