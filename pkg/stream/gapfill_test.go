package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/storj/twitter-stream/pkg/network"
)

// instance is a Mastodon that has statuses 1 to 100 and streams 98 to 102.
func instance(t *testing.T, timeline http.HandlerFunc) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/timelines/") {
			timeline(w, r)
			return
		}
		send(w, ":)\n")
		for id := 98; id <= 102; id++ {
			send(w, fmt.Sprintf("event: update\ndata: {\"id\":\"%d\"}\n\n", id))
		}
	})
}

// page answers as REST does: what is next to min_id, the newest first.
func page(w http.ResponseWriter, r *http.Request) {
	var after int
	_, _ = fmt.Sscan(r.URL.Query().Get("min_id"), &after)
	var page []string
	for id := after + 1; id <= min(after+40, 100); id++ {
		page = append(page, fmt.Sprintf("{\"id\":\"%d\",\n \"text\":\"\\u00e9 ü\"}", id))
	}
	slices.Reverse(page)
	fmt.Fprint(w, "["+strings.Join(page, ",")+"]")
}

// missing has a source believe that it has all up to status 7.
func missing(c *Config) {
	seen := map[string]bool{}
	c.Kind = network.Mastodon
	c.Missed = func(u *url.URL) *url.URL { return network.Timeline(u, "7") }
	c.Fresh = func(message, _ []byte, _ bool) bool {
		id := fmt.Sprint(network.Mastodon.Identify(message).Key)
		defer func() { seen[id] = true }()
		return !seen[id]
	}
}

func TestGapIsFilled(t *testing.T) {
	var asked []string
	address := instance(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.URL.Query().Get("min_id")+" "+r.Header.Get("Authorization"))
		page(w, r)
	})
	s := newSource(t, address+"/api/v1/streaming/public", missing, func(c *Config) { c.Bearer = "token" })
	got, _ := read(s)
	var want []string
	for id := 8; id <= 100; id++ {
		want = append(want, fmt.Sprintf(`{"event":"update","payload":{"id":"%d",  "text":"\u00e9 ü"}}`, id))
	}
	equal(t, "messages", got, append(want, `{"event":"update","payload":{"id":"101"}}`, `{"event":"update","payload":{"id":"102"}}`))
	path := "/api/v1/timelines/public "
	equal(t, "pages", asked, []string{path + "7 Bearer token", path + "47 Bearer token", path + "87 Bearer token", path + "100 Bearer token"})
	if c := s.Counts(); c.Duplicates != 3 {
		t.Errorf("%d duplicates, want the three that the stream brought again", c.Duplicates)
	}
}

// REST that refuses, answers nonsense or never ends is said, and the stream
// goes on.
func TestGapIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"401": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":"This method requires an authenticated user"}`, http.StatusUnauthorized)
		}, "requires an authenticated user"},
		"404": {func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) }, "404"},
		"429": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":"Too many requests"}`, http.StatusTooManyRequests)
		}, "Too many requests"},
		"a page":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><title>Log in</title>") }, "Log in"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "moved"},
		"hangs up":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		heard := &notices{}
		s := newSource(t, instance(t, c.answer)+"/api/v1/streaming/public", missing, func(c *Config) { c.Notice = heard.notice })
		got, err := read(s)
		if len(got) != 5 {
			t.Errorf("%s: %d messages of the stream, want 5 (%v)", name, len(got), err)
		}
		heard.mu.Lock()
		said := slices.ContainsFunc(heard.all, func(text string) bool { return strings.HasPrefix(text, "gap: ") && strings.Contains(text, c.want) })
		heard.mu.Unlock()
		if !said {
			t.Errorf("%s: said %q, want a gap and %q", name, heard.all, c.want)
		}
	}
}

// A server that heeds no min_id, and one whose pages never end, end the filling.
func TestFillingEnds(t *testing.T) {
	same := instance(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[{"id":"50"},{"id":"49"},{"no":"id"},7]`) })
	got, _ := read(newSource(t, same+"/api/v1/streaming/public", missing))
	if len(got) != 7 {
		t.Errorf("%d messages, want two of the page and five", len(got))
	}
	var pages atomic.Int64
	endless := instance(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `[{"id":"%d"}]`, 1000+pages.Add(1)) })
	heard := &notices{}
	got, _ = read(newSource(t, endless+"/api/v1/streaming/public", missing, func(c *Config) { c.Notice = heard.notice }))
	if n := pages.Load(); n != maxPages || len(got) != maxPages+5 {
		t.Errorf("%d pages and %d messages, want %d pages", n, len(got), maxPages)
	}
}

// A capture that is stopped while it fills ends at once. What the stream has
// brought meanwhile is not handed out: the next start would go on behind it, and
// what is missing before it would be lost.
func TestFillingIsStopped(t *testing.T) {
	asked := make(chan struct{})
	var pages atomic.Int64
	address := instance(t, func(w http.ResponseWriter, r *http.Request) {
		if pages.Add(1) == 1 {
			page(w, r)
			return
		}
		close(asked)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	s := newSource(t, address+"/api/v1/streaming/public", missing)
	got := 0
	for {
		_, err := s.Next(ctx)
		if err == nil {
			got++
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		break
	}
	if got != 40 {
		t.Errorf("%d messages, want the 40 of the first page", got)
	}
}

// The token goes to nobody but the host of the stream.
func TestTokenStaysAtHome(t *testing.T) {
	s := newSource(t, "https://streaming.m.example/api/v1/streaming/public?access_token=secret", missing, func(c *Config) { c.Bearer = "token" })
	if f := s.newFiller(); f.next.Host != "m.example" || f.bearer != "" {
		t.Errorf("%s is asked with the token %q", f.next, f.bearer)
	}
	s = newSource(t, "https://m.example/api/v1/streaming/public?access_token=secret", missing)
	if f := s.newFiller(); f.bearer != "secret" || strings.Contains(f.next.String(), "secret") {
		t.Errorf("%s is asked with the token %q", f.next, f.bearer)
	}
}
