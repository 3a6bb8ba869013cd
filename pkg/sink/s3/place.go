package s3

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// amazon is where a bucket is whose URL names no endpoint.
const amazon = "s3.amazonaws.com"

// defaultRegion is what requests are signed for where the URL names none.
const defaultRegion = "us-east-1"

// place is a bucket's URL taken apart.
type place struct {
	host   string // of the endpoint, with its port
	secure bool
	region string
	bucket string
	prefix string // of keys, without slashes around it; "" is the bucket itself
	shown  string // the URL as errors and receipts have it
}

// bucketName is what all services allow (Amazon S3 user guide, bucket naming
// rules).
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

var regionName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// parse takes a bucket's URL. Its errors quote no value of the query: a key may
// have been written there.
func parse(raw string, insecure bool) (place, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" || u.User != nil || u.Fragment != "" {
		return place{}, fmt.Errorf("upload URL %s: not a bucket's, such as s3://bucket/prefix?endpoint=https://host&region=name", redact.URL(raw))
	}
	p := place{bucket: u.Host, prefix: strings.Trim(u.Path, "/")}
	wrong := func(format string, args ...any) (place, error) {
		return place{}, fmt.Errorf("upload URL %s: %w", redact.URL(raw), fmt.Errorf(format, args...))
	}
	if !bucketName.MatchString(p.bucket) {
		return wrong("%q is no bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens", redact.Text(p.bucket))
	}
	if p.prefix != "" && !sink.ValidKey(p.prefix) {
		return wrong("the prefix may hold letters, digits, dots, underscores, hyphens and equals signs between slashes, and no part begins with a dot")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return wrong("its query cannot be read")
	}
	for name, values := range query {
		if !slices.Contains([]string{"endpoint", "region"}, name) || len(values) != 1 {
			return wrong("its query may hold endpoint and region, once each; keys stand elsewhere")
		}
	}
	if p.region = query.Get("region"); p.region == "" {
		p.region = defaultRegion
	}
	if !regionName.MatchString(p.region) {
		return wrong("its region is no region's name")
	}
	if err := p.takeEndpoint(query.Get("endpoint"), insecure); err != nil {
		return wrong("its endpoint: %w", err)
	}
	shown := url.URL{Scheme: "s3", Host: p.bucket, Path: p.prefix, RawQuery: p.query(query.Has("region"))}
	p.shown = shown.String()
	return p, nil
}

// takeEndpoint takes a host with its port or an http or https URL.
func (p *place) takeEndpoint(raw string, insecure bool) error {
	if raw == "" {
		p.host, p.secure = amazon, true
		return nil
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("a host with its port, or an http or https URL without a path")
	}
	p.host, p.secure = u.Host, u.Scheme == "https"
	if !p.secure && (u.Scheme != "http" || !insecure && !isLoopback(u.Hostname())) {
		return errors.New("https, since plain http gives the files to everybody on the way; allow_insecure = 1 allows it")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// query is what finds the bucket again. The same place has one spelling.
func (p *place) query(region bool) string {
	var parts []string
	if p.host != amazon {
		scheme := "https"
		if !p.secure {
			scheme = "http"
		}
		parts = append(parts, "endpoint="+scheme+"://"+p.host)
	}
	if region {
		parts = append(parts, "region="+p.region)
	}
	return strings.Join(parts, "&")
}

// key is where an object lies in the bucket.
func (p *place) key(relative string) string {
	if p.prefix == "" {
		return relative
	}
	return p.prefix + "/" + relative
}

// maxKey is the longest key that S3 has, in bytes (Amazon S3 user guide, object
// keys).
const maxKey = 1024

// fits says that an object's key is too long below the prefix.
func (p *place) fits(relative string) error {
	if n := len(p.key(relative)); n > maxKey {
		return fmt.Errorf("a key of %d bytes, where S3 takes %d: shorten the prefix in upload_url, or upload_key", n, maxKey)
	}
	return nil
}

// relative is the inverse of key; ok is false outside the prefix.
func (p *place) relative(key string) (string, bool) {
	if p.prefix == "" {
		return key, true
	}
	return strings.CutPrefix(key, p.prefix+"/")
}
