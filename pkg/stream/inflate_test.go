package stream

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// gzipped serves one answer with whatever script writes.
func gzipped(tb testing.TB, script func(w http.ResponseWriter, zipped *gzip.Writer)) string {
	return serve(tb, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			tb.Errorf("Accept-Encoding is %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		script(w, gzip.NewWriter(w))
	})
}

func flush(w http.ResponseWriter, zipped *gzip.Writer) {
	_ = zipped.Flush()
	_ = http.NewResponseController(w).Flush()
}

// Each flushed message is had before the next one is sent, and the header of
// the answer before the first.
func TestGzipHoldsNothingBack(t *testing.T) {
	t.Parallel()
	for _, members := range []bool{false, true} {
		t.Run(fmt.Sprintf("members of their own %t", members), func(t *testing.T) {
			t.Parallel()
			next := make(chan struct{}, 1)
			s := newSource(t, gzipped(t, func(w http.ResponseWriter, zipped *gzip.Writer) {
				_ = http.NewResponseController(w).Flush()
				for i := range 5 {
					<-next
					fmt.Fprintf(zipped, "{\"a\":%d}\r\n", i)
					if members {
						_ = zipped.Close()
						zipped = gzip.NewWriter(w)
					}
					if !members {
						_ = zipped.Flush()
					}
					_ = http.NewResponseController(w).Flush()
				}
				<-next
			}))
			for i := range 5 {
				next <- struct{}{}
				if got, err := s.Next(t.Context()); err != nil || string(got) != fmt.Sprintf(`{"a":%d}`, i) {
					t.Fatalf("message %d is %q, %v", i, got, err)
				}
			}
			next <- struct{}{}
			if _, end := drain(t, t.Context(), s); end.Kind != Network || end.Messages != 5 {
				t.Errorf("end is %v (%+v), want Network and 5 messages", end, end)
			}
		})
	}
}

// A stream that is cut off anywhere keeps every whole message before.
func TestGzipCutOffAnywhere(t *testing.T) {
	t.Parallel()
	var whole bytes.Buffer
	zipped := gzip.NewWriter(&whole)
	var flushed []int // how long the stream was after each message
	for i := range 3 {
		fmt.Fprintf(zipped, "{\"a\":%d,\"text\":\"some text\"}\r\n", i)
		_ = zipped.Flush()
		flushed = append(flushed, whole.Len())
	}
	_ = zipped.Close()
	for cut := range whole.Len() {
		s := newSource(t, rawServer(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10000\r\n\r\n%s", whole.Bytes()[:cut])))
		got, end := drain(t, t.Context(), s)
		want := 0
		for _, n := range flushed {
			if cut >= n {
				want++
			}
		}
		if len(got) < want || end.Kind != Network || !strings.Contains(end.Error(), "cut") {
			t.Errorf("cut at %d: %d messages and %v, want at least %d and a cut", cut, len(got), end, want)
		}
	}
}

func TestGzipCorrupted(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w http.ResponseWriter, zipped *gzip.Writer){
		"middle": func(w http.ResponseWriter, zipped *gzip.Writer) {
			flush(w, zipped)
			send(w, strings.Repeat("\xff", 100))
		},
		"checksum": func(w http.ResponseWriter, zipped *gzip.Writer) {
			flush(w, zipped)
			send(w, "\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00")
		},
		"second member": func(w http.ResponseWriter, zipped *gzip.Writer) {
			_ = zipped.Close()
			send(w, "no gzip header")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, gzipped(t, func(w http.ResponseWriter, zipped *gzip.Writer) {
				fmt.Fprint(zipped, "{\"a\":1}\r\n{\"b\":")
				spoil(w, zipped)
			}))
			got, end := drain(t, t.Context(), s)
			equal(t, "messages", got, []string{`{"a":1}`})
			if end.Kind != Network || s.Counts().Torn != 1 || strings.Contains(end.Error(), "closed") {
				t.Errorf("end is %v (%+v), counts %+v; want Network, corruption, 1 torn", end, end, s.Counts())
			}
		})
	}
	t.Run("not gzip at all", func(t *testing.T) {
		t.Parallel()
		s := newSource(t, gzipped(t, func(w http.ResponseWriter, zipped *gzip.Writer) { send(w, "{\"a\":1}\r\n{\"a\":1}\r\n") }))
		if got, end := drain(t, t.Context(), s); len(got) > 0 || end.Kind != Network || !strings.Contains(end.Error(), "gzip") {
			t.Errorf("got %q, %v; want Network and the cause", got, end)
		}
	})
}

// A small body that inflates to a gigabyte takes no memory.
func TestGzipBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates 256 MiB")
	}
	var bomb bytes.Buffer
	zipped, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	fmt.Fprint(zipped, "{\"a\":1}\r\n{\"bomb\":\"")
	zeros := bytes.Repeat([]byte{'0'}, 1<<20)
	for range 256 {
		_, _ = zipped.Write(zeros)
	}
	fmt.Fprint(zipped, "\"}\r\n{\"b\":2}\r\n")
	_ = zipped.Close()
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, _ := drain(t, t.Context(), s)
	runtime.ReadMemStats(&after)
	equal(t, "messages", got, []string{`{"a":1}`, `{"b":2}`})
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 || s.Counts().Oversize != 1 {
		t.Errorf("%d bytes allocated, counts %+v; want at most 16 MiB, 1 oversize", grown, s.Counts())
	}
}

// The page that comes with an error may be packed too, and is bounded after
// inflation.
func TestGzippedErrorPage(t *testing.T) {
	t.Parallel()
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(401)
		zipped := gzip.NewWriter(w)
		fmt.Fprint(zipped, `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`, strings.Repeat(" ", 50_000))
		_ = zipped.Close()
	}))
	if _, end := drain(t, t.Context(), s); end.Kind != Credentials || !strings.Contains(end.Error(), "Invalid or expired token") {
		t.Errorf("end is %v, want what the page said", end)
	}
}
