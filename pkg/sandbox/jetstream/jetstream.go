// Package jetstream is a local Bluesky Jetstream: /subscribe as
// github.com/bluesky-social/jetstream serves it (docs/README.md, version 2,
// which keeps version 1's wire): collections and accounts wanted, cursors,
// zstd with a dictionary, options sent by the client, pings.
//
// Several servers of one timeline are its instances: the same events with the
// same times, each with sequence numbers of its own.
//
// It shares no code with the programs that it is there to test.
package jetstream

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
)

// Path is where the stream is.
const Path = "/subscribe"

// history is how far a cursor may reach back (36 h by default).
const history = 36 * time.Hour

// Config says what a server is like. The zero value is a single instance.
type Config struct {
	live.Config
	Instance uint64 // sequence numbers begin at this times a million
	V1       bool   // events bear no cursor
}

// Server is a local Jetstream.
type Server struct {
	*live.Server
	cfg    Config
	packer func() (packer, error) // made when somebody asks for it
}

// Faults are those that it knows.
func Faults() []fault.Fault {
	return live.Faults(true,
		fault.New("clamp", "duration", "has a history no longer than this (1s), and says nothing of it"),
		fault.New("warm-up", "", "answers 503, as while it starts"),
		fault.New("wrong-dictionary", "", "compresses with another dictionary than it offers"),
		fault.New("no-dictionary", "", "has no dictionary to offer (404)"))
}

// Start returns a server that listens.
func Start(cfg Config) (*Server, error) {
	inner, err := live.New(cfg.Config, live.Network{
		Faults: Faults(), KeepAlive: 30 * time.Second, Streams: Path,
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int) {
			http.Error(w, http.StatusText(status), status)
		},
	})
	if err != nil {
		return nil, err
	}
	s := &Server{Server: inner, cfg: cfg}
	s.packer = sync.OnceValues(s.newPacker)
	s.Mux.HandleFunc("GET "+Path, s.subscribe)
	s.Mux.HandleFunc("GET /xrpc/network.bsky.jetstream.getZstdDictionary", s.offer)
	return s, s.Listen()
}

// Another returns another instance of the same network.
func (s *Server) Another(cfg Config) (*Server, error) {
	cfg.Of = s.Timeline
	cfg.Replay = s.cfg.Replay
	return Start(cfg)
}

// StreamURL is the stream's address.
func (s *Server) StreamURL() string { return "ws" + s.URL()[len("http"):] + Path }

// subscribe answers a client. An error is plain text, as the real one's.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request) {
	if _, on := s.Faults.Take("warm-up"); on {
		http.Error(w, "warming up", http.StatusServiceUnavailable)
		return
	}
	q := r.URL.Query()
	packed := q.Get("compress") == "true" || r.Header.Get("Socket-Encoding") == "zstd"
	if packed && r.Header.Get("Sec-WebSocket-Extensions") != "" {
		http.Error(w, "compress=true and permessage-deflate exclude each other", http.StatusBadRequest)
		return
	}
	limit, err := strconv.Atoi(q.Get("maxMessageSizeBytes"))
	if err != nil {
		limit = 0 // "invalid or negative: 0"
	}
	c := &client{s: s, ready: make(chan struct{})}
	if packed {
		if c.packer, err = s.packer(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if err := c.wants(q["wantedCollections"], q["wantedDids"], limit); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if q.Get("requireHello") != "true" {
		c.hello()
	}
	from, err := s.from(q.Get("cursor"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, c.foreign = s.Faults.Take("wrong-dictionary")
	s.ServeSocket(w, r, live.Stream{
		Asked: q.Get("cursor"), From: from, Event: c.event, Binary: packed, Receive: c.receive,
		Ready:    func() <-chan struct{} { return c.ready },
		Garbage:  [][]byte{[]byte("not JSON"), []byte(`{"torn":`), []byte(`[1,2,3]`), {}, []byte("<html></html>")},
		Oversize: func() (before, behind string) { return `{"did":"did:plc:big","text":"`, `"}` },
	})
}

// minMicros is the smallest cursor that is a time; below it is a sequence number.
const minMicros = 1_000_000_000_000_000

// from returns the first event behind a cursor. One in the future, or none, is
// the live end; one that is older than the history is taken for its beginning,
// silently.
func (s *Server) from(cursor string) (uint64, error) {
	head := s.Head()
	if cursor == "" {
		return head + 1, nil
	}
	at, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil {
		return 0, err
	}
	from := s.Timeline.Since(time.UnixMicro(at))
	if at < minMicros {
		from = uint64(max(1, at-int64(s.cfg.Instance*1_000_000)))
	}
	keep := history
	if arg, on := s.Faults.Take("clamp"); on {
		keep = fault.Duration(arg, time.Second)
	}
	oldest := s.Timeline.Since(time.Now().Add(-keep))
	return min(max(from, oldest), head+1), nil
}
