package stream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/storj/twitter-stream/pkg/network"
)

// eventFields are what the lines of server-sent events begin with.
var eventFields = []string{":", "data:", "event:", "id:", "retry:"}

// beginFraming prepares for a new connection. Where lines and events are both
// possible, what comes first decides, whatever the Content-Type says.
func (s *Source) beginFraming(resp *http.Response) {
	s.lines.reset(s.request.delimited)
	s.frame = &s.lines
	switch s.cfg.Kind {
	case network.JSON, network.SSE, network.Mastodon, network.Wikimedia:
		s.sniffed = false
	default:
		s.sniffed = true
	}
	s.conn.bounded = resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor > 1
}

// maxBlank is how much white space may come before it is taken for that of lines.
const maxBlank = 4 << 10

// sniff decides how the messages of this connection are kept apart, once
// enough has come to tell; false until then.
func (s *Source) sniff() bool {
	pending := bytes.TrimPrefix(s.lines.pending(), []byte("\ufeff"))
	text := bytes.TrimLeft(pending, " \t\r\n")
	events := slices.ContainsFunc(eventFields, func(field string) bool { return bytes.HasPrefix(text, []byte(field)) })
	undecided := slices.ContainsFunc(eventFields, func(field string) bool { return strings.HasPrefix(field, string(text)) })
	if undecided && !events && !s.lines.ended && len(pending) < maxBlank {
		return false
	}
	if events {
		s.beginEvents()
	}
	s.sniffed = true
	return true
}

// beginEvents hands what has come over to the framer of events.
func (s *Source) beginEvents() {
	if s.events == nil {
		e := newEvents(s.cfg.MaxMessage, s.dropped)
		s.events = &e
	}
	s.events.reset(s.cfg.Kind == network.Mastodon)
	pending := s.lines.pending()
	for len(pending) > 0 {
		n := copy(s.events.room(), pending)
		s.events.add(n)
		pending = pending[n:]
	}
	if s.lines.ended {
		s.events.finish()
	}
	s.frame = s.events
}

// eventID returns the id of the last event, nil where there are none. In a file
// it is where the line of a message ends; of a line that holds several messages
// only the last has taken it whole.
func (s *Source) eventID() []byte {
	if s.cfg.Kind == network.File {
		if s.conn.regular && s.lines.glued == nil {
			s.place = strconv.AppendInt(s.place[:0], s.conn.came-int64(len(s.lines.pending())), 10)
		}
		return s.place
	}
	if s.events == nil || s.frame != framer(s.events) {
		return nil
	}
	return s.events.fields.id
}

// plausible reports whether what has come without a line's end may be a value.
func (s *Source) plausible(text []byte) bool {
	return len(text) > 0 && (text[0] == '[' || text[0] == '"') || s.frame != framer(&s.lines)
}

// whole reports whether a connection's end is that of a finite input: lines
// whose end HTTP itself shows to be one, and no keep-alives between them, which
// only a server sends that goes on.
func (s *Source) whole(c *connection) bool {
	if s.cfg.Kind == network.File {
		return errors.Is(c.ended, io.EOF)
	}
	if s.cfg.Kind != network.JSON || s.frame != framer(&s.lines) {
		return false
	}
	return c.bounded && c.farewell == nil && errors.Is(c.ended, io.EOF) && !errors.Is(c.ended, io.ErrUnexpectedEOF) &&
		c.messages > 0 && c.foreign == 0 && !c.kept
}
