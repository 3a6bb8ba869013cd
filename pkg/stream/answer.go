package stream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/redact"
)

const (
	keysHint    = "check the keys and tokens, or authorise again (daemon auth --force)"
	clockHint   = "set the clock (by NTP) and try again"
	retiredHint = "Twitter switched API v1.1 off (sample.json in 2022, filter.json in 2023): set stream_url to a stream of" +
		" X API v2 with stream_auth = bearer, or to that of another network; make demo shows everything without either"
)

// sentence is what a status of the streaming API means (Twitter, connecting to
// a streaming endpoint).
type sentence struct {
	kind       Kind
	text, hint string
}

var sentences = map[int]sentence{
	http.StatusBadRequest:            {Refused, "the service did not understand the request", "check stream_url and stream_parameters"},
	http.StatusUnauthorized:          {Credentials, "the credentials were refused", keysHint},
	http.StatusForbidden:             {Credentials, "these credentials may not read this stream", "the account or app may lack access to it; " + keysHint},
	http.StatusNotFound:              {Refused, "there is no such stream", "check the path of stream_url"},
	http.StatusMethodNotAllowed:      {Refused, "the stream is not read by this method", "set stream_method to the other one, GET or POST"},
	http.StatusNotAcceptable:         {Refused, "a parameter was rejected, or a required one is missing", "check stream_parameters: statuses/filter needs at least one of track, follow and locations"},
	http.StatusConflict:              {Refused, "the stream has not been set up", "a filtered stream needs its rules first"},
	http.StatusGone:                  {Refused, "this stream has been switched off", "set stream_url to one that exists"},
	http.StatusRequestEntityTooLarge: {Refused, "a list among the parameters is too long", "shorten track, follow or locations in stream_parameters"},
	http.StatusRequestURITooLong:     {Refused, "the URL is too long", "set stream_method = POST"},
	http.StatusRequestedRangeNotSatisfiable: {Refused, "the parameter count is not allowed here, or out of range",
		"remove count from stream_url and stream_parameters"},
	enhanceYourCalm:                {RateLimit, "too many connections, or connecting too often", "only one copy may run with the same credentials"},
	http.StatusTooManyRequests:     {RateLimit, "too many connections, or connecting too often", "only one copy may run with the same credentials"},
	http.StatusServiceUnavailable:  {HTTP, "the service is overloaded", ""},
	http.StatusProxyAuthRequired:   {Refused, "the proxy wants credentials", "put them into HTTP_PROXY or HTTPS_PROXY"},
	http.StatusInternalServerError: {HTTP, "the service is in trouble", ""},
}

// enhanceYourCalm is Twitter's own status for a rate limit.
const enhanceYourCalm = 420

// refused returns what an answer other than 200 means.
func (s *Source) refused(resp *http.Response, page []byte) *Error {
	e := &Error{URL: s.url(), Status: resp.StatusCode, RetryAfter: retryAfter(resp, s.cfg.Now())}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return e.moved(resp)
	}
	meaning, known := sentences[resp.StatusCode]
	if !known {
		meaning = sentence{kind: HTTP, text: "the service does not stream now"}
	}
	if s.cfg.Kind == network.X && e.refusedByX(resp, page) {
		return e
	}
	meaning = s.generally(meaning, resp.StatusCode)
	said := parsePage(page)
	if code, ok := codes[said.code]; ok {
		meaning = sentence{Credentials, code.text, code.hint}
	} else if s.request.oldTwitter() && (resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusGone) {
		// A 403 may still be about the credentials alone, and so keeps its kind.
		meaning.text, meaning.hint = "Twitter switched API v1.1 off", retiredHint
	}
	if skew := skewText(resp, s.cfg.Now()); skew != "" && (resp.StatusCode == http.StatusUnauthorized || said.code == 135) {
		meaning.text, meaning.hint = skew, clockHint
	}
	e.Kind, e.Hint = meaning.kind, meaning.hint
	text := status(resp) + ": " + meaning.text
	if said.text != "" {
		text += ": " + said.text
	}
	e.Err = errors.New(text)
	return e
}

// Refusal returns what an answer of X's API v2 other than success means, for
// calls beside the stream, such as those about its rules. page is the beginning
// of the answer's body.
func Refusal(resp *http.Response, page []byte) *Error {
	s := &Source{cfg: Config{Kind: network.X, Now: time.Now}, request: request{urls: []*url.URL{resp.Request.URL}}}
	return s.refused(resp, page)
}

// Broken returns what it means that such a call got no answer.
func Broken(u *url.URL, err error) *Error {
	s := &Source{cfg: Config{Kind: network.X}, request: request{urls: []*url.URL{u}}}
	return s.broken(err, 0)
}

// generally returns a meaning whose hint does not speak of Twitter's API v1.1
// where the stream is another.
func (s *Source) generally(meaning sentence, code int) sentence {
	switch {
	case s.cfg.Kind != network.Twitter && code == http.StatusNoContent: // of server-sent events: do not come again
		return sentence{Refused, "the service has nothing to stream and asks not to be asked again", "check stream_url"}
	case s.cfg.Kind == network.Twitter || meaning.hint == "":
	case meaning.kind == Credentials && s.cfg.Kind == network.X:
		meaning.hint = bearerHint
	case meaning.kind == Credentials:
		meaning.hint = "set stream_token, where the stream wants one, or check it"
	case meaning.kind == RateLimit:
		meaning.hint = "another copy may be running, here or behind the same address"
	case code == http.StatusNotAcceptable, code == http.StatusConflict, code == http.StatusRequestEntityTooLarge, code == http.StatusRequestedRangeNotSatisfiable:
		meaning.hint = "check stream_url and stream_parameters"
	}
	return meaning
}

// moved says where to. No redirect is followed: it would take the signature,
// and everything captured from then on, to a place nobody has agreed to.
func (e *Error) moved(resp *http.Response) *Error {
	e.Kind, e.Hint = Refused, "check stream_url"
	where, err := resp.Location()
	if err != nil {
		e.Err = fmt.Errorf("%s without saying where to", status(resp))
		return e
	}
	e.Err = fmt.Errorf("%s: the URL has moved to %s", status(resp), redact.URL(where.String()))
	e.Hint = "set stream_url to where it has moved, if that is right"
	return e
}

// status returns "420 Enhance Your Calm"; the words are the server's only
// where Go has none.
func status(resp *http.Response) string {
	words := http.StatusText(resp.StatusCode)
	if words == "" {
		return redact.Text(resp.Status)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, words)
}
