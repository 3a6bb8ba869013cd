package config

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// httpURL takes an absolute http or https URL.
func httpURL(value string) (string, error) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
		return "", errors.New("an http or https URL with a host and without a #fragment")
	}
	return value, nil
}

// plainURL is one whose signature covers nothing but itself.
func plainURL(value string) (string, error) {
	if _, err := httpURL(value); err != nil || strings.Contains(value, "?") {
		return "", errors.New("an http or https URL with a host, without ? and #")
	}
	return value, nil
}

// streamURLs takes the URLs of one stream. What they are allowed to be depends
// on stream_kind: checkStream says so.
func streamURLs(value string) ([]string, error) {
	if strings.EqualFold(value, none) {
		return nil, nil
	}
	list := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(list) == 0 {
		return nil, errors.New("none, or the URL of a stream")
	}
	return list, nil
}

// contact goes into a header.
func contact(value string) (string, error) {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' || r == '(' || r == ')' }) {
		return "", errors.New("an address of plain ASCII without brackets, such as https://example.org/me or me@example.org")
	}
	return value, nil
}

func canaries(value string) (drop bool, err error) {
	value, err = oneOf("keep", "drop")(value)
	return value == "drop", err
}

// checkStream finds out what the stream is, and whether all its URLs are that.
func (l *loader) checkStream() {
	c := l.config
	for i, raw := range c.streamURLs {
		kind, err := network.Detect(raw, c.streamKind)
		if err == nil && kind != network.File {
			err = usable(raw)
		}
		if err != nil {
			l.problem("stream_url", err.Error())
			return
		}
		if i > 0 && kind != c.StreamKind {
			l.problem("stream_url", "several URLs of one stream; these are of different kinds: "+string(c.StreamKind)+" and "+string(kind))
			return
		}
		c.StreamKind = kind
	}
	if len(c.streamURLs) == 0 {
		return
	}
	c.StreamURL, c.StreamSpare = c.streamURLs[0], c.streamURLs[1:]
	if c.StreamKind == network.X && c.origins["grabber_stall_timeout"].unset {
		c.StallTimeout = stallOfX
	}
	l.checkMoney()
	switch {
	case c.StreamKind == network.File && len(c.StreamSpare) > 0:
		l.problem("stream_url", "one file only")
	case c.StreamKind == network.Mastodon && len(c.StreamSpare) > 0:
		l.problem("stream_url", "one Mastodon server only: each has ids of its own, and its own view of the posts")
	case c.StreamKind == network.File && c.StreamURL != "-" && !strings.HasPrefix(c.StreamURL, "file:///") && strings.HasPrefix(c.StreamURL, "file:"):
		l.problem("stream_url", "a file's URL has an absolute path: file:///path")
	}
}

// stallOfX is when no byte of an X stream means that it is dead: a keep-alive
// comes at least every 20 s (X, consuming streaming data), and may be late.
const stallOfX = 30 * time.Second

// checkMoney refuses a budget that nothing can be held against.
func (l *loader) checkMoney() {
	c := l.config
	switch {
	case c.Budget > 0 && c.Price == 0:
		l.problem("stream_budget", "0 where there is no stream_price: without one nothing can be summed up")
	case c.Budget > 0 && c.Budget < c.Price:
		l.problem("stream_budget", "no less than stream_price: not a single post could be read")
	case c.Price > 0 && c.StreamKind != network.X:
		l.warn("stream_price is of use with X alone: it does nothing for this stream")
	}
}

// usable refuses what no client can connect to.
func usable(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Fragment != "" {
		return errors.New("a URL with a host and without a #fragment")
	}
	return nil
}

// resolveAuth returns what auto stands for.
func resolveAuth(c *Config) string {
	if c.StreamToken != "" || strings.EqualFold(c.streamKind, string(network.X)) { // said by the user, whatever the host
		return "bearer"
	}
	u, err := url.Parse(c.StreamURL)
	if err != nil || !isTwitter(u.Hostname()) && !isLoopback(u.Hostname()) {
		return none
	}
	switch {
	case strings.HasPrefix(u.Path, "/1.1/"):
		return "oauth1"
	case strings.HasPrefix(u.Path, "/2/"):
		return "bearer"
	}
	return none
}

func isTwitter(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, domain := range []string{"twitter.com", "x.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

// isLoopback knows the addresses and the reserved name (RFC 6761); it asks no
// resolver, whose answer could change after it was believed.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// checkURLs resolves stream_auth and refuses what would send a credential in
// the clear or sign it wrongly.
func (l *loader) checkURLs() {
	c := l.config
	if c.StreamURL == "" && c.UploadURL == "" {
		l.problem("upload_url", "not none while stream_url is none too: there would be nothing to do")
	}
	if c.StreamAuth == "auto" || c.StreamURL == "" {
		c.StreamAuth = resolveAuth(c)
	}
	for _, raw := range c.streamURLs {
		l.checkClear("stream_url", raw, c.StreamAuth != none)
	}
	for _, raw := range c.UploadURLs {
		l.checkClear("upload_url", raw, c.UploadToken != "")
	}
	if c.StreamAuth != "oauth1" {
		return
	}
	l.checkSigned("stream_url", c.StreamURL)
	for _, endpoint := range []struct{ key, url string }{
		{"request_token_url", c.RequestTokenURL}, {"authorize_url", c.AuthorizeURL}, {"access_token_url", c.AccessTokenURL},
	} {
		l.checkClear(endpoint.key, endpoint.url, true)
		l.checkSigned(endpoint.key, endpoint.url)
	}
}

// checkClear refuses credentials over plain http to other machines. A user and
// password in the URL are one.
func (l *loader) checkClear(name, raw string, credential bool) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "ws" || isLoopback(u.Hostname()) || !credential && u.User == nil {
		return
	}
	if l.config.AllowInsecure {
		l.warn("%s sends credentials over plain http to %s, for anybody on the way to read: allow_insecure is set", name, u.Hostname())
		return
	}
	l.problem(name, "https, since credentials go there (allow_insecure = 1 overrides this)")
}

// checkSigned refuses a second credential beside a signature.
func (l *loader) checkSigned(name, raw string) {
	if u, err := url.Parse(raw); err == nil && u.User != nil {
		l.problem(name, "no user and password in a URL that is used with OAuth")
	}
}
