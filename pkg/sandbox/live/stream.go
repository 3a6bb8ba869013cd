package live

import (
	"net/http"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// Stream is what one client is to get.
type Stream struct {
	Asked string // the position that it asked for, for the log
	From  uint64 // the first event that it may get
	// Event appends an event as it goes onto the wire. size is how many bytes of
	// it are the message; ok is false where the client did not ask for it.
	Event func(b []byte, seq uint64) (frame []byte, size int, ok bool)
	// Garbage is what this network would take for none of its own.
	Garbage [][]byte
	// Oversize returns what goes before and behind the bytes of an event that is
	// too long.
	Oversize func() (before, behind string)

	// Over HTTP.
	ContentType string
	Hello       string // comes first
	Idle        string // a sign of life
	// Farewell is said before a stream ends in good order for a reason: one of
	// Network.Ends with its argument, or that of DropAll; nil says nothing, as
	// the cut of a connection.
	Farewell func(why, arg string) []byte

	// Over a WebSocket.
	Binary  bool                   // events are binary messages
	Receive func(message []byte)   // what the client has sent
	Ready   func() <-chan struct{} // closed when events may begin; nil: at once

	Lifetime time.Duration // then the stream ends in good order; 0 is never

	// Left is called when the stream has ended.
	Left func()
}

// Serve answers with a stream over HTTP and blocks until it ends.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, st Stream) {
	_, zip := s.Faults.Take("gzip")
	bomb, armed := s.Faults.Take("bomb")
	zip = zip || armed
	header := http.Header{"Content-Type": {st.ContentType}, "Cache-Control": {"no-store"}}
	if arg, on := s.Faults.Take("type"); on {
		header.Set("Content-Type", arg)
		if arg == "" {
			header.Set("Content-Type", "text/html; charset=utf-8")
		}
	}
	if zip {
		header.Set("Content-Encoding", "gzip")
	}
	note(w, http.StatusOK)
	f := s.newFlow(r, st) // before the client can know of it
	l, err := wire.OpenLink(w, header, time.Now(), s.cfg.SendBuffer)
	if err != nil {
		s.Log.Close(f.conn, endLeft)
		return
	}
	defer l.Close()
	f.out = &chunks{link: l, enc: wire.NewEncoder(zip, l.Raw(), 0), idleBytes: []byte(st.Idle)}
	if st.Hello != "" && f.out.raw([]byte(st.Hello)) != nil {
		s.Log.Close(f.conn, endLeft)
		return
	}
	if armed {
		f.bomb(bomb)
	}
	f.serve(r)
}

// newFlow notes a connection that begins.
func (s *Server) newFlow(r *http.Request, st Stream) *flow {
	return &flow{
		s: s, st: st, next: st.From, lastByte: time.Now(), began: time.Now(), stopped: make(chan struct{}),
		conn: s.Log.Open(timeline.Connection{Path: r.URL.RequestURI(), Asked: st.Asked, Began: st.From}),
	}
}

// note tells the log of a status that does not go through net/http.
func note(w http.ResponseWriter, status int) {
	if rec, ok := w.(*wire.Recorder); ok {
		rec.Status = status
	}
}

// number is a fault's argument that is one, or what it is without one.
func number(arg string, without int) int {
	if d, err := fault.Number(arg); err == nil {
		return d
	}
	return without
}
