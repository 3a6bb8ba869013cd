// Package network knows what each of today's networks is: how a stream's URL
// tells it, by what its messages are told apart, where in the stream one
// stands, and how a server is asked to go on from there.
//
// It guarantees that it judges by the text alone and never panics on any: it
// does no input, keeps nothing and asks no clock.
//
// It must not know connections, the store, or what becomes of a message.
package network

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Kind is what a stream is.
type Kind string

// The kinds.
const (
	Twitter   Kind = "twitter"   // API v1.1, and what stands in for it
	X         Kind = "x"         // API v2
	Jetstream Kind = "jetstream" // Bluesky
	Mastodon  Kind = "mastodon"
	Wikimedia Kind = "wikimedia" // EventStreams
	JSON      Kind = "json"      // lines of JSON over HTTP; events where the server sends those
	SSE       Kind = "sse"       // server-sent events of JSON
	WebSocket Kind = "websocket" // a WebSocket of JSON messages
	File      Kind = "file"      // lines of JSON in a file or on standard input
)

// examples are the kinds in the order in which they are shown.
var examples = []struct {
	kind    Kind
	example string
}{
	{Jetstream, "wss://jetstream2.us-east.bsky.network/subscribe"},
	{Wikimedia, "https://stream.wikimedia.org/v2/stream/recentchange"},
	{Mastodon, "https://mastodon.social/api/v1/streaming/public"},
	{X, "https://api.x.com/2/tweets/search/stream"},
	{JSON, "https://example.org/stream.jsonl"},
	{SSE, "https://example.org/events (with stream_kind = sse)"},
	{WebSocket, "wss://example.org/feed"},
	{File, "file:///path/messages.jsonl, or - for standard input"},
	{Twitter, "https://stream.twitter.com/1.1/statuses/sample.json"},
}

// Names returns the names of all kinds.
func Names() []string {
	var names []string
	for _, e := range examples {
		names = append(names, string(e.kind))
	}
	return names
}

// Detect returns what a stream is by the scheme, host and path of its URL.
// override is a kind, or "auto". The error lists the kinds, each with an
// example, or says what does not fit the override.
func Detect(rawURL, override string) (Kind, error) {
	found, scheme := detect(rawURL)
	if override == "" || override == "auto" {
		if found == "" {
			return "", errors.New("the URL of a stream: " + list())
		}
		return found, nil
	}
	kind := Kind(override)
	schemes := kind.schemes()
	if schemes == nil {
		return "", errors.New("stream_kind is one of " + strings.Join(Names(), ", "))
	}
	if !slices.Contains(schemes, scheme) {
		return "", fmt.Errorf("a URL that begins with %s, as stream_kind = %s demands", strings.Join(schemes, ": or "), kind+":")
	}
	return kind, nil
}

func list() string {
	var lines []string
	for _, e := range examples {
		lines = append(lines, string(e.kind)+" "+e.example)
	}
	return strings.Join(lines, "; ")
}

// schemes returns those by which a kind is read, nil if there is no such kind.
func (k Kind) schemes() []string {
	switch k {
	case Twitter, X, Mastodon, Wikimedia, JSON, SSE:
		return []string{"https", "http"}
	case Jetstream, WebSocket:
		return []string{"wss", "ws"}
	case File:
		return []string{"file", "-"}
	}
	return nil
}

// detect returns "" for what is no stream.
func detect(rawURL string) (Kind, string) {
	if rawURL == "-" {
		return File, "-"
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", ""
	}
	scheme := strings.ToLower(u.Scheme)
	switch scheme {
	case "file":
		return File, scheme
	case "ws", "wss":
		if strings.HasSuffix(u.Path, "/subscribe") {
			return Jetstream, scheme
		}
		return WebSocket, scheme
	case "http", "https":
		return overHTTP(u), scheme
	}
	return "", scheme
}

// overHTTP goes by the path, so that a server on loopback can stand in.
func overHTTP(u *url.URL) Kind {
	host := strings.ToLower(u.Hostname())
	switch path := u.Path; {
	case strings.HasPrefix(path, "/1.1/"), strings.HasSuffix(host, ".twitter.com") && !strings.HasPrefix(path, "/2/"):
		return Twitter
	case strings.HasPrefix(path, "/2/") && (strings.HasSuffix(path, "/stream") || strings.Contains(path, "/stream/")):
		return X
	case strings.HasPrefix(path, "/api/v1/streaming/"):
		return Mastodon
	case strings.HasPrefix(path, "/v2/stream/"):
		return Wikimedia
	}
	return JSON
}
