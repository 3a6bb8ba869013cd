package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
)

// maxRetryAfter is the longest wait that a server may impose.
const maxRetryAfter = time.Hour

// tolerance is how far the clocks may differ before it is worth a word.
const tolerance = 2 * time.Minute

// codes are those of Twitter's error codes that say more than the status does
// (Twitter, response codes). All of them are about credentials.
var codes = map[int]struct{ text, hint string }{
	32:  {"the signature or the keys are wrong", keysHint},
	89:  {"the access token has expired or was revoked", "authorise again (daemon auth --force)"},
	135: {"the clock is wrong", clockHint},
	215: {"the request carried no usable credentials", keysHint},
	220: {"these credentials may not read this stream", keysHint},
}

// said is what a server wrote about a refusal, fit to be shown.
type said struct {
	code int
	text string
}

// parsePage takes Twitter's JSON, or a page of HTML, or plain text.
func parsePage(page []byte) said {
	var api struct {
		Errors []struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(page, &api) == nil && len(api.Errors) > 0 && api.Errors[0].Code != 0 {
		first := api.Errors[0]
		return said{first.Code, fmt.Sprintf("code %d: %s", first.Code, redact.Text(first.Message))}
	}
	var plain struct { // Mastodon's, and problems as RFC 9457 has them
		Error, Detail, Title string
	}
	if json.Unmarshal(page, &plain) == nil {
		for _, text := range []string{plain.Error, plain.Detail, plain.Title} {
			if text != "" {
				return said{text: redact.Text(text)}
			}
		}
	}
	return said{text: redact.Body(bytes.NewReader(page))}
}

// skewText says how wrong the own clock is by the answer's Date; "" if it is
// right or there is none. A signature is made with the time, so a wrong clock
// looks like wrong keys.
func skewText(resp *http.Response, now time.Time) string {
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return ""
	}
	behind, way := theirs.Sub(now), "behind"
	if behind < 0 {
		behind, way = -behind, "ahead"
	}
	if behind <= tolerance {
		return ""
	}
	return fmt.Sprintf("your clock is %s %s", roughly(behind), way)
}

func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d.Round(time.Minute)/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d hours", d.Round(time.Hour)/time.Hour)
	}
	return fmt.Sprintf("%d days", d.Round(day)/day)
}

// retryAfter returns how long the server asks to wait: Retry-After in seconds
// or as a date, and for a rate limit the time of its reset, whichever is
// longer. Times are taken against the server's own clock where it told it.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if theirs, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = theirs
	}
	var wait time.Duration
	after := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if at, err := http.ParseTime(after); err == nil {
		wait = at.Sub(now)
	} else if seconds, err := strconv.ParseUint(after, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	}
	if resp.StatusCode == enhanceYourCalm || resp.StatusCode == http.StatusTooManyRequests {
		reset := strings.TrimSpace(resp.Header.Get("X-Rate-Limit-Reset"))
		if unix, err := strconv.ParseUint(reset, 10, 40); err == nil {
			wait = max(wait, time.Unix(int64(unix), 0).Sub(now))
		}
		if at, err := time.Parse(time.RFC3339, strings.TrimSpace(resp.Header.Get("X-RateLimit-Reset"))); err == nil { // Mastodon's
			wait = max(wait, at.Sub(now))
		}
	}
	return min(max(wait, 0), maxRetryAfter)
}
