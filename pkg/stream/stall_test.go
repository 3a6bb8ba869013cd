package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bubble returns a source inside a synctest bubble, where no socket may be:
// script writes the body of the answer, which comes after the given delay.
func bubble(t *testing.T, header time.Duration, script func(w io.Writer)) *Source {
	t.Helper()
	s, err := New(Config{
		URL: "http://stream.example/1", StallTimeout: 90 * time.Second, MaxMessage: 1 << 20,
		Client: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(header):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			reader, writer := io.Pipe()
			stop := context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(r.Context().Err()) })
			go func() {
				defer stop()
				script(writer)
				_ = writer.Close()
			}()
			return &http.Response{StatusCode: 200, Proto: "HTTP/1.1", Header: http.Header{}, Body: reader, Request: r}, nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(w io.Writer, text string) bool {
	_, err := io.WriteString(w, text)
	return err == nil
}

func TestStall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		header time.Duration
		script func(w io.Writer)
		want   int // messages
		after  time.Duration
		says   string
		quiet  bool
	}{
		{"no header", time.Hour, func(io.Writer) {}, 0, 90 * time.Second, "no byte for 90s", false},
		{"late header", 89 * time.Second, func(w io.Writer) { write(w, "{\"a\":1}\r\n") }, 1, 89 * time.Second, "closed", false},
		{"no body", time.Second, func(w io.Writer) { time.Sleep(time.Hour) }, 0, 91 * time.Second, "no byte for 90s", false},
		{"silence after a message", 0, func(w io.Writer) {
			time.Sleep(60 * time.Second)
			write(w, "{\"a\":1}\r\n{\"b\":")
			time.Sleep(time.Hour)
		}, 1, 150 * time.Second, "no byte for 90s", false},
		{"keep-alives for a day", 0, func(w io.Writer) {
			for range 24 * 60 * 2 {
				time.Sleep(30 * time.Second)
				write(w, "\r\n")
			}
		}, 0, 24 * time.Hour, "closed", true},
		{"keep-alives for a minute", 0, func(w io.Writer) {
			for range 2 {
				time.Sleep(30 * time.Second)
				write(w, "\r\n")
			}
		}, 0, time.Minute, "closed", false},
		{"text for a day", 0, func(w io.Writer) {
			for range 24 * 60 * 2 {
				time.Sleep(30 * time.Second)
				write(w, "come back later\r\n")
			}
		}, 0, 24 * time.Hour, "closed", false},
		{"a byte at a time", 0, func(w io.Writer) {
			for _, b := range []byte("{\"a\":1}\r\n") {
				time.Sleep(80 * time.Second)
				write(w, string(b))
			}
		}, 1, 9 * 80 * time.Second, "closed", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := bubble(t, c.header, c.script)
				got, end := drain(t, t.Context(), s)
				if len(got) != c.want || end.Messages != uint64(c.want) || end.Kind != Network || !strings.Contains(end.Error(), c.says) {
					t.Errorf("got %d messages and %v, want %d and Network with %q", len(got), end, c.want, c.says)
				}
				if end.Quiet != c.quiet {
					t.Errorf("quiet = %t, want %t", end.Quiet, c.quiet)
				}
				if took := time.Since(began); took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
				time.Sleep(2 * time.Hour) // the server's side ends
			})
		})
	}
}

// A caller that pauses (a full disk) is not a server that stalls.
func TestPauseOfTheCallerIsNoStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, 0, func(w io.Writer) {
			for range 3 {
				if !write(w, "{\"a\":1}\r\n") {
					return
				}
			}
		})
		for i := range 3 {
			if _, err := s.Next(t.Context()); err != nil {
				t.Fatalf("message %d after a pause: %v", i, err)
			}
			time.Sleep(time.Hour)
		}
		if _, end := drain(t, t.Context(), s); !errors.Is(end, io.EOF) {
			t.Errorf("end is %v, want EOF", end)
		}
	})
}

// The end of the context ends a wait at once, connecting or reading.
func TestContextEndsAWait(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]time.Duration{"connecting": time.Hour, "reading": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := bubble(t, header, func(w io.Writer) { time.Sleep(time.Hour) })
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				if _, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
					t.Errorf("got %v after %v, want deadline exceeded after 3s", err, time.Since(began))
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A page that comes with an error is not waited for for long.
func TestSlowErrorPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, 0, func(w io.Writer) {
			for write(w, "slow ") {
				time.Sleep(time.Second)
			}
		})
		inner := s.cfg.Client.Transport
		s.cfg.Client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(r)
			if err == nil {
				resp.StatusCode = 503
			}
			return resp, err
		})
		began := time.Now()
		_, end := drain(t, t.Context(), s)
		if took := time.Since(began); end.Kind != HTTP || !strings.Contains(end.Error(), "slow slow") || took > pageTimeout {
			t.Errorf("got %v after %v, want HTTP, what had come, within %v", end, took, pageTimeout)
		}
		time.Sleep(time.Hour)
	})
}
