// Package wikimedia is a local Wikimedia EventStreams (wikitech, Event
// Platform/EventStreams HTTP Service; KafkaSSE): server-sent events whose ids
// are positions in all topics of the streams asked for, by time stamp, events
// that share a millisecond and therefore come twice or not at all, canaries,
// and connections that are cut after 15 minutes.
//
// It shares no code with the programs that it is there to test.
package wikimedia

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/sse"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// path is what the paths of streams begin with.
const path = "/v2/stream/"

// Config says what it is like. The zero value has the stream recentchange.
type Config struct {
	live.Config
	Streams     []string      // that it has, as in URLs; events are dealt out to them in turn
	Lifetime    time.Duration // of a connection; 0 is 15 minutes
	History     time.Duration // 0 is 7 days
	Connections int           // at once; 0 is 2
}

// Server is a local EventStreams.
type Server struct {
	*live.Server
	cfg   Config
	slots atomic.Int64
}

// Faults are those that it knows.
func Faults() []fault.Fault {
	return live.Faults(false,
		fault.New("cut", "duration", "ends each connection after this instead of 15 minutes (1s)"),
		fault.New("clamp", "duration", "has a history no longer than this (1s)"),
		fault.New("too-many", "", "answers 429 too_many_requests"),
		fault.New("error-event", "", "sends an event named error and ends the stream"),
		fault.New("agent", "", "answers 403 to a User-Agent without an address"),
	)
}

// Start returns a server that listens.
func Start(cfg Config) (*Server, error) {
	if len(cfg.Streams) == 0 {
		cfg.Streams = []string{"recentchange"}
	}
	if cfg.Lifetime <= 0 {
		cfg.Lifetime = 15 * time.Minute
	}
	if cfg.History <= 0 {
		cfg.History = 7 * 24 * time.Hour
	}
	if cfg.Connections <= 0 {
		cfg.Connections = 2
	}
	inner, err := live.New(cfg.Config, live.Network{
		Faults: Faults(), Streams: path, Ends: []string{"error-event"},
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int) {
			says(w, status, strings.ToLower(strings.ReplaceAll(http.StatusText(status), " ", "_")), "")
		},
	})
	if err != nil {
		return nil, err
	}
	s := &Server{Server: inner, cfg: cfg}
	s.Mux.HandleFunc("GET "+path+"{names}", s.stream)
	return s, s.Listen()
}

// StreamURL is the address of its streams, all of them.
func (s *Server) StreamURL() string { return s.URL() + path + strings.Join(s.cfg.Streams, ",") }

// says answers with an error in the service's words.
func says(w http.ResponseWriter, status int, kind, detail string) {
	wire.AnswerJSON(w, status, map[string]any{
		"status": status, "type": "https://mediawiki.org/wiki/HyperSwitch/errors/" + kind, "title": kind, "detail": detail,
	})
}

// stream answers the streams.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if _, on := s.Faults.Peek("agent"); on && !strings.ContainsAny(r.UserAgent(), "@(") {
		s.Faults.Take("agent")
		says(w, http.StatusForbidden, "forbidden", "Please set a user-agent and respect our robot policy.")
		return
	}
	names := strings.Split(r.PathValue("names"), ",")
	for _, name := range names {
		if !slices.Contains(s.cfg.Streams, name) {
			says(w, http.StatusBadRequest, "stream_not_found", "the stream "+name+" does not exist")
			return
		}
	}
	at, err := s.position(r, names)
	if err != nil {
		says(w, http.StatusBadRequest, "invalid_timestamp", err.Error())
		return
	}
	_, full := s.Faults.Take("too-many")
	if full || s.slots.Add(1) > int64(s.cfg.Connections) {
		if !full {
			s.slots.Add(-1)
		}
		says(w, http.StatusTooManyRequests, "too_many_requests", "Too many concurrent connections from your client IP.")
		return
	}
	defer s.slots.Add(-1)
	lifetime := s.cfg.Lifetime
	if arg, on := s.Faults.Take("cut"); on {
		lifetime = fault.Duration(arg, time.Second)
	}
	s.Serve(w, r, s.reply(r, names, at, lifetime))
}

// reply is the stream that a client gets.
func (s *Server) reply(r *http.Request, names []string, at position, lifetime time.Duration) live.Stream {
	st := live.Stream{
		Asked: at.asked, From: at.from(s.Head() + 1), Lifetime: lifetime,
		ContentType: "text/event-stream; charset=utf-8", Hello: ":ok\n\n", Idle: ":keep-alive\n\n",
		Garbage: sse.Garbage(), Oversize: sse.Oversize,
		Farewell: func(why, _ string) []byte {
			if why != "error-event" {
				return nil
			}
			return []byte("event: error\ndata: {\"message\":\"KafkaSSE: broker transport failure\",\"origin\":\"KafkaSSE\"}\n\n")
		},
	}
	lines := strings.Contains(r.Header.Get("Accept"), "application/json")
	if lines {
		st.ContentType, st.Hello, st.Idle = "application/json; charset=utf-8", "", "\n"
	}
	st.Event = func(b []byte, seq uint64) ([]byte, int, bool) {
		topic := s.topicOf(seq)
		if !slices.Contains(names, s.cfg.Streams[topic.stream]) || seq < at.begins[topic] {
			return b, 0, false
		}
		at.seen[topic] = s.Timeline.Time(seq).UnixMilli() + 1
		data := s.Message(seq)
		if lines {
			return append(append(b, data...), '\n'), len(data), true
		}
		return sse.Append(b, "message", at.id(s, names), data), len(data), true
	}
	return st
}

// canary is one event in how many that is a test.
const canary = 4000

// topic is one of the two that each stream has, one a data centre.
type topic struct {
	stream int // index
	remote bool
}

// topicOf deals events out; the second data centre has one in ten.
func (s *Server) topicOf(seq uint64) topic {
	return topic{int(seq % uint64(len(s.cfg.Streams))), seq/uint64(len(s.cfg.Streams))%10 == 7}
}

func (s *Server) topicName(t topic) string {
	centre := "eqiad"
	if t.remote {
		centre = "codfw"
	}
	return centre + ".mediawiki." + s.cfg.Streams[t.stream]
}

// millis reads a time as JavaScript's Date.parse would, of the forms that are
// used: ISO 8601, and milliseconds.
func millis(text string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}
