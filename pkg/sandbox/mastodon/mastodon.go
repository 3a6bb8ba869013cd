// Package mastodon is a local Mastodon instance as a stream's reader sees it
// (docs.joinmastodon.org, methods/streaming, methods/timelines): the public
// streams as server-sent events without ids, the public timeline by REST, in
// which what a stream missed can be looked up, and the instance's description.
//
// It shares no code with the programs that it is there to test.
package mastodon

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/sse"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// Token is what the local instance accepts; nobody else does.
const Token = "sandbox-mastodon-token"

// streams is what the paths of streams begin with.
const streams = "/api/v1/streaming/"

// thump is how often a heartbeat comes.
const thump = 15 * time.Second

// Server is a local instance.
type Server struct{ *live.Server }

// Faults are those that it knows.
func Faults() []fault.Fault {
	return live.Faults(false,
		fault.New("revoked", "", "finds the token revoked and ends the stream"),
		fault.New("no-preview", "", "keeps the public timeline to its own (401)"),
		fault.New("rest-limit", "number of seconds", "answers REST with 429 and X-RateLimit-Reset (1)"),
		fault.New("rest-error", "", "answers REST with 503"),
		fault.New("no-payload", "", "begins with an event of which the data is undefined"),
	)
}

// Start returns an instance that listens.
func Start(cfg live.Config) (*Server, error) {
	inner, err := live.New(cfg, live.Network{
		Faults: Faults(), KeepAlive: thump, Streams: streams, Ends: []string{"revoked"}, Refuse: refuse,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{inner}
	s.Mux.HandleFunc("GET "+streams+"health", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "OK") })
	s.Mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "OK") })
	s.Mux.HandleFunc("GET "+streams, s.stream)
	s.Mux.HandleFunc("GET /api/v2/instance", s.instance)
	s.Mux.HandleFunc("GET /api/v1/timelines/public", s.timeline)
	return s, s.Listen()
}

// StreamURL is the address of the stream of all that is public.
func (s *Server) StreamURL() string { return s.URL() + streams + "public" }

// says answers with an error in Mastodon's words.
func says(w http.ResponseWriter, status int, text string) {
	wire.AnswerJSON(w, status, map[string]string{"error": text})
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	switch status {
	case http.StatusUnauthorized:
		says(w, status, "Invalid access token")
	case http.StatusTooManyRequests:
		limited(w, 1)
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		io.WriteString(w, "<html>\r\n<head><title>"+http.StatusText(status)+"</title></head>\r\n<body><center><h1>nginx</h1></center></body>\r\n</html>\r\n")
	default:
		says(w, status, http.StatusText(status))
	}
}

func limited(w http.ResponseWriter, seconds int) {
	w.Header().Set("X-RateLimit-Limit", "300")
	w.Header().Set("X-RateLimit-Remaining", "0")
	w.Header().Set("X-RateLimit-Reset", time.Now().Add(time.Duration(seconds)*time.Second).UTC().Format("2006-01-02T15:04:05.000000Z"))
	says(w, http.StatusTooManyRequests, "Too many requests")
}

// admitted checks the token, in the header or the query.
func admitted(w http.ResponseWriter, r *http.Request) bool {
	how, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(how, "Bearer") {
		token = r.URL.Query().Get("access_token")
	}
	switch token {
	case Token:
		return true
	case "":
		says(w, http.StatusUnauthorized, "Missing access token")
	default:
		says(w, http.StatusUnauthorized, "Invalid access token")
	}
	return false
}

// stream answers the streams. Those of one person are as busy as the public
// ones here.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if !admitted(w, r) {
		return
	}
	switch name := strings.TrimPrefix(r.URL.Path, streams); name {
	case "public", "public/local", "public/remote", "user", "user/notification", "direct":
	case "hashtag", "hashtag/local":
		if r.URL.Query().Get("tag") == "" {
			says(w, http.StatusBadRequest, "Missing tag name parameter")
			return
		}
	case "list":
		if r.URL.Query().Get("list") == "" {
			says(w, http.StatusBadRequest, "Missing list name parameter")
			return
		}
	default:
		says(w, http.StatusBadRequest, "Unknown channel requested")
		return
	}
	hello := ":)\n"
	if _, on := s.Faults.Take("no-payload"); on {
		hello += "event: filters_changed\ndata: undefined\n\n"
	}
	s.Serve(w, r, live.Stream{
		From: s.Head() + 1, Event: s.event, ContentType: "text/event-stream",
		Hello: hello, Idle: ":thump\n", Garbage: sse.Garbage(), Oversize: sse.Oversize,
		Farewell: func(why, _ string) []byte {
			if why == "revoked" {
				return []byte{}
			}
			return nil
		},
	})
}

// event appends an event as it is streamed: without an id.
func (s *Server) event(b []byte, seq uint64) ([]byte, int, bool) {
	name, payload := s.happened(seq)
	return sse.Append(b, name, "", payload), len(name) + len(payload), true
}

// instance is the description by which the streaming server is found.
func (s *Server) instance(w http.ResponseWriter, _ *http.Request) {
	wire.AnswerJSON(w, http.StatusOK, map[string]any{
		"domain": s.URL()[len("http://"):], "title": "Sandbox", "version": "4.5.0", "source_url": "https://github.com/mastodon/mastodon",
		"configuration": map[string]any{
			"urls":             map[string]string{"streaming": "ws" + s.URL()[len("http"):]},
			"timelines_access": map[string]any{"live_feeds": map[string]string{"local": "public", "remote": "public"}},
		},
	})
}
