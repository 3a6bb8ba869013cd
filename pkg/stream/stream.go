// Package stream reads a social stream over HTTP: it connects, frames, checks
// and counts, and says by type what an end of the connection means. Its facts
// are those that Twitter published for v1.1 (connecting, processing, message
// types).
//
// It guarantees that what Next returns is one whole JSON object, byte for byte
// as the server sent it but for bare line feeds, which become spaces; whatever
// else came is counted. Memory is bounded by the read buffer and the largest
// message allowed, and so is what a kill can take with it: besides a message
// in flight that is larger than that, whole messages wait only in the 64 KiB
// read buffer, in the 256 KiB that are read ahead of it where a stream is fast,
// and in the buffers of the transport. Counts says how much that can be.
//
// It must not know the store, nor wait between tries: it says what kind of
// failure it met and the grabber decides how long to wait.
package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/redact"
)

// Config says what to read and how.
type Config struct {
	Kind       network.Kind // "" means Twitter's API v1.1
	URL        string
	Spare      []string   // URLs of the same stream, each the next when one before it fails
	Method     string     // GET (or ""), or POST: Parameters go as a form
	Parameters url.Values // added to the query (GET) or sent as the body (POST), over what the URL and the kind ask for
	// Client signs and sends. Its redirects and Timeout are turned off, its
	// transport should be one made by Transport, or end in one. An *Error of a
	// transport, about credentials it could not get, say, is taken as it is.
	Client    *http.Client
	UserAgent string // name and version
	Bearer    string // sent as Authorization: Bearer, where it is not ""; a secret
	// Dictionary unpacks what a Jetstream packs; nil: its server is asked for one,
	// and for plain messages where it offers none.
	Dictionary []byte
	// DropCanaries drops Wikimedia's test events. They are counted in any case.
	DropCanaries bool
	// Prepare may change what is sent for a connection, so that it begins where
	// the last one ended. nil is fine.
	Prepare func(*url.URL, http.Header)
	// Missed returns the URL of the first page of what came between the last
	// connection and the one that is about to begin, of a Mastodon's statuses; nil
	// where nothing did. nil is fine.
	Missed func(*url.URL) *url.URL
	// Unfilled is told when what came after a status cannot be had. nil is fine.
	Unfilled func(after string)
	// Fresh reports whether a message is not stored yet; id is that of its
	// server-sent event, or of one before it, or the number of the byte behind it
	// in a file. One that is not fresh is counted
	// and dropped, unless the service speaks to us in it, which always says. It
	// is asked of each message, in order. nil: all are fresh.
	Fresh        func(message, id []byte, always bool) bool
	StallTimeout time.Duration    // no byte for this long, headers included: a stall
	MaxMessage   int              // bytes; longer ones are skipped and counted
	Now          func() time.Time // wall clock, to find clock skew; nil means time.Now
	// Notice is told what a person would want to know now: an unknown line
	// (escaped), an oversize message, a server's warning. It is called by
	// Next and Buffered, for each line anew. nil drops it.
	Notice func(kind NoticeKind, text string)
	// Busy announces a step and until when it may rightly take; nil is fine.
	// Connecting is one step, each wait for the network another.
	Busy func(limit time.Duration) (done func())
}

// NoticeKind says what a Notice is about.
type NoticeKind string

// The notices.
const (
	NoticeGarbage    NoticeKind = "garbage"    // a line that is no JSON object
	NoticeOversize   NoticeKind = "oversize"   // a message over MaxMessage
	NoticeWarning    NoticeKind = "warning"    // a stall warning of the server
	NoticeDisconnect NoticeKind = "disconnect" // the server's disconnect message
	NoticeConnected  NoticeKind = "connected"
	NoticeValue      NoticeKind = "value" // the first message that is no object
	NoticeGap        NoticeKind = "gap"   // what was missed could not be had afterwards
	NoticeOtherFile  NoticeKind = "file"  // a file is not the one that was being read
)

// framer turns the bytes of one connection into messages.
type framer interface {
	room() []byte
	add(n int)
	pending() []byte
	next() []byte
	finish()
}

// Source is one stream. Counts is for any goroutine, all else for one.
type Source struct {
	cfg      Config
	request  request
	tally    tally
	lines    splitter
	events   *events
	frame    framer      // one of these two
	sniffed  bool        // which one is known
	valued   bool        // a message that is no object has come
	refusals int         // of the URLs, one after the other
	ahead    []byte      // the next message where it has been looked for already
	conn     *connection // nil while not connected
	filler   *filler     // nil while nothing was missed
	packed   dictionaries
	place    []byte // in a file: behind the last line that was taken whole
}

// New checks cfg and returns a source that is not connected yet. The error is
// an *Error of kind Refused.
func New(cfg Config) (*Source, error) {
	request, err := newRequest(cfg)
	if err == nil {
		err = check(cfg)
	}
	if err != nil {
		return nil, &Error{Kind: Refused, URL: redact.URL(cfg.URL), Err: err, Hint: "check the configuration of the stream"}
	}
	if cfg.Kind == "" {
		cfg.Kind = network.Twitter
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Notice == nil {
		cfg.Notice = func(NoticeKind, string) {}
	}
	if cfg.Busy == nil {
		cfg.Busy = func(time.Duration) func() { return func() {} }
	}
	// A redirect would take the signature to another host, and a Timeout ends
	// every stream, however lively.
	client := *cfg.Client
	client.Timeout = 0
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cfg.Client = &client
	if cfg.Dictionary != nil {
		probe, err := newUnpacker(cfg.Dictionary, cfg.MaxMessage)
		if err != nil {
			return nil, &Error{Kind: Refused, URL: redact.URL(cfg.URL), Err: err, Hint: "check stream_dictionary"}
		}
		probe.close()
	}
	if cfg.Kind == network.File {
		cfg.StallTimeout = forever
	}
	s := &Source{cfg: cfg, request: request, packed: dictionaries{given: cfg.Dictionary}}
	s.lines = newSplitter(cfg.MaxMessage, s.dropped)
	s.lines.values = cfg.Kind != network.Twitter && cfg.Kind != network.X
	s.frame = &s.lines
	return s, nil
}

func check(cfg Config) error {
	switch {
	case cfg.Client == nil:
		return errors.New("no HTTP client")
	case cfg.StallTimeout <= 0:
		return errors.New("the stall timeout is not above zero")
	case cfg.MaxMessage <= 0:
		return errors.New("the largest message is not above zero")
	}
	return nil
}

// Next returns the next message without its line end, connecting first where
// there is no connection. The slice is valid until the next call. An *Error
// says that this connection (or try) is over and why; the next call tries
// again. When ctx ends, Next closes the connection, still returns one by one
// what had been read from it, and then ctx's error: a caller that goes on
// until then loses nothing.
func (s *Source) Next(ctx context.Context) ([]byte, error) {
	for {
		if s.Buffered() {
			message := s.ahead
			s.ahead = nil
			s.delivered(message)
			return message, nil
		}
		if !s.filler.over() {
			s.fetch(ctx)
			continue
		}
		if s.conn != nil && s.conn.ended != nil {
			return nil, s.finish(ctx)
		}
		if err := s.fill(ctx); err != nil {
			return nil, err
		}
	}
}

// Buffered reports whether a whole message may be had without reading from the
// network, so that a caller knows when to hand on what it has gathered. It
// leaves the message that Next returned last as it is.
func (s *Source) Buffered() bool {
	for s.ahead == nil {
		message := s.filler.filled()
		switch {
		case message != nil:
		case !s.filler.over() || !s.sniffed && !s.sniff():
			return false
		default:
			message = s.frame.next()
		}
		if message == nil {
			return false
		}
		if s.cfg.DropCanaries && s.cfg.Kind.Canary(message) {
			s.conn.messages++
			s.tally.control(canary)
			continue
		}
		if s.cfg.Fresh != nil && !s.cfg.Fresh(message, s.eventID(), s.ownWords(message)) {
			s.conn.messages++ // to bring what we have shows that it works
			s.tally.duplicate()
			continue
		}
		s.ahead = message
	}
	return true
}

// Close ends the connection, if there is one. What had been read from it and
// not been asked for is gone.
func (s *Source) Close() error {
	if s.conn != nil {
		s.hangUp()
	}
	s.lines.reset(false)
	s.frame, s.ahead, s.filler = &s.lines, nil, nil
	return nil
}

// fill connects where there is no connection, else reads once. The error says
// that a try to connect has failed; a connection's end is kept in conn.ended
// until its last messages have been handed out.
func (s *Source) fill(ctx context.Context) error {
	if s.conn == nil {
		return s.connect(ctx)
	}
	c := s.conn
	c.watch(ctx)
	done := s.cfg.Busy(c.stall + busyMargin)
	n, err := c.read(s.frame.room())
	done()
	s.frame.add(n)
	c.came += int64(n)
	c.ended = err
	if c.messages == 0 {
		s.unlikeStream()
	}
	if c.ended != nil {
		s.frame.finish()
	}
	return nil
}

// finish closes a connection whose messages have all been handed out and
// returns what its end means.
func (s *Source) finish(ctx context.Context) error {
	c := s.conn
	s.hangUp()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.whole(c) {
		return io.EOF
	}
	end := s.verdict(c)
	if c.messages == 0 {
		s.failed(end)
	}
	return end
}

func (s *Source) hangUp() {
	s.conn.close()
	s.conn, s.filler = nil, nil
	s.tally.disconnected()
}
