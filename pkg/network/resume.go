package network

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxPosition is the longest position that is kept, in bytes.
const maxPosition = 4 << 10

// Resumes reports whether a server of this kind can be asked for what was
// missed. Of X's only those can that the plan allows backfill_minutes.
func (k Kind) Resumes(rawURL string) bool {
	switch k {
	case Jetstream, Wikimedia, SSE, JSON: // JSON: where the server sends events after all
		return true
	case X:
		return backfill(rawURL) > 0
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
	case X:
		return 6 * time.Minute // all that backfill_minutes can bring again, and a margin
	}
	return 0
}

// Position appends where the stream stands after a message: id is that of its
// server-sent event, or of one before it. Nothing is appended where that cannot
// be told.
func (k Kind) Position(dst, message, id []byte) []byte {
	switch k {
	case Jetstream:
		if at := number(find(message, "time_us")); at > 0 {
			return strconv.AppendInt(dst, at, 10)
		}
	case X:
		return append(dst, 'x') // the time alone counts
	case Wikimedia, SSE, JSON:
		if len(id) <= maxPosition {
			return append(dst, id...)
		}
	}
	return dst
}

// Ask changes a request so that it begins at a position, less the overlap.
// since is when the position was reached. A position that cannot be read, or
// none, asks for what comes from now on.
func (k Kind) Ask(position string, since, now time.Time, u *url.URL, h http.Header) {
	switch k {
	case Jetstream:
		at, err := strconv.ParseInt(position, 10, 64)
		if err == nil && at > k.Overlap().Microseconds() {
			set(u, "cursor", strconv.FormatInt(at-k.Overlap().Microseconds(), 10))
		}
	case Wikimedia:
		if id := rewound(position, k.Overlap()); id != "" {
			h.Set("Last-Event-ID", id)
		}
	case SSE, JSON:
		if position != "" {
			h.Set("Last-Event-ID", position)
		}
	case X:
		askX(position, now.Sub(since), u)
	}
}

// askX asks for as many minutes as were missed, at most those in the URL. The
// first connection of all asks for none.
func askX(position string, gap time.Duration, u *url.URL) {
	most := backfill(u.String())
	if most == 0 {
		return
	}
	missed := min(int(gap/time.Minute)+1, most)
	if position == "" || gap < 0 {
		q := u.Query()
		q.Del("backfill_minutes")
		u.RawQuery = q.Encode()
		return
	}
	set(u, "backfill_minutes", strconv.Itoa(missed))
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

// rewound takes time off each timestamp of an id of EventStreams: a JSON array
// with an entry for each partition of each topic, which has a timestamp in
// milliseconds or an offset, or both. An offset beats a timestamp (KafkaSSE), so
// it goes where there is a timestamp; one of -1 means that nothing has come.
func rewound(id string, by time.Duration) string {
	var entries []map[string]json.RawMessage
	if json.Unmarshal([]byte(id), &entries) != nil || len(entries) == 0 {
		return ""
	}
	for _, entry := range entries {
		ms, err := strconv.ParseInt(string(entry["timestamp"]), 10, 64)
		if err != nil || ms <= 0 {
			continue
		}
		delete(entry, "offset")
		entry["timestamp"] = json.RawMessage(strconv.FormatInt(max(0, ms-by.Milliseconds()), 10))
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return ""
	}
	return string(text)
}
