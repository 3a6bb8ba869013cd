package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/redact"
)

// delivered counts a message that goes to the caller, and acts upon it if the
// server speaks to us in it. All of them are handed out like any other.
func (s *Source) delivered(message []byte) {
	s.tally.message()
	s.conn.kept = s.conn.kept || s.conn.blank
	switch s.cfg.Kind {
	case network.Twitter:
		s.deliveredByTwitter(message)
	case network.X:
		s.deliveredByX(message)
	default:
		s.conn.messages++
		if s.cfg.Kind.Canary(message) {
			s.tally.control(canary)
		}
		if !s.valued && !isObject(message) {
			s.valued = true
			s.cfg.Notice(NoticeValue, beginning(message))
		}
	}
}

// canary is by what Wikimedia's test events are counted.
const canary = "canary"

// deliveredByX acts upon errors of the stream, which come as messages.
func (s *Source) deliveredByX(message []byte) {
	p, ok := troubleOfX(message)
	if !ok {
		s.conn.messages++
		return
	}
	s.tally.control("errors")
	meaning, known := p.sentence()
	if !known {
		meaning = sentence{kind: Network, text: "the service reports an error"}
	}
	text := meaning.text + ": " + p.text()
	e := &Error{Kind: meaning.kind, Err: errors.New(text), Hint: meaning.hint}
	if p.capped() {
		e.RetryAfter = maxRetryAfter
	}
	s.expectClose(e)
	s.tally.dismissed(text)
	s.cfg.Notice(NoticeDisconnect, text)
}

// ownWords reports whether the service speaks to us in a message: such a one is
// never taken for one that came before.
func (s *Source) ownWords(message []byte) bool {
	switch s.cfg.Kind {
	case network.Twitter:
		return controlKind(message) != ""
	case network.X:
		_, trouble := troubleOfX(message)
		return trouble
	}
	return false
}

func (s *Source) deliveredByTwitter(message []byte) {
	kind := controlKind(message)
	if kind != "disconnect" { // to be shown the door proves no connection
		s.conn.messages++
	}
	if kind == "" {
		return
	}
	s.tally.control(kind)
	switch kind {
	case "limit":
		s.limited(message)
	case "warning":
		s.warned(message)
	case "disconnect":
		s.dismissed(message)
	}
}

// limited adds up what Twitter did not deliver. "Track contains a total count
// of undelivered posts since the connection was opened" (Twitter, streaming
// message types); several hosts may each count their own, so that the numbers
// step back, and only growth beyond the greatest one is certain.
func (s *Source) limited(message []byte) {
	var m struct {
		Limit struct {
			Track uint64 `json:"track"`
		} `json:"limit"`
	}
	if json.Unmarshal(message, &m) == nil && m.Limit.Track > s.conn.limit {
		s.tally.undelivered(m.Limit.Track - s.conn.limit)
		s.conn.limit = m.Limit.Track
	}
}

func (s *Source) warned(message []byte) {
	var m struct {
		Warning struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"warning"`
	}
	_ = json.Unmarshal(message, &m) // what has another shape is shown as far as it could be read
	text := redact.Text(m.Warning.Code + ": " + m.Warning.Message)
	s.tally.warning(text)
	s.cfg.Notice(NoticeWarning, text)
}

// reasons are the published names of the disconnect codes (Twitter, streaming
// message types).
var reasons = map[int]string{
	1: "shutdown", 2: "duplicate stream", 3: "control request", 4: "stall", 5: "normal", 6: "token revoked",
	7: "admin logout", 9: "max message limit", 10: "stream exception", 11: "broker stall", 12: "shed load",
}

// dismissed takes a disconnect message: the server will close, and has said
// why, which decides what the end of the connection means.
func (s *Source) dismissed(message []byte) {
	var m struct {
		Disconnect struct {
			Code   int    `json:"code"`
			Reason string `json:"reason"`
		} `json:"disconnect"`
	}
	_ = json.Unmarshal(message, &m) // what has another shape is shown as far as it could be read
	code := m.Disconnect.Code
	text := fmt.Sprintf("disconnected by the server, code %d", code)
	for _, word := range []string{reasons[code], redact.Text(m.Disconnect.Reason)} {
		if word != "" && !strings.Contains(text, word) {
			text += ", " + word
		}
	}
	e := &Error{Kind: Network, Err: errors.New(text)}
	switch code {
	case 2, 7:
		e.Kind, e.Hint = RateLimit, "another copy runs with the same credentials: stop one of them"
	case 6:
		e.Kind, e.Hint = Credentials, "authorise again (daemon auth --force)"
	case 4:
		e.Hint = "this computer read too slowly: check its disk and network"
	}
	s.expectClose(e)
	s.tally.dismissed(text)
	s.cfg.Notice(NoticeDisconnect, text)
}

// expectClose notes what the end of the connection will mean, and gives the
// server a moment to end it. What it said first stands.
func (s *Source) expectClose(e *Error) {
	if s.conn.farewell == nil {
		s.conn.farewell = e
		s.conn.closeIn(lastWords)
	}
}

// dropped counts what is no message and tells of it.
func (s *Source) dropped(kind drop, text []byte) {
	s.tally.drop(kind)
	switch kind {
	case keepAlive:
		s.conn.blank = true
	case oversize:
		s.cfg.Notice(NoticeOversize, fmt.Sprintf("a message of more than %d bytes: %s", s.cfg.MaxMessage, beginning(text)))
	case garbage:
		s.garbage(text)
	}
}

// garbage tells of a line that is no JSON object. In a stream's place Twitter
// also says in plain text that there are too many connections; "Easy there,
// Turbo. Too many requests recently. Enhance your calm." is what it says to
// those who connect too often.
func (s *Source) garbage(text []byte) {
	line := beginning(text)
	s.conn.foreign += len(text)
	if s.conn.firstLine == "" {
		s.conn.firstLine = line
	}
	s.cfg.Notice(NoticeGarbage, line)
	lower := strings.ToLower(line)
	if s.cfg.Kind == network.Twitter && text[0] != '{' && (strings.Contains(lower, "exceeded connection limit") || strings.Contains(lower, "enhance your calm")) {
		meaning := sentences[enhanceYourCalm]
		s.expectClose(&Error{
			Kind: meaning.kind, Status: enhanceYourCalm, Hint: meaning.hint,
			Err: fmt.Errorf("%s: %s", meaning.text, line),
		})
	}
}

// shown is how much of a dropped line is looked at to tell of it.
const shown = 1 << 10

func beginning(text []byte) string { return redact.Text(string(text[:min(len(text), shown)])) }
