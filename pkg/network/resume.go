package network

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxPosition is the longest position that is kept, in bytes.
const maxPosition = 4 << 10

// Resumes reports whether a server of this kind can be asked for what was
// missed. Of X's only those can that the plan allows backfill_minutes.
func (k Kind) Resumes(rawURL string) bool {
	switch k {
	case Jetstream, Wikimedia, Mastodon, SSE, JSON: // JSON: where the server sends events after all
		return true
	case X:
		return backfill(rawURL) > 0
	case File:
		return rawURL != "-"
	}
	return false
}

// Overlap is how much of what came before a position is asked for once more,
// since times are no exact positions (Jetstream: a few seconds are advised, and
// time_us was seen to step back; Wikimedia: events that share a millisecond).
func (k Kind) Overlap() time.Duration {
	switch k {
	case Jetstream:
		return 5 * time.Second
	case Wikimedia:
		return 10 * time.Second
	case Mastodon:
		return 10 * time.Second
	case X:
		return 6 * time.Minute // all that backfill_minutes can bring again, and a margin
	}
	return 0
}

// Position appends where the stream stands after a message whose key is key: id
// is that of its server-sent event, or of one before it, or where in a file it
// ends. Nothing is appended where that cannot be told.
func (k Kind) Position(dst, message, id []byte, key uint64) []byte {
	switch k {
	case Jetstream:
		if at := number(find(message, "time_us")); at > 0 {
			return strconv.AppendInt(dst, at, 10)
		}
	case X:
		return append(dst, 'x') // the time alone counts
	case Mastodon:
		if status := newStatus(message); isDigits(status) {
			return append(dst, status...)
		}
	case Wikimedia, SSE, JSON:
		if fitsHeader(id) {
			return append(dst, id...)
		}
	case File:
		if isDigits(id) {
			return appendPlace(dst, id, len(message), key)
		}
	}
	return dst
}

// ID returns the id of which Position has made a position, where that is exact.
func (k Kind) ID(position string) string {
	if k == File {
		position, _, _ = strings.Cut(position, " ")
	}
	return position
}

// fitsHeader reports whether an id can be sent back and be kept as JSON: with
// another one no request would ever leave this machine.
func fitsHeader(id []byte) bool {
	for _, c := range id {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return len(id) <= maxPosition && utf8.Valid(id)
}

// firstTime is the least cursor that a Jetstream takes for a time, not for the
// number of an event (2001-09-09, in microseconds).
const firstTime = 1e15

// Ask changes a request so that it begins at a position, less the overlap.
// since is when the position was reached. A position that cannot be read, or
// none, asks for what comes from now on.
func (k Kind) Ask(position string, since, now time.Time, u *url.URL, h http.Header) {
	switch k {
	case Jetstream:
		at, err := strconv.ParseInt(position, 10, 64)
		if at -= k.Overlap().Microseconds(); err == nil && at >= firstTime {
			set(u, "cursor", strconv.FormatInt(at, 10))
		}
	case Wikimedia:
		if id := rewound(position, k.Overlap()); id != "" {
			h.Set("Last-Event-ID", id)
		}
	case SSE, JSON, File:
		if position != "" && fitsHeader([]byte(position)) {
			h.Set("Last-Event-ID", position)
		}
	case X:
		askX(position, now.Sub(since), u)
	}
}

// late is how long after its making a post may come (X, consuming streaming
// data: 99 of 100 within seven seconds).
const late = 15 * time.Second

// askX asks for as many minutes as were missed, at most those in the URL, and
// for all of those where the clock has gone back. The first connection of all
// asks for none.
func askX(position string, gap time.Duration, u *url.URL) {
	most := backfill(u.String())
	switch {
	case most == 0:
	case position == "":
		q := u.Query()
		q.Del("backfill_minutes")
		u.RawQuery = q.Encode()
	case gap < 0 || gap >= time.Duration(most)*time.Minute-late:
		set(u, "backfill_minutes", strconv.Itoa(most))
	default:
		set(u, "backfill_minutes", strconv.Itoa(int((gap+late)/time.Minute)+1))
	}
}

// Reach returns how far back from now a request asks for what was missed, 0 where
// it says from where on.
func (k Kind) Reach(u *url.URL) time.Duration {
	if k != X {
		return 0
	}
	return time.Duration(backfill(u.String())) * time.Minute
}

func backfill(rawURL string) int {
	u, err := url.Parse(rawURL)
	if err != nil {
		return 0
	}
	minutes, err := strconv.Atoi(u.Query().Get("backfill_minutes"))
	if err != nil || minutes < 0 {
		return 0
	}
	return min(minutes, 5)
}

func set(u *url.URL, name, value string) {
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
}

// rewound takes an id of EventStreams back: a JSON array with an entry for each
// partition of each topic, which has a timestamp in milliseconds or an offset,
// or both. An offset beats a timestamp (KafkaSSE), so it goes where there is a
// timestamp; one of -1 means that nothing has come yet, and would ask for what
// comes from now on.
//
// Each partition goes back to that long before the newest of them. One that has
// been quiet for longer stays: what it brought last came too long ago to be
// known again.
func rewound(id string, by time.Duration) string {
	var entries []map[string]json.RawMessage
	if json.Unmarshal([]byte(id), &entries) != nil || len(entries) == 0 {
		return ""
	}
	newest := int64(0)
	for _, entry := range entries {
		newest = max(newest, number(entry["timestamp"]))
	}
	from := max(0, newest-by.Milliseconds())
	for _, entry := range entries {
		ms := number(entry["timestamp"])
		switch {
		case ms > 0:
			ms = min(ms, from)
		case newest > 0 && number(entry["offset"]) < 0:
			ms = from
		default:
			continue
		}
		delete(entry, "offset")
		entry["timestamp"] = strconv.AppendInt(nil, ms, 10)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return ""
	}
	return string(text)
}
