package twitterauth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

const tokenURL = "https://api.example/oauth2/token"

// appService answers requests for a token by answers, in turn, and all others
// by whether their token is good.
type appService struct {
	answers []answer
	good    string
	asked   []*http.Request
	bodies  []string
}

func (s *appService) config() Config {
	return Config{
		Consumer: Consumer{"key:with/all", "secret+of it%"}, UserAgent: "twitter-stream/test",
		Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			s.asked = append(s.asked, req)
			body := ""
			if req.Body != nil {
				data, _ := io.ReadAll(req.Body)
				body = string(data)
			}
			s.bodies = append(s.bodies, body)
			status, text := http.StatusOK, "{}"
			switch {
			case req.URL.String() == tokenURL:
				status, text = s.answers[0].status, s.answers[0].body
				if status == 0 {
					return nil, io.ErrUnexpectedEOF
				}
				s.answers = s.answers[1:]
			case req.Header.Get("Authorization") != "Bearer "+s.good:
				status = http.StatusUnauthorized
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader(text))}, nil
		}),
	}
}

func gives(token string) answer {
	return answer{status: 200, body: `{"token_type":"bearer","access_token":"` + token + `"}`}
}

func TestAppTokenRequest(t *testing.T) {
	t.Parallel()
	s := &appService{answers: []answer{gives("AAAA%2Fb%3D")}}
	token, err := AppToken(t.Context(), s.config(), tokenURL)
	if err != nil || token != "AAAA%2Fb%3D" {
		t.Fatalf("AppToken = %q, %v, want the token with its %%XX", token, err)
	}
	req := s.asked[0]
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("key%3Awith%2Fall:secret%2Bof+it%25"))
	if req.Method != "POST" || req.Header.Get("Authorization") != want || s.bodies[0] != "grant_type=client_credentials" ||
		req.Header.Get("Content-Type") != "application/x-www-form-urlencoded;charset=UTF-8" || req.Header.Get("User-Agent") != "twitter-stream/test" {
		t.Errorf("asked by %s %v %q, want %s", req.Method, req.Header, s.bodies[0], want)
	}
}

func TestAppTokenRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer answer
		kind   Kind
		code   int
		text   string
	}{
		{"wrong key", answer{status: 403, body: `{"errors":[{"code":99,"label":"authenticity_token_error","message":"Unable to verify your credentials"}]}`}, RefusedKey, exitcode.Credentials, "403 Forbidden: Unable to verify your credentials (code 99)"},
		{"401", answer{status: 401}, RefusedKey, exitcode.Credentials, "401 Unauthorized"},
		{"rate limit", answer{status: 429, body: "slow down"}, Network, exitcode.Failed, "429 Too Many Requests: slow down"},
		{"overload, as a page", answer{status: 503, body: "<html><title>Over capacity</title></html>"}, Network, exitcode.Failed, "503 Service Unavailable: Over capacity"},
		{"moved", answer{status: 301}, Unexpected, exitcode.Config, "has moved"},
		{"no such path", answer{status: 404}, Unexpected, exitcode.Config, "404 Not Found"},
		{"a login page", answer{status: 200, body: "<html>log in</html>"}, Unexpected, exitcode.Config, "not the JSON of a token"},
		{"another kind of token", answer{status: 200, body: `{"token_type":"mac","access_token":"hidden"}`}, Unexpected, exitcode.Config, "token_type bearer"},
		{"no token", answer{status: 200, body: `{"token_type":"bearer"}`}, Unexpected, exitcode.Config, "no usable token"},
		{"a token that would break a header", answer{status: 200, body: `{"token_type":"bearer","access_token":"hidden\nX: y"}`}, Unexpected, exitcode.Config, "no usable token"},
		{"an endless token", gives(strings.Repeat("x", 5<<10)), Unexpected, exitcode.Config, "no usable token"},
		{"no answer", answer{}, Network, exitcode.Failed, "unexpected EOF"},
		{"an echo", answer{status: 500, body: "Basic " + base64.StdEncoding.EncodeToString([]byte("key%3Awith%2Fall:secret%2Bof+it%25")) + " secret+of it%"}, Network, exitcode.Failed, "(secret) (secret)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &appService{answers: []answer{tt.answer}}
			_, err := AppToken(t.Context(), s.config(), tokenURL)
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.kind || exitcode.Of(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got %v (kind %v, exit %d), want kind %v, exit %d, %q", err, e, exitcode.Of(err), tt.kind, tt.code, tt.text)
			}
			if e.Hint == "" || strings.Contains(err.Error()+e.Hint, "secret+of") || strings.Contains(err.Error(), "hidden") {
				t.Errorf("no hint, or a secret is shown: %v; %s", err, e.Hint)
			}
		})
	}
}

func TestAppFetchesOnceMore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		token   string // of before
		good    string
		answers []answer
		status  int // 0: an error
		kept    []string
		left    string
	}{
		{name: "a token of before", token: "old", good: "old", status: 200},
		{name: "none", good: "new", answers: []answer{gives("new")}, status: 200, kept: []string{"new"}},
		{name: "one that is not taken any more", token: "old", good: "new", answers: []answer{gives("new")}, status: 200, kept: []string{"", "new"}},
		{name: "one that is fetched anew and the same", token: "old", good: "x", answers: []answer{gives("old")}, status: 401, kept: []string{"", "old"}},
		{name: "two that are not taken", token: "old", good: "x", answers: []answer{gives("new")}, status: 401, kept: []string{"", "new"}},
		{name: "no network for another", token: "old", good: "x", answers: []answer{{}}, kept: []string{""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &appService{answers: tt.answers, good: tt.good}
			var kept []string
			client := &http.Client{Transport: NewApp(s.config(), tokenURL, tt.token, func(token string) { kept = append(kept, token) })}
			resp, err := client.Post("https://api.example/2/rules", "application/json", bytes.NewReader([]byte("body")))
			status := 0
			if err == nil {
				status = resp.StatusCode
				_ = resp.Body.Close()
			}
			if status != tt.status || !slices.Equal(kept, tt.kept) {
				t.Errorf("got %d, %v, kept %q; want %d, %q", status, err, kept, tt.status, tt.kept)
			}
			if last := s.bodies[len(s.bodies)-1]; status != 0 && s.asked[len(s.asked)-1].URL.String() != tokenURL && last != "body" {
				t.Errorf("the last try sent %q, want the body again", last)
			}
			if refusals := strings.Count(strings.Join(s.bodies, " "), "grant_type"); refusals > 1 {
				t.Errorf("asked %d times for a token, want once", refusals)
			}
		})
	}
}

func TestAppFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	s := &appService{good: "token"}
	req, err := http.NewRequest(http.MethodGet, "https://elsewhere.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Response = &http.Response{}
	resp, err := NewApp(s.config(), tokenURL, "token", func(string) {}).RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || len(s.asked) > 0 {
		t.Errorf("a redirect was followed with the token: %v", err)
	}
}

func FuzzAppTokenAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"token_type":"bearer","access_token":"AAAA%2F"}`, `{"errors":[{"code":99,"message":"x"}]}`, "<html>", "", `{"access_token":1}`, `[]`, "null",
	} {
		f.Add(200, []byte(seed))
		f.Add(403, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		s := &appService{answers: []answer{{status: max(status, 1), body: string(body)}}}
		token, err := AppToken(t.Context(), s.config(), tokenURL)
		if err == nil {
			if !sendable(token) || !json.Valid(body) {
				t.Errorf("took %q from %q", token, body)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Hint == "" || len(err.Error()) > 600 {
			t.Errorf("%q: %v", body, err)
		}
	})
}
