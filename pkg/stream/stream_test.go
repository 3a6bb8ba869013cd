package stream

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Recorded messages come out byte for byte over every framing, encoding and
// protocol.
func TestRealMessages(t *testing.T) {
	t.Parallel()
	lines := append(realData(t, "tweets-v11.jsonl"), realData(t, "tweets-v11-control.jsonl")...)
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for _, format := range []string{"crlf", "lf", "gzip", "delimited"} {
			t.Run(protocol+" "+format, func(t *testing.T) {
				t.Parallel()
				server := httptest.NewUnstartedServer(replay(lines, format))
				server.EnableHTTP2 = protocol == "HTTP/2.0"
				server.StartTLS()
				t.Cleanup(server.Close)
				s := newSource(t, server.URL+"/1.1/statuses/sample.json?delimited="+map[string]string{"delimited": "length"}[format], func(cfg *Config) {
					transport := Transport()
					transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
					cfg.Client.Transport = transport
					t.Cleanup(transport.CloseIdleConnections)
				})
				compare(t, s, lines, protocol)
			})
		}
	}
}

// replay sends all lines, a flush each now and then.
func replay(lines [][]byte, format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, flush, end := io.Writer(w), func() {}, "\r\n"
		switch format {
		case "gzip":
			w.Header().Set("Content-Encoding", "gzip")
			zipped := gzip.NewWriter(w)
			defer zipped.Close()
			out, flush = zipped, func() { _ = zipped.Flush() }
		case "lf":
			end = "\n"
		}
		w.Header().Set("X-Proto", r.Proto)
		for i, line := range lines {
			if format == "delimited" {
				fmt.Fprintf(out, "%d\r\n", len(line)+2)
			}
			if _, err := fmt.Fprintf(out, "%s%s", line, end); err != nil {
				return
			}
			if i%100 == 0 {
				flush()
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
}

func compare(t *testing.T, s *Source, lines [][]byte, protocol string) {
	t.Helper()
	var notes notices
	s.cfg.Notice = notes.notice
	for i, want := range lines {
		got, err := s.Next(t.Context())
		if err != nil {
			t.Fatalf("message %d of %d: %v", i, len(lines), err)
		}
		if string(got) != string(want) {
			t.Fatalf("message %d:\n got %.300q\nwant %.300q", i, got, want)
		}
	}
	rest, end := drain(t, t.Context(), s)
	counts := s.Counts()
	if want := uint64(len(lines)) - counts.Control["disconnect"]; len(rest) > 0 || end.Kind != Network || end.Messages != want {
		t.Errorf("end: %d more messages, %+v; want none more, Network and %d messages", len(rest), end, want)
	}
	if counts.Messages != uint64(len(lines)) || counts.Garbage+counts.Torn+counts.Oversize != 0 {
		t.Errorf("counts are %+v, want %d messages and nothing else", counts, len(lines))
	}
	if counts.Control["delete"] < 326 || counts.Control["limit"] < 12 {
		t.Errorf("control messages are %v, want at least 326 deletes and 12 limits", counts.Control)
	}
	how := "connected: " + s.url() + " by " + protocol
	if !notes.has(how) && !notes.has(how+" gzip") {
		t.Errorf("notices are %q, want connected by %s", notes.all, protocol)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	type seen struct{ method, uri, contentType, agent, encoding, body string }
	for _, c := range []struct {
		name, method, path string
		parameters         url.Values
		want               seen
	}{
		{"plain", "", "/s.json?b=%20&a=1", nil, seen{"GET", "/s.json?b=%20&a=1", "", "stream-test/1", "gzip", ""}},
		{"merged", "GET", "/s.json?b=1", url.Values{"track": {"a b,c"}}, seen{"GET", "/s.json?b=1&track=a+b%2Cc", "", "stream-test/1", "gzip", ""}},
		{"parameters win", "GET", "/s.json?b=1", url.Values{"b": {"2"}}, seen{"GET", "/s.json?b=2", "", "stream-test/1", "gzip", ""}},
		{"form", "POST", "/s.json?b=1", url.Values{"track": {"a&b"}},
			seen{"POST", "/s.json", "application/x-www-form-urlencoded", "stream-test/1", "gzip", "b=1&track=a%26b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan seen, 1)
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got <- seen{r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.UserAgent(), r.Header.Get("Accept-Encoding"), string(body)}
			})
			s := newSource(t, url+c.path, func(cfg *Config) { cfg.Method, cfg.Parameters = c.method, c.parameters })
			drain(t, t.Context(), s)
			if got := <-got; got != c.want {
				t.Errorf("request:\n got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := Config{URL: "http://127.0.0.1/", Client: http.DefaultClient, StallTimeout: time.Second, MaxMessage: 1}
	for name, spoil := range map[string]func(*Config){
		"no URL": func(c *Config) { c.URL = "" }, "scheme": func(c *Config) { c.URL = "ftp://x/" }, "host": func(c *Config) { c.URL = "http:///x" },
		"bad URL": func(c *Config) { c.URL = "http://secret:%zz@x/" }, "method": func(c *Config) { c.Method = "PUT" },
		"client": func(c *Config) { c.Client = nil }, "stall": func(c *Config) { c.StallTimeout = 0 }, "message": func(c *Config) { c.MaxMessage = 0 },
	} {
		cfg := good
		spoil(&cfg)
		_, err := New(cfg)
		var refused *Error
		if !errors.As(err, &refused) || refused.Kind != Refused || refused.ExitCode() != 3 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: New returned %v, want an *Error of kind Refused without secrets", name, err)
		}
	}
	if _, err := New(good); err != nil {
		t.Errorf("New(%+v) = %v", good, err)
	}
}

// Half a message at the end of a connection is torn, and never becomes one
// with what the next connection brings.
func TestHalfAMessageIsNotGluedToTheNextConnection(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	s := newSource(t, rawServer(t,
		head+"18\r\n{\"a\":1}\r\n{\"b\":2}\r\n{\"c\":\"\r\n5\r\nxy", // inside a chunk
		head+"d\r\n\"}\r\n{\"d\":4}\r\n\r\n0\r\n\r\n",
	))
	got, end := drain(t, t.Context(), s)
	equal(t, "first connection", got, []string{`{"a":1}`, `{"b":2}`})
	if end.Kind != Network || end.Messages != 2 || !strings.Contains(end.Error(), "the connection was cut") {
		t.Errorf("first end is %v (%+v), want Network, 2 messages, cut", end, end)
	}
	got, end = drain(t, t.Context(), s)
	equal(t, "second connection", got, []string{`{"d":4}`})
	if end.Kind != Network || end.Messages != 1 || !errors.Is(end, io.EOF) {
		t.Errorf("second end is %v (%+v), want Network, 1 message, EOF", end, end)
	}
	if c := s.Counts(); c.Torn != 1 || c.Garbage != 1 || c.Messages != 3 || c.Connects != 2 || !c.Connected.IsZero() {
		t.Errorf("counts are %+v, want 1 torn, 1 garbage, 3 messages, 2 connects, not connected", c)
	}
}

// The last messages may come in the same read as the end.
func TestMessagesInTheSameReadAsTheEnd(t *testing.T) {
	t.Parallel()
	s := newSource(t, rawServer(t, "HTTP/1.0 200 OK\r\n\r\n\r\n{\"a\":1}\r\n{\"b\":2}"))
	got, end := drain(t, t.Context(), s)
	equal(t, "messages", got, []string{`{"a":1}`, `{"b":2}`})
	if end.Messages != 2 || s.Counts().KeepAlives != 1 {
		t.Errorf("end %+v, counts %+v; want 2 messages, 1 keep-alive", end, s.Counts())
	}
}

func TestNothingListens(t *testing.T) {
	t.Parallel()
	s := newSource(t, "http://user:hunter2@127.0.0.1:1/1.1/statuses/sample.json?oauth_token=hunter2")
	_, err := s.Next(t.Context())
	var end *Error
	if !errors.As(err, &end) || end.Kind != Network || end.Status != 0 || end.Messages != 0 || end.ExitCode() != 1 {
		t.Fatalf("got %v (%+v), want Network without a status", err, end)
	}
	if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error is %q, want the cause and no secret", err)
	}
}

// When its context ends, Next hands out what had been read and then says so.
func TestContextEndsWithoutLoss(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				send(w, strings.Repeat("{\"a\":1}\r\n", 50)+"{\"torn\":")
				<-r.Context().Done()
			}))
			server.EnableHTTP2 = protocol == "HTTP/2.0"
			server.StartTLS()
			t.Cleanup(server.Close)
			s := newSource(t, server.URL, func(cfg *Config) {
				cfg.Client.Transport.(*http.Transport).TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
			})
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := s.Next(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
			got := 1
			var err error
			for ; err == nil; got++ {
				_, err = s.Next(ctx)
			}
			if got--; got != 50 || !errors.Is(err, context.Canceled) {
				t.Errorf("got %d messages and %v, want 50 and context canceled", got, err)
			}
			if c := s.Counts(); c.Torn != 1 || !c.Connected.IsZero() {
				t.Errorf("counts are %+v, want 1 torn and not connected", c)
			}
			if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Next with an ended context returned %v", err)
			}
		})
	}
}

func TestBufferedIsTrueOnlyForAWholeMessage(t *testing.T) {
	t.Parallel()
	more := make(chan string)
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		send(w, "{\"a\":1}\r\n{\"b\":2}\r\n\r\nfoo\r\n{\"c\":")
		send(w, <-more)
	}))
	if s.Buffered() {
		t.Error("Buffered before the first Next")
	}
	first, err := s.Next(t.Context())
	if err != nil || !s.Buffered() {
		t.Fatalf("after the first message: %v, buffered %t; want the second", err, s.Buffered())
	}
	if string(first) != `{"a":1}` {
		t.Errorf("looking ahead changed the message to %q", first)
	}
	if got := s.Counts().Messages; got != 1 {
		t.Errorf("%d messages counted, want 1: the second is not handed out yet", got)
	}
	if second, err := s.Next(t.Context()); err != nil || string(second) != `{"b":2}` || s.Buffered() {
		t.Errorf("second is %q, %v, buffered %t; want false before a keep-alive, garbage and half a message", second, err, s.Buffered())
	}
	more <- "3}\r\n"
	got, _ := drain(t, t.Context(), s)
	equal(t, "rest", got, []string{`{"c":3}`})
}

func TestCountsFromAnotherGoroutine(t *testing.T) {
	t.Parallel()
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range 200 {
			send(w, "{\"a\":1}\r\n", "\r\n{\"limit\":{\"track\":1}}\r\n", "foo\r\n")
		}
	}))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for last := uint64(0); ; {
			select {
			case <-stop:
				return
			default:
			}
			c := s.Counts()
			if c.Messages < last || c.Messages > 0 && c.LastMessage.IsZero() {
				t.Errorf("counts went back from %d to %+v", last, c)
			}
			last = c.Messages
		}
	})
	began := time.Now()
	drain(t, t.Context(), s)
	close(stop)
	wg.Wait()
	c := s.Counts()
	if c.Messages != 400 || c.KeepAlives != 200 || c.Garbage != 200 || c.Control["limit"] != 200 || c.Undelivered != 1 {
		t.Errorf("counts are %+v", c)
	}
	if c.LastByte.Before(began) || c.LastMessage.Before(began) || c.LastMessage.After(c.LastByte) {
		t.Errorf("last byte %v, last message %v, begun %v", c.LastByte, c.LastMessage, began)
	}
}

func TestCloseAndGoOn(t *testing.T) {
	t.Parallel()
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		send(w, "{\"a\":1}\r\n{\"b\":")
		<-r.Context().Done()
	}))
	for range 2 {
		if got, err := s.Next(t.Context()); err != nil || string(got) != `{"a":1}` {
			t.Fatalf("got %q, %v", got, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.Counts(); c.Connects != 2 || !c.Connected.IsZero() {
		t.Errorf("counts are %+v, want 2 connects, not connected", c)
	}
}

// A client that follows redirects or ends after a while is put right.
func TestClientIsPutRight(t *testing.T) {
	t.Parallel()
	client := &http.Client{Timeout: time.Nanosecond}
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) { send(w, "{\"a\":1}\r\n") }), func(cfg *Config) { cfg.Client = client })
	got, _ := drain(t, t.Context(), s)
	equal(t, "messages", got, []string{`{"a":1}`})
	if client.Timeout != time.Nanosecond || client.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
}

func TestBusyCoversEachWait(t *testing.T) {
	t.Parallel()
	var begun, done int
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) { send(w, "{\"a\":1}\r\n") }), func(cfg *Config) {
		cfg.Busy = func(limit time.Duration) func() {
			if limit < cfg.StallTimeout {
				t.Errorf("limit %v is below the stall timeout", limit)
			}
			begun++
			return func() { done++ }
		}
	})
	drain(t, t.Context(), s)
	if begun < 2 || begun != done {
		t.Errorf("%d steps begun, %d done; want the same and at least 2", begun, done)
	}
}

// After a stall the next try does not go over the same, perhaps dead, line.
func TestStallLeavesTheLine(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			lines := make(chan string, 2)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				lines <- r.Proto + " " + r.RemoteAddr
				send(w, "\r\n")
				<-r.Context().Done()
			}))
			server.EnableHTTP2 = protocol == "HTTP/2.0"
			server.StartTLS()
			t.Cleanup(server.Close)
			s := newSource(t, server.URL, func(cfg *Config) {
				cfg.StallTimeout = time.Second
				cfg.Client.Transport.(*http.Transport).TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
			})
			for range 2 {
				if _, end := drain(t, t.Context(), s); end.Kind != Network || !strings.Contains(end.Error(), "no byte for 1s") {
					t.Errorf("end is %v, want a stall", end)
				}
			}
			if first, second := <-lines, <-lines; first == second || !strings.HasPrefix(first, protocol) {
				t.Errorf("tries came over %s and %s, want two connections", first, second)
			}
		})
	}
}

// Framing is decided on each connection anew.
func TestEachConnectionIsFramedAnew(t *testing.T) {
	t.Parallel()
	connections, had := 0, make(chan struct{}, 1)
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if connections++; connections == 1 {
			send(w, "\r\n{\"a\":\n1}\r\n{\"torn\":")
			return
		}
		send(w, "{\"b\":2}\n{\"c\":")
		<-had
		send(w, "3}\n")
	}))
	got, _ := drain(t, t.Context(), s)
	equal(t, "CRLF", got, []string{`{"a": 1}`})
	if got, err := s.Next(t.Context()); err != nil || string(got) != `{"b":2}` {
		t.Errorf("LF: got %q, %v", got, err)
	}
	had <- struct{}{}
	got, _ = drain(t, t.Context(), s)
	equal(t, "LF, in two pieces", got, []string{`{"c":3}`})
	if c := s.Counts(); c.Torn != 1 || c.Garbage != 0 {
		t.Errorf("counts are %+v, want 1 torn and no garbage", c)
	}
}
