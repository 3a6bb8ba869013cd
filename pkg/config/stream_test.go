package config

import (
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/network"
)

func TestStreamURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url, kind string
		want      network.Kind
		spare     int
		auth      string
		wrong     string // in the problem
	}{
		{"https://stream.twitter.com/1.1/statuses/sample.json", "", network.Twitter, 0, "oauth1", ""},
		{"https://api.x.com/2/tweets/search/stream", "", network.X, 0, "bearer", ""},
		{"wss://a.example/subscribe wss://b.example/subscribe", "", network.Jetstream, 1, "none", ""},
		{"https://m.example/api/v1/streaming/public", "", network.Mastodon, 0, "none", ""},
		{"https://stream.wikimedia.org/v2/stream/recentchange", "", network.Wikimedia, 0, "none", ""},
		{"https://e.example/s https://f.example/s", "sse", network.SSE, 1, "none", ""},
		{"wss://e.example/feed", "", network.WebSocket, 0, "none", ""},
		{"file:///tmp/messages.jsonl", "", network.File, 0, "none", ""},
		{"-", "", network.File, 0, "none", ""},
		{"https://m.example/api/v1/streaming/public https://n.example/api/v1/streaming/public", "", "", 0, "", "one Mastodon server only"},
		{"file:///a file:///b", "", "", 0, "", "one file only"},
		{"file:a", "", "", 0, "", "file:///path"},
		{"wss://a.example/subscribe https://b.example/", "", "", 0, "", "different kinds"},
		{"gopher://a.example/", "", "", 0, "", "mastodon https://"},
		{"https://a.example/", "jetstream", "", 0, "", "wss: or ws"},
		{"https://a.example/", "myspace", "", 0, "", "one of"},
		{"https:///path", "", "", 0, "", "with a host"},
	} {
		content := "stream_url = " + tt.url + "\n"
		if tt.kind != "" {
			content += "stream_kind = " + tt.kind + "\n"
		}
		c, err := load(t, content)
		switch {
		case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)):
			t.Errorf("%s: %v, want %q", tt.url, err, tt.wrong)
		case tt.wrong == "" && (err != nil || c.StreamKind != tt.want || len(c.StreamSpare) != tt.spare || c.StreamAuth != tt.auth):
			t.Errorf("%s: %s with %d others by %s, %v; want %s, %d, %s", tt.url, c.StreamKind, len(c.StreamSpare), c.StreamAuth, err, tt.want, tt.spare, tt.auth)
		}
	}
}
