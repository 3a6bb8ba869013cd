package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/storj/twitter-stream/pkg/redact"
)

// socket makes a stream of lines of the messages of a WebSocket: each is
// followed by CRLF, so that a line feed inside it is white space. One that is
// compressed comes inflated.
type socket struct {
	conn     *websocket.Conn
	ctx      context.Context // of the connection; its end ends a read
	message  io.Reader       // what is being read; nil between messages
	inflated bytes.Reader    // it, where it was compressed
	end      string          // what is left of a line's end
	unpacker *unpacker       // nil: nothing was asked to be compressed
	dropped  func(kind drop, text []byte)
}

// openSocket makes the handshake. pinged is told of each ping, which the
// library answers. An answer that is no WebSocket comes as it is, with a body
// of at most a kilobyte.
func openSocket(ctx context.Context, client *http.Client, req *http.Request, pinged func()) (*websocket.Conn, *http.Response, error) {
	header := req.Header.Clone()
	header.Del("Accept-Encoding")
	conn, resp, err := websocket.Dial(ctx, req.URL.String(), &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: header, CompressionMode: websocket.CompressionDisabled,
		OnPingReceived: func(context.Context, []byte) bool { pinged(); return true },
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols && resp.Body != nil {
			return nil, resp, nil
		}
		return nil, nil, err
	}
	conn.SetReadLimit(-1) // what is too long is skipped a piece at a time, as elsewhere
	return conn, resp, nil
}

func (s *socket) Read(p []byte) (int, error) {
	for len(s.end) == 0 {
		if s.message == nil {
			if err := s.nextMessage(); err != nil {
				return 0, err
			}
		}
		n, err := s.message.Read(p)
		switch {
		case errors.Is(err, io.EOF):
			s.message, s.end = nil, "\r\n"
		case err != nil:
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
	n := copy(p, s.end)
	s.end = s.end[n:]
	return n, nil
}

// nextMessage waits for the next message.
func (s *socket) nextMessage() error {
	for {
		kind, message, err := s.conn.Reader(s.ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageText || s.unpacker == nil {
			s.message = message
			return nil
		}
		data, err := s.unpacker.unpack(message)
		var bad unfit
		if errors.As(err, &bad) {
			s.dropped(bad.why, bad.text)
			continue
		}
		if err != nil {
			return err
		}
		s.inflated.Reset(data)
		s.message = &s.inflated
		return nil
	}
}

// Close says goodbye to nobody: the server may be the one that hangs.
func (s *socket) Close() error {
	s.unpacker.close()
	return s.conn.CloseNow()
}

// closeCodes are what the codes say with which a WebSocket ends (RFC 6455,
// 7.4.1, and the registry that it founds). What is not here is trouble on the
// way: 1006 and its like never come in a frame.
var closeCodes = map[websocket.StatusCode]sentence{
	websocket.StatusNormalClosure:           {Network, "the server has ended the connection", ""},
	websocket.StatusGoingAway:               {Network, "the server goes away", ""},
	websocket.StatusProtocolError:           {HTTP, "the server says that we broke the protocol", ""},
	websocket.StatusUnsupportedData:         {HTTP, "the server does not take what we sent", ""},
	websocket.StatusInvalidFramePayloadData: {HTTP, "the server found our message malformed", ""},
	websocket.StatusPolicyViolation:         {HTTP, "the server refuses us by its policy", "check the parameters of stream_url"},
	websocket.StatusMessageTooBig:           {HTTP, "the server found our message too large", "name fewer accounts and collections in stream_url"},
	websocket.StatusMandatoryExtension:      {HTTP, "the server misses an extension that it requires", ""},
	websocket.StatusInternalError:           {HTTP, "the server is in trouble", ""},
	websocket.StatusServiceRestart:          {Network, "the server restarts", ""},
	websocket.StatusTryAgainLater:           {HTTP, "the server is overloaded", ""},
	websocket.StatusBadGateway:              {HTTP, "the server's gateway has no answer", ""},
}

// closed returns what the end of a WebSocket means, nil if it is not one that
// the server explained.
func closed(err error) *Error {
	var closing websocket.CloseError
	if !errors.As(err, &closing) {
		return nil
	}
	meaning, known := closeCodes[closing.Code]
	if !known {
		meaning = sentence{kind: HTTP, text: "the server has ended the connection"}
	}
	text := fmt.Sprintf("%s (close code %d)", meaning.text, closing.Code)
	if reason := strings.TrimSpace(closing.Reason); reason != "" {
		text += ": " + redact.Text(reason)
	}
	return &Error{Kind: meaning.kind, Err: errors.New(text), Hint: meaning.hint}
}
