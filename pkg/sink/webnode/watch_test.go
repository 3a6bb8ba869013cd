package webnode

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// overPipe puts obj to a node that serves one connection of a pipe; all inside
// a synctest bubble.
func overPipe(t *testing.T, timeout time.Duration, obj sink.Object, serve func(net.Conn)) (time.Duration, error) {
	t.Helper()
	client, server := net.Pipe()
	n, err := New(Config{URL: "http://node.test/api/upload", Timeout: timeout, Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		serve(server)
	}()
	began := time.Now()
	_, err = n.Put(t.Context(), obj)
	took := time.Since(began)
	server.Close()
	<-over
	return took, err
}

func wantTemporary(t *testing.T, err error, text string) {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) || e.Kind != sink.Temporary || !strings.Contains(err.Error(), text) {
		t.Errorf("put: %v, want a temporary error with %q", err, text)
	}
}

const minute = time.Minute

func TestNoProgressFailsTheTry(t *testing.T) {
	t.Parallel()
	obj := sinktest.Object("x", sinktest.Bytes(1, 1<<20))
	t.Run("never reads", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			took, err := overPipe(t, minute, obj, func(net.Conn) {})
			wantTemporary(t, err, "no progress on the connection for 1m0s")
			if took != minute {
				t.Errorf("failed after %v, want %v", took, minute)
			}
		})
	})
	t.Run("stops reading", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			took, err := overPipe(t, minute, obj, func(c net.Conn) {
				for range 10 {
					time.Sleep(50 * time.Second)
					io.CopyN(io.Discard, c, 64<<10)
				}
			})
			wantTemporary(t, err, "no progress")
			if want := 500*time.Second + minute; took != want {
				t.Errorf("failed after %v, want %v", took, want)
			}
		})
	})
}

// Slow is not dead: a file may take for ever as long as bytes move.
func TestSlowUploadIsNotCutShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		obj := sinktest.Object("x", sinktest.Bytes(1, 1<<20))
		took, err := overPipe(t, minute, obj, func(c net.Conn) {
			slow := bufio.NewReaderSize(slowReader{c}, 64<<10)
			req, err := http.ReadRequest(slow)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			io.WriteString(c, "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n")
		})
		wantTemporary(t, err, "503")
		if took < 15*50*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

type slowReader struct{ net.Conn }

func (r slowReader) Read(p []byte) (int, error) {
	time.Sleep(50 * time.Second)
	return r.Conn.Read(p)
}

func TestAnswerIsAwaited(t *testing.T) {
	t.Parallel()
	obj := sinktest.Object("x", sinktest.Bytes(1, 1<<20))
	tests := []struct {
		name          string
		bodyTakes     time.Duration
		thenAnswers   time.Duration // 0 never
		trickle       bool
		wantAfterBody time.Duration
		text          string
	}{
		{"never, quick body", 0, 0, false, minute, "no answer within 1m0s after the last byte"},
		{"within twice the body's time", 5 * minute, 9 * minute, false, 9 * minute, "503"},
		{"later than twice the body's time", 5 * minute, 11 * minute, false, 10 * minute, "no answer within 10m0s"},
		{"a byte every 50 s for ever", 0, 50 * time.Second, true, minute, "no answer within 1m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := overPipe(t, minute, obj, func(c net.Conn) {
					in := bufio.NewReader(c)
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					for range 10 { // in steps, so that it is never without progress
						time.Sleep(tt.bodyTakes / 10)
						io.CopyN(io.Discard, req.Body, 100<<10)
					}
					io.Copy(io.Discard, req.Body)
					if tt.thenAnswers == 0 {
						return
					}
					time.Sleep(tt.thenAnswers)
					answer := "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n"
					for i := 0; tt.trickle && i < len(answer); i++ {
						c.Write([]byte{answer[i]})
						time.Sleep(50 * time.Second)
					}
					io.WriteString(c, answer)
				})
				wantTemporary(t, err, tt.text)
				if want := tt.bodyTakes + tt.wantAfterBody; took != want {
					t.Errorf("over after %v, want %v", took, want)
				}
			})
		})
	}
}

// A connection that breaks for writing while the node says nothing is given up
// soon, not after the whole timeout.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		obj := sinktest.Object("x", sinktest.Bytes(1, 1<<20))
		took, err := overPipe(t, minute, obj, func(c net.Conn) {
			io.CopyN(io.Discard, c, 100<<10)
			c.Close()
		})
		wantTemporary(t, err, "")
		if took > 5*time.Second {
			t.Errorf("failed after %v, want 5s at most", took)
		}
	})
}
