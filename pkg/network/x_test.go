package network

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// backfill_minutes is asked for after a gap, as far as the URL allows it, and
// not at the first connection of all.
func TestBackfillAfterAGap(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, query, position string
		gap                   time.Duration
		want                  string
	}{
		{"the first connection", "backfill_minutes=5&partition=1", "", 0, "partition=1"},
		{"at once", "backfill_minutes=5", "x", time.Second, "backfill_minutes=1"},
		{"after two minutes", "backfill_minutes=5", "x", 2*time.Minute + time.Second, "backfill_minutes=3"},
		{"after hours", "backfill_minutes=5", "x", 5 * time.Hour, "backfill_minutes=5"},
		{"no more than the URL says", "backfill_minutes=2", "x", time.Hour, "backfill_minutes=2"},
		{"a clock that stepped back", "backfill_minutes=5", "x", -time.Hour, "backfill_minutes=5"},
		{"not in the URL", "partition=1", "x", time.Hour, "partition=1"},
		{"off", "backfill_minutes=0", "x", time.Hour, "backfill_minutes=0"},
		{"nonsense passes through", "backfill_minutes=many", "x", time.Hour, "backfill_minutes=many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := &url.URL{Scheme: "https", Host: "api.x.com", Path: "/2/tweets/search/stream", RawQuery: tt.query}
			X.Ask(tt.position, now.Add(-tt.gap), now, u, http.Header{})
			if u.RawQuery != tt.want {
				t.Errorf("asked for %q, want %q", u.RawQuery, tt.want)
			}
		})
	}
}

func TestDefaultsOfX(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/2/tweets/search/stream": true, "/2/tweets/sample/stream": true, "/2/tweets/sample10/stream": true,
		"/2/tweets/firehose/stream/lang/en": true,
		"/2/tweets/compliance/stream":       false, "/2/users/compliance/stream": false, "/2/likes/firehose/stream": false,
	} {
		got := X.Defaults(path)
		if (got != nil) != want || want && (!strings.Contains(got["tweet.fields"], "note_tweet") || !strings.Contains(got["expansions"], "referenced_tweets.id.author_id")) {
			t.Errorf("%s: %v, want some: %v", path, got, want)
		}
		for name, value := range got {
			if strings.Contains(value, "non_public") || strings.Contains(value, " ") {
				t.Errorf("%s asks for what an application may not read: %s", name, value)
			}
		}
	}
	if Twitter.Defaults("/1.1/statuses/sample.json") != nil {
		t.Error("API v1.1 knows no fields")
	}
}

func TestPostsOfX(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		`{"data":{"id":"1"}}`: true, `{"matching_rules":[],"data":{"id":"1"},"errors":[{}]}`: true, `{"data":[{}]}`: true,
		`{"errors":[{"title":"x"}]}`: false, `{"data":null,"errors":[]}`: false, `{"title":"x","type":"y"}`: false, `{}`: false,
	} {
		if got := X.Post([]byte(message)); got != want {
			t.Errorf("Post(%s) = %v, want %v", message, got, want)
		}
	}
	if JSON.Post([]byte(`{"data":{}}`)) {
		t.Error("only X's posts are paid for")
	}
}
