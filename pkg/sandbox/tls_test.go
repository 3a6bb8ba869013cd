package sandbox

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestOverTLS serves the handler by another server: HTTP/1.1 and HTTP/2.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[http2], func(t *testing.T) {
			t.Parallel()
			tw, err := NewTwitter(TwitterConfig{Rate: 1000})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(tw)
			server.EnableHTTP2 = http2
			server.StartTLS()
			t.Cleanup(server.Close)
			t.Cleanup(func() { tw.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/1.1/statuses/sample.json", nil)
			if err != nil {
				t.Fatal(err)
			}
			defaultSigner().sign(r, nil)
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != 200 || (resp.ProtoMajor == 2) != http2 {
				t.Fatalf("%s %s", resp.Proto, resp.Status)
			}
			line, err := bufio.NewReader(resp.Body).ReadString('\n')
			if err != nil || strings.TrimSuffix(line, "\r\n") != string(tw.Message(1)) {
				t.Errorf("first line %q, %v", line, err)
			}
			cancel()
			eventually(t, "the end is recorded", func() bool { return tw.Connections()[0].End == endLeft })
		})
	}
}
