// Package sse is a local server of server-sent events (WHATWG HTML, 9.2) as
// anybody may run one: each event is a JSON object with a number, the number is
// its id, and Last-Event-ID goes on behind it, exactly. Mastodon and Wikimedia
// take their framing from here.
//
// It shares no code with the programs that it is there to test.
package sse

import (
	"net/http"
	"strconv"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

// Path is where the stream is.
const Path = "/events"

// Server is a local server.
type Server struct{ *live.Server }

// Start returns a server that listens.
func Start(cfg live.Config) (*Server, error) {
	inner, err := live.New(cfg, live.Network{
		Faults: live.Faults(false), KeepAlive: 15 * time.Second, Streams: Path, Refuse: refuse,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{inner}
	s.Mux.HandleFunc("GET "+Path, s.stream)
	return s, s.Listen()
}

// StreamURL is the stream's address.
func (s *Server) StreamURL() string { return s.URL() + Path }

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	http.Error(w, http.StatusText(status), status)
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	from, asked := s.Head()+1, r.Header.Get("Last-Event-ID")
	if id, err := strconv.ParseUint(asked, 10, 64); err == nil {
		from = id + 1
	}
	s.Serve(w, r, live.Stream{
		From: from, Asked: asked, Event: s.event,
		ContentType: "text/event-stream", Hello: "retry: 1000\n\n", Idle: ":\n\n",
		Garbage: Garbage(), Oversize: Oversize,
	})
}

func (s *Server) event(b []byte, seq uint64) ([]byte, int, bool) {
	data := s.Message(seq)
	return Append(b, "", strconv.FormatUint(seq, 10), data), len(data), true
}

// Message is what an event holds.
func (s *Server) Message(seq uint64) []byte {
	if r, ok := s.Replayed(seq); ok {
		return r.Data
	}
	b := append([]byte(nil), `{"time":"`...)
	b = s.Timeline.Stamp(seq).UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	b = append(b, `","text":"`...)
	b = append(b, madeup.Sentence(seq%997, 8+seq%17)...)
	b = append(b, `","seq":`...)
	b = strconv.AppendUint(b, seq, 10)
	return append(b, '}')
}

// Append appends an event; an empty name or id is left out.
func Append(b []byte, name, id string, data []byte) []byte {
	if name != "" {
		b = append(append(append(b, "event: "...), name...), '\n')
	}
	if id != "" {
		b = append(append(append(b, "id: "...), id...), '\n')
	}
	return append(append(append(b, "data: "...), data...), "\n\n"...)
}

// Garbage is what no client should take for a message.
func Garbage() [][]byte {
	return [][]byte{
		[]byte("data: not JSON at all\n\n"), []byte("data: {\"torn\":\n\n"), []byte("data\n\n"), []byte("nothing: of use\n\n"),
		[]byte("event: \"quoted\ndata: {\"glued\":1}{\"glued\":2}\n\n"), []byte("data: \x00\xff\xfe\n\n"),
	}
}

// Oversize is what goes round the bytes of an event that is too long.
func Oversize() (before, behind string) { return `data: {"text":"`, "\"}\n\n" }
