package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/redact"
)

// lastWords is how long the server may take to close after it has said that it
// will, and pageTimeout how long an error page may take to come.
const (
	lastWords   = 5 * time.Second
	pageTimeout = 10 * time.Second
)

const pageHint = "a proxy or a login page may stand between: check the network and stream_url"

// connect makes one try.
func (s *Source) connect(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := s.cfg.Busy(s.cfg.StallTimeout + pageTimeout + dictionaryTimeout + busyMargin)
	defer done()
	c, resp, err := s.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.request.path != "" {
			return s.unreadable(err)
		}
		end := s.broken(err, 0)
		s.failed(end)
		return end
	}
	if resp == nil {
		return s.reading(c)
	}
	if err := s.acceptable(c, resp); err != nil {
		c.close()
		if s.plainFrom(err.Status, nil) {
			err.Kind = Network
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.failed(err)
		return err
	}
	s.conn, s.refusals = c, 0
	s.beginFraming(resp)
	s.filler = s.newFiller()
	s.tally.connected(s.cfg.Now(), c.held)
	how := strings.TrimSpace(resp.Proto + " " + resp.Header.Get("Content-Encoding"))
	s.cfg.Notice(NoticeConnected, s.url()+" by "+redact.Text(how))
	return nil
}

// reading begins with a file.
func (s *Source) reading(c *connection) error {
	s.conn, s.sniffed = c, true
	s.lines.reset(false)
	s.place = strconv.AppendInt(s.place[:0], c.came, 10)
	if !c.regular {
		s.place = nil
	}
	s.tally.connected(s.cfg.Now(), c.held)
	s.cfg.Notice(NoticeConnected, s.url())
	return nil
}

// failed has the next try go to the next URL of the stream. That one of them
// refuses us for good says nothing of the others.
func (s *Source) failed(end *Error) {
	s.request.failed()
	if end.Kind == Refused {
		if s.refusals++; s.refusals < len(s.request.urls) {
			end.Kind = HTTP
		}
	}
}

// acceptable returns nil if the answer is a stream.
func (s *Source) acceptable(c *connection, resp *http.Response) *Error {
	if resp.StatusCode == http.StatusSwitchingProtocols && c.socket {
		return nil
	}
	if resp.StatusCode != http.StatusOK {
		return s.refused(resp, c.page())
	}
	switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); encoding {
	case "", "identity", "gzip", "x-gzip":
		return nil
	default:
		return &Error{
			Kind: HTTP, URL: s.url(), Status: resp.StatusCode,
			Err:  fmt.Errorf("the answer is encoded as %s, only gzip was asked for", redact.Text(encoding)),
			Hint: "a proxy between here and the service may be doing this",
		}
	}
}

// page reads the beginning of an answer that is no stream.
func (c *connection) page() []byte {
	c.closeIn(pageTimeout)
	page, _ := io.ReadAll(io.LimitReader(c.reader, redact.MaxBody)) // what came before an error is still worth showing
	return page
}

// unlikeStream ends a connection that answered 200 with something that is no
// stream: a page of HTML, or 64 KiB of what calls itself a page or begins like
// one without a message. Other text is read on and counted: messages may be
// behind it. What the server has said of the end itself stands.
func (s *Source) unlikeStream() {
	c := s.conn
	if s.Buffered() || c.farewell != nil {
		return
	}
	pending := bytes.TrimLeft(s.frame.pending(), " \t\r\n")
	if isObject(pending) || s.lines.values && s.plausible(pending) {
		pending = nil
	}
	text, tag := c.firstLine, strings.HasPrefix(c.firstLine, "<")
	if text == "" {
		text, tag = redact.Body(bytes.NewReader(pending)), bytes.HasPrefix(pending, []byte("<"))
	}
	what := "something else than"
	switch {
	case c.html && tag:
		what = "a web page instead of"
	case !c.html && !tag, c.foreign+len(pending) <= redact.MaxBody:
		return
	}
	c.farewell = &Error{
		Kind: HTTP, Status: http.StatusOK, Err: fmt.Errorf("the answer is %s a stream: %s", what, text),
		Hint: pageHint,
	}
	c.ended = io.EOF
}

func (s *Source) url() string { return s.request.url() }

// verdict returns what the end of a connection means.
func (s *Source) verdict(c *connection) *Error {
	end := c.farewell
	if end == nil {
		end = closed(c.ended)
	}
	if end == nil && s.request.path != "" {
		end = s.unreadable(c.ended)
	}
	if end == nil {
		end = s.broken(c.ended, c.messages)
		_ = s.plainFrom(0, c.ended) // whatever it reports, it ended
		if c.messages == 0 && c.firstLine != "" {
			end.Err = fmt.Errorf("%w; instead of a message it said: %s", end.Err, c.firstLine)
			if strings.HasPrefix(c.firstLine, "<") {
				end.Hint = pageHint
			}
		}
	}
	end.URL, end.Messages, end.Quiet = s.url(), c.messages, c.quiet()
	end.Usual = s.cfg.Kind == network.Wikimedia && c.messages > 0 && end.Kind == Network && !errors.Is(c.ended, ErrStall)
	return end
}

// quiet reports whether nothing but keep-alives came, for longer than a
// connection lives on which nothing comes at all.
func (c *connection) quiet() bool {
	return c.messages == 0 && c.foreign == 0 && !errors.Is(c.ended, ErrStall) && time.Since(c.since) > c.stall
}

// broken returns the Error for trouble on the way.
func (s *Source) broken(err error, messages uint64) *Error {
	var own *Error
	if errors.As(err, &own) {
		end := *own
		end.URL, end.Messages = s.url(), messages
		return &end
	}
	hint := networkHint(err)
	if s.request.retired() && messages == 0 {
		hint = retiredHint // the likeliest cause, whatever it looks like
	}
	switch {
	case errors.Is(err, ErrStall):
		err = worded{fmt.Sprintf("no byte for %gs", s.cfg.StallTimeout.Seconds()), err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = worded{"the connection was cut", err}
	case errors.Is(err, io.EOF):
		err = worded{"the server closed the connection", err}
	default:
		err = plain(err)
	}
	return &Error{Kind: Network, URL: s.url(), Messages: messages, Err: err, Hint: hint}
}
