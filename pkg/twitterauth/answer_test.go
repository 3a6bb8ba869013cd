package twitterauth

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

func TestNoPIN(t *testing.T) {
	t.Parallel()
	var asked []*http.Request
	flow, _, err := Start(t.Context(), twitter(goodRequest, goodAccess, &asked))
	if err != nil {
		t.Fatal(err)
	}
	var refusal *Error
	if _, err := flow.Finish(t.Context(), " \n"); !errors.As(err, &refusal) || refusal.Kind != WrongPIN || len(asked) != 1 {
		t.Errorf("Finish = %v after %d requests, want WrongPIN and nothing sent", err, len(asked))
	}
}

func TestFlowFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other server was asked, with Authorization %q", r.Header.Get("Authorization"))
	}))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusPermanentRedirect))
	defer server.Close()
	_, _, err := Start(t.Context(), Config{Consumer: docConsumer, Endpoints: Endpoints{RequestToken: server.URL + "/x"}})
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Status != http.StatusPermanentRedirect || !strings.Contains(err.Error(), other.URL) {
		t.Errorf("Start = %v, want the 308 named with its target", err)
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	failing := func(err error) http.RoundTripper {
		return roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	for _, tt := range []struct {
		name, url string
		transport http.RoundTripper
		hint      string
	}{
		{"refused", "http://" + closed.Addr().String() + "/x", nil, "nothing answers there"},
		{"no such name", "https://x.example/x", failing(&net.DNSError{Err: "no such host", Name: "x.example"}), "the name cannot be looked up"},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1) + "/x", nil, "does not speak TLS"},
		{"unknown authority", secure.URL + "/x", nil, "signed by nobody"},
		{"too slow", "https://x.example/x", failing(context.DeadlineExceeded), "no answer in time"},
		{"something else", "https://x.example/x", failing(errors.New("odd \x1b[2J")), "check the network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Start(t.Context(), Config{Consumer: docConsumer, Endpoints: Endpoints{RequestToken: tt.url}, Transport: tt.transport})
			var refusal *Error
			if !errors.As(err, &refusal) || refusal.Kind != Network || exitcode.Of(err) != exitcode.Failed || !strings.Contains(refusal.Hint, tt.hint) {
				t.Fatalf("Start = %v (%+v), want kind Network with the hint %q", err, refusal, tt.hint)
			}
			if strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), docConsumer.Key) {
				t.Errorf("the error shows too much: %q", err)
			}
		})
	}
}

func TestFlowHonoursTheContext(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, _, err := Start(ctx, Config{Consumer: docConsumer, Endpoints: Endpoints{RequestToken: server.URL + "/x"}})
	if !errors.Is(err, context.Canceled) || exitcode.Of(err) != exitcode.Done {
		t.Errorf("Start = %v, want context.Canceled", err)
	}
}

func TestEndpointsThatCannotBeSigned(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "https://", "https://h.example/x?a=GEHEIM", "https://me:GEHEIM@h.example/x", "://"} {
		_, _, err := Start(t.Context(), Config{Endpoints: Endpoints{RequestToken: raw}})
		if exitcode.Of(err) != exitcode.Config || strings.Contains(err.Error(), "GEHEIM") {
			t.Errorf("Start with %q = %v, want a configuration error without secrets", raw, err)
		}
	}
	x := exchange{endpoint: "HTTPS://API.Example:443/a%2Fb"}
	if got, err := x.canonical(); err != nil || got != "https://api.example/a%2Fb" {
		t.Errorf("canonical = %q, %v", got, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	read := 0
	cfg := twitter(goodRequest, goodAccess, nil)
	cfg.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(endless{&read})}, nil
	})
	if _, _, err := Start(t.Context(), cfg); err == nil || len(err.Error()) > 500 || read > 128<<10 {
		t.Errorf("read %d bytes, error %v", read, err)
	}
}

type endless struct{ read *int }

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	*e.read += len(p)
	return len(p), nil
}

func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, "oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true", true)
	f.Add(401, `{"errors":[{"code":135,"message":"Timestamp out of bounds."}]}`, false)
	f.Add(401, "<html><title>x", true)
	f.Add(302, "", false)
	f.Add(200, "oauth_token=%zz;&\x00", true)
	f.Fuzz(func(t *testing.T, status int, body string, access bool) {
		request, second := answer{status: status, body: body, location: body}, goodAccess
		if access {
			request, second = goodRequest, request
		}
		flow, page, err := Start(t.Context(), twitter(request, second, nil))
		var token Token
		if err == nil {
			token, err = flow.Finish(t.Context(), "1234567")
		}
		if err == nil {
			if token.Token == "" || token.Secret == "" || strings.ContainsAny(token.Token+token.Secret+page, "\x00\r\n\x1b") {
				t.Errorf("%d %q gave %+v and %q", status, body, token, page)
			}
			return
		}
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Hint == "" {
			t.Fatalf("%d %q: %v, want an *Error with a hint", status, body, err)
		}
		text := err.Error()
		if len(text) > 500 || strings.ContainsAny(text, "\x00\r\n\x1b") || strings.Contains(text, "consumersecret") {
			t.Errorf("%d %q: %q", status, body, text)
		}
	})
}
