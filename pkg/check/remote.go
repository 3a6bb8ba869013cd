package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
)

// tolerable is the clock skew up to which nobody refuses a signature; reports
// of what Twitter tolerated begin at five minutes.
const tolerable = 2 * time.Minute

// Stream looks whether the stream's host answers.
func Stream(raw string, client *http.Client) Check {
	return func(ctx context.Context) []Finding {
		if raw == "" {
			return []Finding{{Topic: "stream", Text: "none: nothing is captured"}}
		}
		if RetiredStream(raw) {
			return []Finding{{"stream", Fail, redact.URL(raw) + ": Twitter switched v1.1 streams off (sample 2022, filter 2023)",
				"set stream_url to a stream that lives, or run 'make demo' ('daemon demo') to see everything work without one"}}
		}
		if path, ok := strings.CutPrefix(raw, "file://"); ok {
			return []Finding{file(path)}
		}
		if _, err := date(ctx, client, raw); err != nil {
			return []Finding{{"stream", Fail, redact.URL(raw) + ": " + networkText(err),
				"check stream_url and the network; 'daemon demo' needs neither"}}
		}
		return []Finding{{Topic: "stream", Text: redact.URL(raw) + " is reachable"}}
	}
}

// file looks whether a stream's file may be read.
func file(path string) Finding {
	f, err := os.Open(path)
	if err != nil {
		return Finding{"stream", Fail, redact.Text(err.Error()), "check stream_url"}
	}
	_ = f.Close() // nothing was read
	return Finding{Topic: "stream", Text: redact.Text(path) + " can be read"}
}

// Node looks whether the storage node answers.
func Node(raw string, client *http.Client) Check {
	return func(ctx context.Context) []Finding {
		if raw == "" {
			return []Finding{{Topic: "node", Text: "none: nothing is uploaded"}}
		}
		if RetiredNode(raw) {
			return []Finding{{"node", Fail, redact.URL(raw) + ": Storj's web nodes of 2014 are gone",
				"set upload_url to a node that lives, or run 'make demo' ('daemon demo') to see everything work without one"}}
		}
		if _, err := date(ctx, client, raw); err != nil {
			return []Finding{{"node", Fail, redact.URL(raw) + ": " + networkText(err), "check upload_url and the network; files wait in the store meanwhile"}}
		}
		return []Finding{{Topic: "node", Text: redact.URL(raw) + " is reachable"}}
	}
}

// RetiredStream reports whether raw is one of Twitter's own v1.1 streams, which
// answer 410 or 403 to everybody since 2022 and 2023.
func RetiredStream(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && under(u.Hostname(), "twitter.com") && strings.HasPrefix(u.Path, "/1.1/")
}

// RetiredNode reports whether raw is one of Storj's web nodes of 2014.
func RetiredNode(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && under(u.Hostname(), "storj.io") && u.Path == "/api/upload"
}

func under(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// Clock compares our clock with that of the first host among urls that tells
// its time: a signature with a wrong time is refused.
func Clock(client *http.Client, now func() time.Time, urls ...string) Check {
	return func(ctx context.Context) []Finding {
		for _, raw := range urls {
			if raw == "" || strings.HasPrefix(raw, "file:") || strings.HasPrefix(raw, "s3:") || strings.HasPrefix(raw, "sj:") || RetiredStream(raw) || RetiredNode(raw) {
				continue
			}
			if theirs, err := date(ctx, client, raw); err == nil && !theirs.IsZero() {
				return []Finding{clock(theirs.Sub(now()), redact.URL(raw))}
			}
		}
		return []Finding{{Topic: "clock", Text: "not compared: no host told its time"}}
	}
}

// date asks for the root of raw's host, which needs no credentials, and
// returns the host's time, zero where it tells none.
func date(ctx context.Context, client *http.Client, raw string) (time.Time, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return time.Time{}, err
	}
	root := url.URL{Scheme: strings.Replace(u.Scheme, "ws", "http", 1), Host: u.Host, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err != nil {
		return time.Time{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return time.Time{}, err
	}
	resp.Body.Close()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil // a host without a clock is there all the same
	}
	return theirs, nil
}

func clock(skew time.Duration, host string) Finding {
	if skew.Abs() <= tolerable {
		return Finding{Topic: "clock", Text: "agrees with " + host}
	}
	direction := "behind"
	if skew < 0 {
		direction = "ahead of"
	}
	return Finding{"clock", Fail, fmt.Sprintf("your clock is %v %s that of %s: signatures will be refused", skew.Abs().Round(time.Second), direction, host),
		"set the clock, for instance by switching NTP on ('timedatectl set-ntp true')"}
}

// networkText drops the URL that net/http puts in front: it may hold secrets.
func networkText(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "the name " + redact.Text(dns.Name) + " cannot be resolved"
	}
	return redact.Text(err.Error())
}
