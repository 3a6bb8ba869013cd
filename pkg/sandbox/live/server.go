// Package live is what the local servers of today's networks have in common: a
// timeline from which each connection is sent what it asked for, faults that
// any of them may have, and a log of the truth.
//
// A network says which events a request means, how one looks on the wire and
// in which words it refuses; see Stream. The rest is done here, over HTTP
// (Stream.Serve) or a WebSocket (Stream.ServeSocket).
//
// It must not know any network.
package live

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// Config is what all servers are told. The zero value listens somewhere on
// loopback and makes up 1,000 events a second.
type Config struct {
	Addr string             // where to listen; "" is 127.0.0.1:0
	Time timeline.Config    // of the timeline
	Of   *timeline.Timeline // or an existing one: another instance of the same network
	// Replay is a file of recorded messages, or a directory of such, that are
	// sent instead of made-up ones, begun anew at their end.
	Replay     string
	KeepAlive  time.Duration // between signs of life; 0 is what the network promises
	SendBuffer int           // bytes of the system's buffer a connection; 0 leaves it alone
	Faults     []string
}

// Network is what a server says of itself.
type Network struct {
	Faults    []fault.Fault // beside those that all have
	KeepAlive time.Duration
	Streams   string   // what the paths of streams begin with
	Ends      []string // those of its own faults that end a stream, see Stream.Farewell
	// Refuse answers with a status other than 200, in the network's words.
	Refuse func(w http.ResponseWriter, r *http.Request, status int)
}

// Server is a local server without its network.
type Server struct {
	Timeline *timeline.Timeline
	Log      *timeline.Log
	Faults   *fault.Set
	Mux      *http.ServeMux

	cfg      Config
	network  Network
	wire     *wire.Server
	recorded *recording // what is replayed; nil: all is made up

	mu     sync.Mutex // guards what follows
	flows  map[*flow]bool
	over   bool
	closed chan struct{}
	ended  sync.WaitGroup
}

// New returns a server that does not listen yet.
func New(cfg Config, network Network) (*Server, error) {
	s := &Server{
		Timeline: cfg.Of, Log: &timeline.Log{}, Faults: fault.NewSet(network.Faults), Mux: http.NewServeMux(),
		cfg: cfg, network: network, flows: map[*flow]bool{}, closed: make(chan struct{}),
	}
	if s.Timeline == nil {
		s.Timeline = timeline.New(cfg.Time)
	}
	if cfg.KeepAlive > 0 {
		s.network.KeepAlive = cfg.KeepAlive
	}
	if err := s.SetFault(cfg.Faults...); err != nil {
		return nil, err
	}
	if cfg.Replay != "" {
		var err error
		if s.recorded, err = openRecording(cfg.Replay); err != nil {
			return nil, err
		}
	}
	wire.Control(s.Mux, s.Faults, s.books)
	return s, nil
}

// Listen begins to serve.
func (s *Server) Listen() (err error) {
	s.wire, err = wire.Listen(s.cfg.Addr, s)
	return err
}

// books is the truth, for who asks over HTTP.
func (s *Server) books() any {
	return struct {
		Head        uint64
		Connections []timeline.Connection
		Refusals    []timeline.Refusal
	}{s.Timeline.Head(), s.Log.Connections(), s.Log.Refusals()}
}

// ServeHTTP implements http.Handler. A stream's call returns when it ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	record := &wire.Recorder{ResponseWriter: w}
	defer func() {
		if record.Status != http.StatusOK && record.Status != http.StatusSwitchingProtocols {
			s.Log.Refuse(timeline.Refusal{Method: r.Method, Path: r.URL.RequestURI(), Status: record.Status})
		}
	}()
	if strings.HasPrefix(r.URL.Path, s.network.Streams) && s.wrongAnswer(record, r) {
		return
	}
	s.Mux.ServeHTTP(record, r)
}

// URL is where it listens, without a slash at the end.
func (s *Server) URL() string { return s.wire.URL() }

// SetFault replaces the faults that are on by these; none turns all off. Live
// streams notice at their next event.
func (s *Server) SetFault(specs ...string) error { return s.Faults.Throw(specs...) }

// Fired tells how often a fault has really happened.
func (s *Server) Fired(name string) int { return s.Faults.Fired(name) }

// Head is the number of the newest event.
func (s *Server) Head() uint64 { return s.Timeline.Head() }

// Freeze ends the course of events; connections live on.
func (s *Server) Freeze() { s.Timeline.Freeze() }

// Connections are all streams that were opened, oldest first.
func (s *Server) Connections() []timeline.Connection { return s.Log.Connections() }

// Refusals are the last answers that were no streams, oldest first.
func (s *Server) Refusals() []timeline.Refusal { return s.Log.Refusals() }

// Live is how many streams are open.
func (s *Server) Live() int { return s.Log.Live() }

// DropAll ends all streams and says why in the log.
func (s *Server) DropAll(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := range s.flows {
		f.stop(why)
	}
}

// Close ends all streams and the server, and waits for them. It is idempotent.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.over {
		s.over = true
		close(s.closed)
	}
	for f := range s.flows {
		f.stop(endClosed)
	}
	s.mu.Unlock()
	err := s.wire.Close()
	s.ended.Wait()
	return err
}

// admit adds a live stream.
func (s *Server) admit(ctx context.Context, f *flow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return fmt.Errorf("closed: %w", context.Canceled)
	}
	if ctx.Err() != nil { // the client is gone already
		return ctx.Err()
	}
	s.flows[f] = true
	s.ended.Add(1)
	return nil
}

func (s *Server) leave(f *flow) {
	s.mu.Lock()
	delete(s.flows, f)
	s.mu.Unlock()
	s.ended.Done()
}
