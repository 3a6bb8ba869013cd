package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/redact"
)

// request is what is sent for each connection.
type request struct {
	path      string // of a file, or "-"; all else is empty then
	method    string
	urls      []*url.URL // of the same stream; the first is the one in turn
	form      string     // the body of a POST
	header    http.Header
	delimited bool // delimited=length was asked for
	prepare   func(*url.URL, http.Header)
}

func newRequest(cfg Config) (request, error) {
	if cfg.Kind == network.File {
		path, err := localPath(cfg.URL)
		return request{path: path}, err
	}
	r := request{method: cfg.Method, header: header(cfg), prepare: cfg.Prepare}
	if r.method == "" {
		r.method = http.MethodGet
	}
	for _, raw := range slices.Concat([]string{cfg.URL}, cfg.Spare) {
		u, err := url.Parse(raw)
		switch {
		case err != nil:
			return request{}, errors.New("the URL cannot be parsed") // its text may hold secrets
		case u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme):
			return request{}, errors.New("not an http, https, ws or wss URL")
		case r.method != http.MethodGet && r.method != http.MethodPost:
			return request{}, fmt.Errorf("the method %s is neither GET nor POST", redact.Text(r.method))
		case r.method == http.MethodPost && strings.HasPrefix(u.Scheme, "ws"):
			return request{}, errors.New("a WebSocket is not opened by POST")
		}
		parameters, added := queryOf(u, cfg)
		r.delimited = parameters.Get("delimited") == "length"
		u.Fragment = ""
		switch {
		case r.method == http.MethodPost: // all parameters go one way: a signature covers the query or the form
			r.form, u.RawQuery = parameters.Encode(), ""
		case added:
			u.RawQuery = parameters.Encode()
		}
		r.urls = append(r.urls, u)
	}
	return r, nil
}

// queryOf returns all parameters of a stream: the configured ones over those of
// the URL, and these over the kind's own, which an empty one takes away. added
// is false where they are just the URL's.
func queryOf(u *url.URL, cfg Config) (parameters url.Values, added bool) {
	parameters = u.Query()
	maps.Copy(parameters, cfg.Parameters)
	added = len(cfg.Parameters) > 0
	for name, value := range cfg.Kind.Defaults(u.Path) {
		switch {
		case !parameters.Has(name):
			parameters.Set(name, value)
		case parameters.Get(name) == "":
			parameters.Del(name)
		default:
			continue
		}
		added = true
	}
	return parameters, added
}

// header returns what is sent with each request. The Content-Type is exactly
// this, without a charset: signers know a form by it.
func header(cfg Config) http.Header {
	h := http.Header{}
	if cfg.Method == http.MethodPost {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cfg.UserAgent != "" {
		h.Set("User-Agent", cfg.UserAgent)
	}
	if cfg.Bearer != "" {
		h.Set("Authorization", "Bearer "+cfg.Bearer)
	}
	switch cfg.Kind {
	case network.SSE, network.Mastodon, network.Wikimedia:
		h.Set("Accept", "text/event-stream")
	}
	// Asked for here, so that net/http neither hides the encoding nor holds
	// messages back in an inflater of its own.
	h.Set("Accept-Encoding", "gzip")
	return h
}

// make returns the request for one connection.
func (r request) make(ctx context.Context) (*http.Request, error) {
	u, header := *r.urls[0], r.header.Clone()
	if r.prepare != nil {
		r.prepare(&u, header)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), strings.NewReader(r.form))
	if err != nil {
		return nil, err
	}
	req.Header = header
	return req, nil
}

// failed has the next request go to the next URL.
func (r request) failed() {
	if len(r.urls) < 2 {
		return
	}
	first := r.urls[0]
	copy(r.urls, r.urls[1:])
	r.urls[len(r.urls)-1] = first
}

// url returns the one in turn, fit to be shown.
func (r request) url() string {
	switch r.path {
	case "":
		return redact.URL(r.urls[0].String())
	case "-":
		return "standard input"
	}
	return redact.Text(r.path)
}

// retired reports whether the URL means Twitter's API v1.1 itself.
func (r request) retired() bool {
	if r.path != "" {
		return false
	}
	u := r.urls[0]
	if !strings.HasPrefix(u.Path, "/1.1/") {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "twitter.com" || host == "x.com" || strings.HasSuffix(host, ".twitter.com") || strings.HasSuffix(host, ".x.com")
}

// oldTwitter reports the same, also of a server on loopback that stands in.
func (r request) oldTwitter() bool {
	u := r.urls[0]
	host := strings.ToLower(u.Hostname())
	loopback := host == "localhost" || net.ParseIP(host).IsLoopback()
	return r.retired() || loopback && strings.HasPrefix(u.Path, "/1.1/")
}
