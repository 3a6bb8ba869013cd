package kind_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/storj/twitter-stream/pkg/sandbox/kind"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/mastodon"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
	"github.com/storj/twitter-stream/pkg/sandbox/x"
)

// start returns a server of a kind with an event a millisecond.
func start(t *testing.T, k kind.Kind, faults ...string) kind.Server {
	t.Helper()
	s, err := k.Start(live.Config{Faults: faults, KeepAlive: 50 * time.Millisecond, Time: timeline.Config{
		Share: 5 * time.Millisecond, StepBack: 3 * time.Millisecond, Past: time.Second,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial opens a server's stream with header and returns its bytes; those of a
// WebSocket have a line feed behind each message.
func dial(t *testing.T, s kind.Server, query string, header http.Header) io.Reader {
	t.Helper()
	url := s.StreamURL() + query
	if strings.HasPrefix(url, "ws") {
		conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: header})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		r, w := io.Pipe()
		go func() {
			for {
				_, message, err := conn.Read(t.Context())
				if err != nil {
					w.CloseWithError(err)
					return
				}
				if _, err := w.Write(append(message, '\n')); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	resp := get(t, url, header)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	return resp.Body
}

func get(t *testing.T, url string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// entry is the header that a kind wants.
func entry(name string) http.Header {
	switch name {
	case "x":
		return http.Header{"Authorization": {"Bearer " + x.Token}}
	case "mastodon":
		return http.Header{"Authorization": {"Bearer " + mastodon.Token}}
	}
	return http.Header{}
}

// seqOf returns the number of an event in a line of a stream; 0 for a line
// without one.
func seqOf(line []byte) uint64 {
	line = bytes.TrimPrefix(line, []byte("data: "))
	var m struct{ Seq uint64 }
	if json.Unmarshal(line, &m) != nil {
		return 0
	}
	return m.Seq
}

// numbers returns the first n numbers of a stream.
func numbers(t *testing.T, r io.Reader, n int) (seqs []uint64) {
	t.Helper()
	lines := bufio.NewReader(r)
	for len(seqs) < n {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("after %d events: %v", len(seqs), err)
		}
		if seq := seqOf(bytes.TrimSpace(line)); seq > 0 {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// TestStreamsGoOn reads every kind as a stranger would: all that happens comes
// in order, from now on, and what happens goes on without a reader.
func TestStreamsGoOn(t *testing.T) {
	t.Parallel()
	for _, k := range kind.All() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			s := start(t, k)
			head := s.Head()
			first := numbers(t, dial(t, s, "", entry(k.Name)), 100)
			for i, seq := range first[1:] {
				gap := seq - first[i]
				if gap == 0 || gap > 1 && k.Name != "mastodon" { // deletes have no number there
					t.Fatalf("event %d came after %d", seq, first[i])
				}
			}
			if first[0] <= head {
				t.Errorf("a new connection began at event %d, of which %d had happened", first[0], head)
			}
			deadline := time.Now().Add(time.Minute)
			for before := s.Head(); s.Head() < before+100; {
				if time.Now().After(deadline) {
					t.Fatal("nothing happens without a reader")
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// TestMessagesAreWhatWasSent compares what is said to have been sent with what
// came.
func TestMessagesAreWhatWasSent(t *testing.T) {
	t.Parallel()
	for _, k := range kind.All() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			s := start(t, k)
			lines := bufio.NewReader(dial(t, s, "", entry(k.Name)))
			for n := 0; n < 50; {
				line, err := lines.ReadBytes('\n')
				if err != nil {
					t.Fatal(err)
				}
				line = bytes.TrimPrefix(bytes.TrimSpace(line), []byte("data: "))
				seq := seqOf(line)
				if seq == 0 {
					continue
				}
				if want := s.Message(seq); !bytes.Equal(line, want) && !bytes.HasSuffix(want, append(line, '}')) {
					t.Fatalf("event %d came as\n%s\nwant\n%s", seq, line, want)
				}
				if !json.Valid(line) {
					t.Fatalf("not JSON: %s", line)
				}
				n++
			}
		})
	}
}

// TestFaultsHappen throws the faults that all kinds have and looks that they
// end the connection and stand in the log.
func TestFaultsHappen(t *testing.T) {
	t.Parallel()
	for _, k := range kind.All() {
		for _, fault := range []string{"half=10*1", "reset=10*1", "end=10*1", "bytes=3000*1"} {
			t.Run(k.Name+"/"+fault, func(t *testing.T) {
				t.Parallel()
				s := start(t, k, fault)
				name, _, _ := strings.Cut(fault, "=")
				got, err := io.Copy(io.Discard, dial(t, s, "", entry(k.Name)))
				if clean := name == "end" && k.Name != "jetstream"; (err == nil) != clean {
					t.Errorf("the stream ended with %v", err)
				}
				if name == "bytes" && (got > 3100 || got < 2000) {
					t.Errorf("%d bytes came", got)
				}
				await(t, func() bool { return s.Live() == 0 })
				conns := s.Connections()
				if s.Fired(name) != 1 || len(conns) != 1 || conns[0].End != name || conns[0].Closed.IsZero() {
					t.Errorf("fired %d times; the log says %+v", s.Fired(name), conns)
				}
			})
		}
	}
}

// TestRefusals throws the faults that answer instead of a stream.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, k := range kind.All() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			s := start(t, k, "401", "403", "429=7", "503", "html")
			url := strings.Replace(s.StreamURL(), "ws", "http", 1)
			for _, want := range []int{200, 401, 403, 429, 503} { // by number, html first
				if want > 200 {
					_ = s.SetFault(map[int]string{401: "401", 403: "403", 429: "429=7", 503: "503"}[want])
				}
				resp := get(t, url, entry(k.Name))
				if resp.StatusCode != want {
					t.Errorf("%s, want %d", resp.Status, want)
				}
				if want == 429 && resp.Header.Get("Retry-After") != "7" {
					t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
				}
				if page, err := io.ReadAll(resp.Body); err != nil || want == 200 && !bytes.Contains(page, []byte("<html>")) {
					t.Errorf("%d came with %.100q, %v", want, page, err)
				}
			}
			await(t, func() bool { return len(s.Refusals()) == 4 })
		})
	}
}

// TestSignsOfLife wants a silent stream to give them, and a stalled one not.
func TestSignsOfLife(t *testing.T) {
	t.Parallel()
	want := map[string]string{"wikimedia": "", "mastodon": ":thump\n", "x": "\r\n", "sse": ":\n\n"}
	for _, k := range kind.All() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			if k.Name == "jetstream" || k.Name == "wikimedia" {
				t.Skip("pings are not bytes; EventStreams promises none")
			}
			s := start(t, k, "silent")
			buf := make([]byte, 0, 100)
			r := dial(t, s, "", entry(k.Name))
			for piece := make([]byte, 100); !bytes.Contains(buf, []byte(want[k.Name])); {
				n, err := r.Read(piece)
				if buf = append(buf, piece[:n]...); err != nil {
					t.Fatal(err)
				}
			}
			if bytes.Contains(buf, []byte("{")) {
				t.Errorf("a silent stream said %q", buf)
			}
		})
	}
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened")
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, k := range kind.All() {
		if found, ok := kind.Find(k.Name); !ok || found.Title != k.Title || !strings.Contains(kind.Names(), k.Name) {
			t.Errorf("Find(%q) = %v, %t", k.Name, found.Title, ok)
		}
	}
	if _, ok := kind.Find("twitter"); ok {
		t.Error("twitter was found")
	}
}
