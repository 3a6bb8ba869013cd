package network

import (
	"net/url"
	"strconv"
	"strings"
)

// PageSize is how many statuses a page of a timeline holds at most (Mastodon,
// methods/timelines).
const PageSize = 40

// Timeline returns the URL by which Mastodon's REST interface tells what has
// come after a position on a stream: the statuses next to it, a page at a time.
// nil: this stream has no timeline, or there is no position.
//
// The ids of statuses are made of the time that their server says, so one that
// comes late may have a lesser id than one before it: the overlap is taken off.
func Timeline(stream *url.URL, position string) *url.URL {
	if !isDigits([]byte(position)) {
		return nil
	}
	from := stream.Query()
	path, parameters := timelineOf(strings.TrimPrefix(stream.Path, "/api/v1/streaming/"), from)
	if path == "" {
		return nil
	}
	parameters.Set("limit", strconv.Itoa(PageSize))
	parameters.Set("min_id", earlier(position))
	host := stream.Host
	if after, ok := strings.CutPrefix(strings.ToLower(host), "streaming."); ok { // as mastodon.social has it
		host = after
	}
	return &url.URL{Scheme: stream.Scheme, Host: host, Path: "/api/v1/timelines/" + path, RawQuery: parameters.Encode()}
}

// timelineOf maps the path of a stream (Mastodon, methods/streaming) to that of
// its timeline.
func timelineOf(stream string, from url.Values) (path string, parameters url.Values) {
	parameters = url.Values{}
	if media := from.Get("only_media"); media != "" {
		parameters.Set("only_media", media)
	}
	channel, part, _ := strings.Cut(strings.Trim(stream, "/"), "/")
	switch part {
	case "":
	case "local", "remote", "media":
		parameters.Set(map[string]string{"local": "local", "remote": "remote", "media": "only_media"}[part], "true")
	default:
		return "", nil // notifications, or what is not known yet
	}
	switch {
	case channel == "public":
		return "public", parameters
	case channel == "hashtag" && from.Get("tag") != "":
		return "tag/" + from.Get("tag"), parameters
	case channel == "list" && from.Get("list") != "":
		return "list/" + from.Get("list"), parameters
	case channel == "user" && part == "":
		return "home", parameters
	}
	return "", nil
}

// withTime is the least id that holds a time, in milliseconds since 1970 above
// its last 16 bits (2004).
const withTime = 1 << 56

// StatusTime returns the time in the id of a status, in Unix microseconds, 0
// where it holds none.
func StatusTime(id string) int64 {
	n, err := strconv.ParseUint(id, 10, 63)
	if err != nil || n < withTime {
		return 0
	}
	return int64(n>>16) * 1000
}

// earlier takes the overlap off an id that holds a time.
func earlier(id string) string {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n < withTime {
		return id
	}
	return strconv.FormatUint(n-uint64(Mastodon.Overlap().Milliseconds())<<16, 10)
}

// StatusID returns the id of a status, nil if it has none.
func StatusID(status []byte) []byte {
	if id := plain(find(status, "id")); isDigits(id) {
		return id
	}
	return nil
}

// LaterID reports whether the status of one id is later than that of another:
// ids are compared by length, then as text.
func LaterID(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

func isDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= 32
}
