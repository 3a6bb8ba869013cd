package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// Each problem that X has published has a kind, a sentence and a hint of its
// own, whatever host its type names.
func TestEachProblemHasItsSentence(t *testing.T) {
	t.Parallel()
	kinds := map[string]Kind{
		"streaming-connection": RateLimit, "operational-disconnect": Network, "client-disconnected": Network, "usage-capped": RateLimit,
		"client-forbidden": Credentials, "unsupported-authentication": Credentials, "oauth1-permissions": Credentials,
		"not-authorized-for-resource": Credentials, "disallowed-resource": Credentials,
		"invalid-request": Refused, "invalid-rules": Refused, "noncompliant-rules": Refused, "duplicate-rules": Refused, "rule-cap": Refused,
		"resource-not-found": Refused, "resource-unavailable": HTTP,
	}
	said := map[string]string{}
	for name, kind := range kinds {
		for _, host := range []string{"https://api.twitter.com/2/problems/", "https://api.x.com/2/problems/", "https://api.twitter.com/labs/2/problems/"} {
			meaning, known := problem{Type: host + name}.sentence()
			if !known || meaning.kind != kind || meaning.hint == "" {
				t.Errorf("%s%s: %+v, known %v, want kind %v and a hint", host, name, meaning, known, kind)
			}
			if other := said[meaning.text]; other != "" && other != name {
				t.Errorf("%s and %s have the same sentence", name, other)
			}
			said[meaning.text] = name
		}
	}
	for issue, kind := range map[string]Kind{"TooManyConnections": RateLimit, "RuleConfigurationIssue": Refused, "RulesInvalidIssue": Refused, "ProvisioningSubscription": HTTP} {
		if meaning, _ := (problem{Type: "https://x/streaming-connection", ConnectionIssue: issue}).sentence(); meaning.kind != kind || meaning.hint == "" {
			t.Errorf("%s: %+v", issue, meaning)
		}
	}
	for disconnect, kind := range map[string]Kind{
		"OperationalDisconnect": Network, "UpstreamOperationalDisconnect": Network, "ForceDisconnect": RateLimit, "UpstreamUncleanDisconnect": Network,
		"SlowReader": Network, "InternalError": Network, "ClientApplicationStateDegraded": Credentials, "InvalidRules": Refused,
	} {
		if meaning, _ := (problem{Type: "https://x/operational-disconnect", DisconnectType: disconnect}).sentence(); meaning.kind != kind || meaning.hint == "" {
			t.Errorf("%s: %+v", disconnect, meaning)
		}
	}
	free, _ := problem{ConnectionIssue: "TooManyConnections"}.sentence()
	if !strings.Contains(free.hint, "curl -X DELETE") || !strings.Contains(free.hint, "/2/connections/all") {
		t.Errorf("TooManyConnections: the hint %q names no call that frees the connection", free.hint)
	}
	rules, _ := problem{ConnectionIssue: "RuleConfigurationIssue"}.sentence()
	if !strings.Contains(rules.hint, "grabber rules sync FILE") {
		t.Errorf("no rules: the hint %q names no command", rules.hint)
	}
}

// A used-up cap is no short wait.
func TestUsageCapWaitsLong(t *testing.T) {
	t.Parallel()
	const capped = `{"title":"UsageCapExceeded","detail":"D","period":"Monthly","scope":"Product","type":"https://api.x.com/2/problems/usage-capped"}`
	for name, handler := range map[string]http.HandlerFunc{
		"as an answer":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429); send(w, capped) },
		"in the stream": func(w http.ResponseWriter, _ *http.Request) { send(w, `{"errors":[`+capped+"]}\r\n") },
	} {
		_, err := read(newSource(t, serve(t, handler), kind(network.X)))
		var end *Error
		if !errors.As(err, &end) || end.Kind != RateLimit || end.RetryAfter != time.Hour {
			t.Errorf("%s: %+v, want a rate limit of an hour", name, end)
		}
	}
}

func TestTroubleOfX(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		`{"errors":[{"title":"x","type":"y"}]}`:                   true,
		`{"data":null,"errors":[{"title":"x"}]}`:                  true,
		`{"title":"x","detail":"d","type":"y"}`:                   true,
		`{"data":{"id":"1"},"errors":[{"title":"x"}]}`:            false,
		`{"errors":[{"title":"x"}],"data":{"id":"1"}}`:            false,
		`{"includes":{},"data":{"id":"1","text":"errors"}}`:       false,
		`{"data":{"id":"1"},"errors":[{"title":"x","type":"y"}]}`: false,
		`{}`: false,
	} {
		if _, got := troubleOfX([]byte(message)); got != want {
			t.Errorf("troubleOfX(%s) = %v, want %v", message, got, want)
		}
	}
}

// queryOfStream returns what a stream of that URL is asked for with.
func queryOfStream(t *testing.T, k network.Kind, query string, parameters url.Values) string {
	t.Helper()
	asked := make(chan string, 1)
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.RawQuery })
	s := newSource(t, address+"/2/tweets/search/stream?"+query, kind(k), func(c *Config) { c.Parameters = parameters })
	_, _ = s.Next(context.Background())
	return <-asked
}

func TestDefaultFieldsOfX(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, query string
		parameters  url.Values
		want        map[string]string // "…" is the default
	}{
		{"nothing said", "", nil, map[string]string{"tweet.fields": "…", "expansions": "…"}},
		{"all else passes through", "backfill_minutes=2&media.fields=url,type", nil, map[string]string{"backfill_minutes": "2", "media.fields": "url,type", "tweet.fields": "…", "expansions": "…"}},
		{"in the URL", "tweet.fields=id", nil, map[string]string{"tweet.fields": "id", "expansions": "…"}},
		{"by parameters, over the URL", "tweet.fields=id", url.Values{"tweet.fields": {"text"}}, map[string]string{"tweet.fields": "text", "expansions": "…"}},
		{"taken away", "tweet.fields=", url.Values{"expansions": {""}}, map[string]string{}},
	} {
		got, err := url.ParseQuery(queryOfStream(t, network.X, tt.query, tt.parameters))
		if err != nil || len(got) != len(tt.want) {
			t.Errorf("%s: asked for %v, %v", tt.name, got, err)
		}
		for name, want := range tt.want {
			if want == "…" {
				want = network.X.Defaults("/2/tweets/search/stream")[name]
			}
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", tt.name, name, got.Get(name), want)
			}
		}
	}
	if got := queryOfStream(t, network.Twitter, "b=2&a=%41", nil); got != "b=2&a=%41" {
		t.Errorf("API v1.1 is asked for %q, want the URL as it is", got)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// What a transport says in our own words stands: a token that cannot be had is
// no broken network.
func TestErrorOfTransport(t *testing.T) {
	t.Parallel()
	said := &Error{Kind: Credentials, Status: 403, Err: errors.New("no token"), Hint: "check the key"}
	s := newSource(t, "http://127.0.0.1:1/2/tweets/search/stream?x=1", kind(network.X), func(c *Config) {
		c.Client = &http.Client{Transport: failing{said}}
	})
	_, err := s.Next(context.Background())
	var end *Error
	if !errors.As(err, &end) || end.Kind != Credentials || end.Hint != said.Hint || err.Error() != "read http://127.0.0.1:1/2/tweets/search/stream: no token" {
		t.Errorf("got %v (%+v), want what the transport said", err, end)
	}
}

func FuzzProblem(f *testing.F) {
	for _, seed := range []string{
		`{"title":"ConnectionException","detail":"D","connection_issue":"TooManyConnections","type":"https://api.twitter.com/2/problems/streaming-connection"}`,
		`{"errors":[{"title":"operational-disconnect","disconnect_type":"SlowReader","detail":"D","type":"https://x/operational-disconnect"}]}`,
		`{"title":"Unauthorized","type":"about:blank","status":401}`, `{"errors":[{"code":88,"message":"x"}]}`, `{"errors":1}`, `[]`, "", "<html>", `{"data":{}}`,
		`{"title":"x","type":"y/client-forbidden","registration_url":"https://a/?b=c"}`,
	} {
		f.Add(429, []byte(seed))
		f.Add(403, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, page []byte) {
		u := &url.URL{Scheme: "https", Host: "api.example", Path: "/2/tweets/search/stream"}
		resp := &http.Response{StatusCode: 300 + max(status, -status)%300, Header: http.Header{}, Request: &http.Request{URL: u}}
		e := Refusal(resp, page)
		if e.Err == nil || len(e.Error()) > 1200 || strings.ContainsFunc(e.Error()+e.Hint, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%d %q: %v", status, page, fmt.Sprintf("%q %q", e.Error(), e.Hint))
		}
		if len(page) > 0 && isObject(page) {
			_, _ = troubleOfX(page) // never panics
		}
	})
}
