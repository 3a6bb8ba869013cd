package stream

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const htmlPage = "<html>\n<head>\n<title>Error 401 Unauthorized</title>\n</head><body>\n<h2>HTTP ERROR: 401</h2>\n</body></html>"

func TestAnswers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	date := func(d time.Duration) string { return "Date: " + now.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		name, path string
		status     int
		header     string
		body       string
		kind       Kind
		retry      time.Duration
		says, hint string
	}{
		{"401", "/1.1/x", 401, date(0), htmlPage, Credentials, 0, "401 Unauthorized: the credentials were refused: Error 401 Unauthorized", "check the keys"},
		{"401, clock behind", "/1.1/x", 401, date(7 * time.Minute), htmlPage, Credentials, 0, "your clock is 7 min behind", "set the clock"},
		{"401, clock ahead", "/1.1/x", 401, date(-3 * time.Hour), "", Credentials, 0, "your clock is 3 hours ahead", "set the clock"},
		{"401, clock of another year", "/1.1/x", 401, date(400 * 24 * time.Hour), "", Credentials, 0, "your clock is 400 days behind", "set the clock"},
		{"401, clock nearly right", "/1.1/x", 401, date(2 * time.Minute), "", Credentials, 0, "the credentials were refused", "check the keys"},
		{"401, code 135", "/1.1/x", 401, date(0), `{"errors":[{"code":135,"message":"Timestamp out of bounds."}]}`, Credentials, 0, "code 135: Timestamp out of bounds.", "set the clock"},
		{"401, code 32", "/1.1/x", 401, date(0), `{"errors":[{"code":32,"message":"Could not authenticate you."}]}`, Credentials, 0, "the signature or the keys are wrong", "check the keys"},
		{"401, code 89", "/1.1/x", 401, date(0), `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`, Credentials, 0, "revoked", "authorise again"},
		{"400", "/x", 400, date(0), "what?", Refused, 0, "did not understand the request: what?", "stream_parameters"},
		{"400, code 215", "/x", 400, date(0), `{"errors":[{"code":215,"message":"Bad Authentication data."}]}`, Credentials, 0, "no usable credentials", "check the keys"},
		{"403", "/2/tweets/sample/stream", 403, date(0), "no", Credentials, 0, "403 Forbidden: these credentials may not read this stream: no", "access"},
		{"403, code 220", "/1.1/x", 403, date(0), `{"errors":[{"code":220,"message":"m"}]}`, Credentials, 0, "may not read this stream: code 220: m", "check the keys"},
		{"403, v1.1", "/1.1/x", 403, date(0), "use v2", Credentials, 0, "Twitter switched API v1.1 off: use v2", "X API v2"},
		{"410, v1.1", "/1.1/x", 410, date(0), "", Refused, 0, "Twitter switched API v1.1 off", "another network"},
		{"410", "/x", 410, date(0), "", Refused, 0, "switched off", "stream_url"},
		{"404", "/x", 404, date(0), `{"errors":[{"message":"Sorry, that page does not exist","code":34}]}`, Refused, 0, "there is no such stream: code 34: Sorry", "stream_url"},
		{"405", "/x", 405, date(0), "", Refused, 0, "method", "stream_method"},
		{"406", "/x", 406, date(0), "", Refused, 0, "parameter", "track, follow"},
		{"413", "/x", 413, date(0), "", Refused, 0, "too long", "shorten"},
		{"416", "/x", 416, date(0), "", Refused, 0, "count", "remove count"},
		{"420", "/x", 420, date(0), "Exceeded connection limit for user", RateLimit, 0, "Exceeded connection limit for user", "one copy"},
		{"420 with Retry-After", "/x", 420, "Retry-After: 90", "", RateLimit, 90 * time.Second, "too many", "one copy"},
		{"429 until a date", "/x", 429, date(time.Hour) + "\nRetry-After: " + now.Add(time.Hour+2*time.Minute).Format(http.TimeFormat), "", RateLimit, 2 * time.Minute, "too many", "one copy"},
		{"429 until its reset", "/x", 429, date(0) + fmt.Sprintf("\nX-Rate-Limit-Reset: %d\nRetry-After: 5", now.Add(15*time.Minute).Unix()), "", RateLimit, 15 * time.Minute, "too many", "one copy"},
		{"429 for ever", "/x", 429, "Retry-After: 4000000000", "", RateLimit, time.Hour, "too many", "one copy"},
		{"429 until yesterday", "/x", 429, date(0) + "\nRetry-After: " + now.Add(-24*time.Hour).Format(http.TimeFormat), "", RateLimit, 0, "too many", "one copy"},
		{"429 until nonsense", "/x", 429, "Retry-After: -1\nX-Rate-Limit-Reset: soon", "", RateLimit, 0, "too many", "one copy"},
		{"503", "/x", 503, "Retry-After: 30", "<h1>busy</h1>", HTTP, 30 * time.Second, "503 Service Unavailable: the service is overloaded: busy", ""},
		{"502", "/x", 502, "", "", HTTP, 0, "502 Bad Gateway", ""},
		{"204", "/x", 204, "", "", HTTP, 0, "204 No Content", ""},
		{"418", "/x", 418, "", "", HTTP, 0, "418 I'm a teapot", ""},
		{"301", "/x", 301, "Location: https://user:hunter2@elsewhere.example/y?token=hunter2", "", Refused, 0, "the URL has moved to https://elsewhere.example/y", "stream_url"},
		{"302, relative", "/x", 302, "Location: /login", "", Refused, 0, "/login", "stream_url"},
		{"307, nowhere", "/x", 307, "", "", Refused, 0, "without saying where to", "stream_url"},
		{"control characters", "/x", 503, "", "a\x1b[2Jb", HTTP, 0, `a\x1b[2Jb`, ""},
		{"endless page", "/x", 503, "", strings.Repeat("long ", 100_000), HTTP, 0, "long long", ""},
		{"brotli", "/x", 200, "Content-Encoding: br", "", HTTP, 0, "encoded as br", "proxy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests++
				for line := range strings.SplitSeq(c.header, "\n") {
					if name, value, ok := strings.Cut(line, ": "); ok {
						w.Header().Set(name, value)
					}
				}
				w.WriteHeader(c.status)
				send(w, c.body)
			})
			s := newSource(t, url+c.path, func(cfg *Config) { cfg.Now = func() time.Time { return now } })
			got, end := drain(t, t.Context(), s)
			if len(got) > 0 || end.Kind != c.kind || end.Status != c.status || end.RetryAfter != c.retry || end.Messages != 0 {
				t.Errorf("got %q, %+v\nwant no message, kind %d, retry after %v", got, end, c.kind, c.retry)
			}
			if !strings.Contains(end.Error(), c.says) || !strings.Contains(end.Hint, c.hint) || len(end.Error()) > 600 {
				t.Errorf("says %q, hint %q\nwant %q and %q", end, end.Hint, c.says, c.hint)
			}
			if strings.Contains(end.Error()+end.Hint, "hunter2") || requests != 1 {
				t.Errorf("a secret in %q, or %d requests instead of one", end, requests)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]int{Network: 1, HTTP: 1, RateLimit: 1, Credentials: 4, Refused: 3} {
		if got := (&Error{Kind: kind}).ExitCode(); got != want {
			t.Errorf("kind %d exits %d, want %d", kind, got, want)
		}
	}
}

// Twitter's own address says what became of it whatever goes wrong there.
func TestRetiredTwitterIsNamed(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"https://stream.twitter.com/1.1/statuses/sample.json": true, "https://api.x.com/1.1/x": true,
		"https://api.x.com/2/tweets/search/stream": false, "https://nottwitter.com/1.1/x": false,
	} {
		s := newSource(t, url, func(cfg *Config) {
			cfg.Client.Transport = roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") })
		})
		_, end := drain(t, t.Context(), s)
		if got := strings.Contains(end.Hint, "switched API v1.1 off"); got != want || end.Kind != Network {
			t.Errorf("%s: hint %q, kind %d; want the retirement named: %t", url, end.Hint, end.Kind, want)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What answers 200 and is no stream is named and left, at the latest after
// 64 KiB.
func TestNoStream(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, contentType, body, says string }{
		{"login page", "text/html; charset=utf-8", "\n<!doctype html>\n<title>Log in</title>\n", "a web page instead of a stream"},
		{"login page that goes on", "text/html", "<html>" + strings.Repeat("<p>wait</p>", 10), "a web page instead of a stream: wait wait"},
		{"endless text of a page", "text/html", strings.Repeat("lorem ipsum\n", 10_000), "something else than a stream: lorem ipsum"},
		{"endless line of a page", "text/html", strings.Repeat("lorem ipsum ", 10_000), "something else than a stream: lorem ipsum"},
		{"endless tags", "text/plain", strings.Repeat("<p>lorem ipsum\n", 10_000), "something else than a stream: <p>lorem ipsum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				send(w, c.body)
				<-r.Context().Done()
			}))
			got, end := drain(t, t.Context(), s)
			if len(got) > 0 || end.Kind != HTTP || end.Status != 200 || !strings.Contains(end.Error(), c.says) || end.Hint == "" {
				t.Errorf("got %q, %v (%+v); want HTTP and %q", got, end, end, c.says)
			}
		})
	}
	t.Run("text that ends", func(t *testing.T) {
		t.Parallel()
		s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) { send(w, "go\naway") }))
		if _, end := drain(t, t.Context(), s); end.Kind != Network || !strings.Contains(end.Error(), "said: go") {
			t.Errorf("end is %v, want what it said", end)
		}
	})
	t.Run("a message behind much text", func(t *testing.T) {
		t.Parallel()
		s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			send(w, strings.Repeat("lorem ipsum\r\n", 30_000))
			send(w, "{\"a\":1}\r\n")
		}))
		got, end := drain(t, t.Context(), s)
		if c := s.Counts(); len(got) != 1 || end.Kind != Network || c.Garbage != 30_000 {
			t.Errorf("got %q, %v, counts %+v; want the message behind 30000 lines of garbage", got, end, c)
		}
	})
	t.Run("a page that says we are too many", func(t *testing.T) {
		t.Parallel()
		s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			send(w, "<p>Exceeded connection limit for user</p>\r\n")
		}))
		if _, end := drain(t, t.Context(), s); end.Kind != RateLimit || end.Status != 420 {
			t.Errorf("end is %v (%+v), want a rate limit", end, end)
		}
	})
	t.Run("keep-alives are no text", func(t *testing.T) {
		t.Parallel()
		s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			send(w, strings.Repeat("\r\n", 100_000), "{\"a\":1}\r\n")
		}))
		if got, _ := drain(t, t.Context(), s); len(got) != 1 || s.Counts().KeepAlives != 100_000 {
			t.Errorf("got %q, counts %+v; want the message after the keep-alives", got, s.Counts())
		}
	})
}
