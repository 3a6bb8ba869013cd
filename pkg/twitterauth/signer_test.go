package twitterauth

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// Twitter took no chunked forms, and neither do many others.
func TestFormOfUnknownLengthGetsOne(t *testing.T) {
	t.Parallel()
	var caught *http.Request
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://h.example/x", io.NopCloser(strings.NewReader("track=a")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", formType)
	got, body := sent(t, Signer(Config{Consumer: docConsumer, Transport: catching(&caught)}, docToken), req, &caught)
	if got.ContentLength != 7 || body != "track=a" {
		t.Errorf("sent %q with length %d, want track=a with 7", body, got.ContentLength)
	}
}

func TestSignerLeavesTheRequestAlone(t *testing.T) {
	t.Parallel()
	var caught *http.Request
	s := Signer(Config{Consumer: docConsumer, Transport: catching(&caught)}, docToken)
	req := vectors[0].request(t)
	req.SetBasicAuth("me", "pass")
	before := req.Header.Clone()
	got, _ := sent(t, s, req, &caught)
	if !reflect.DeepEqual(req.Header, before) {
		t.Errorf("the caller's headers are now %v", req.Header)
	}
	if values := got.Header.Values("Authorization"); len(values) != 1 || !strings.HasPrefix(values[0], "OAuth ") {
		t.Errorf("Authorization = %q, want one OAuth value", values)
	}
	first := oauthParameters(t, got.Header.Get("Authorization")).Get("oauth_nonce")
	again, _ := sent(t, s, vectors[0].request(t), &caught)
	if oauthParameters(t, again.Header.Get("Authorization")).Get("oauth_nonce") == first {
		t.Error("two requests with one nonce")
	}
}

func TestSignerFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	signer := Signer(Config{Consumer: docConsumer}, docToken)
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/1.1/x.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := signer.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("RoundTrip = %v, %v, want the 307 itself", resp, err)
	}
	_ = resp.Body.Close()
	resp, err = (&http.Client{Transport: signer}).Do(req) // a client that does follow
	if err == nil {
		_ = resp.Body.Close()
		t.Error("a redirect was signed")
	}
	if len(elsewhere) > 0 {
		t.Errorf("the other server was asked, with Authorization %q", elsewhere)
	}
}

func TestSignerStreamsAndHonoursTheContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\r\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done() // the rest never comes
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/1.1/statuses/sample.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := Signer(Config{Consumer: docConsumer}, docToken).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	if line, err := r.ReadString('\n'); err != nil || line != "first\r\n" {
		t.Fatalf("read %q, %v, want the first line while the answer goes on", line, err)
	}
	cancel()
	if _, err := r.ReadString('\n'); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v, want context.Canceled", err)
	}
}

func TestSignerRefusesWhatCannotBeSigned(t *testing.T) {
	t.Parallel()
	var caught *http.Request
	s := Signer(Config{Consumer: docConsumer, Transport: catching(&caught)}, docToken)
	for _, tt := range []struct{ name, url, body string }{
		{"query", "https://me:pass@h.example/x?a=%zz", ""},
		{"semicolon in query", "https://h.example/x?a=1;b=2", ""},
		{"form", "https://h.example/x", "a=%zz"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", tt.url, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", formType)
		resp, err := s.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s: signed", tt.name)
			continue
		}
		if strings.Contains(err.Error(), "pass@") || strings.Contains(err.Error(), "zz") {
			t.Errorf("%s: %v shows too much", tt.name, err)
		}
	}
}

func TestSignerManyAtOnce(t *testing.T) {
	t.Parallel()
	s := Signer(Config{Consumer: docConsumer, Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})}, docToken)
	done := make(chan error)
	for range 20 {
		go func() {
			resp, err := s.RoundTrip(vectors[0].request(t))
			if err == nil {
				err = resp.Body.Close()
			}
			done <- err
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
