package check

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/storj/twitter-stream/pkg/redact"
)

// MastodonStream asks a Mastodon server (scheme and host, no path) where it
// streams, and returns the URL of its public posts there. The server's own
// host and the one that streams often differ (docs.joinmastodon.org,
// methods/instance: configuration.urls.streaming, a wss: URL).
func MastodonStream(ctx context.Context, client *http.Client, server string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/v2/instance", nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask %s where it streams: %s", redact.URL(server), networkText(err))
	}
	defer resp.Body.Close()
	var answer struct {
		Configuration struct {
			URLs struct{ Streaming string }
		}
	}
	page, err := io.ReadAll(io.LimitReader(resp.Body, redact.MaxBody))
	if err == nil {
		err = json.Unmarshal(page, &answer)
	}
	base, parseErr := url.Parse(answer.Configuration.URLs.Streaming)
	if resp.StatusCode != http.StatusOK || err != nil || parseErr != nil || base.Host == "" {
		return "", fmt.Errorf("ask %s where it streams: it answers %d and no address: is it a Mastodon server?", redact.URL(server), resp.StatusCode)
	}
	base.Scheme = strings.Replace(base.Scheme, "ws", "http", 1)
	base.Path = "/api/v1/streaming/public"
	return base.String(), nil
}
