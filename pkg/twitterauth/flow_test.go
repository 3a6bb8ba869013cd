package twitterauth

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// answer is what a made-up Twitter says once.
type answer struct {
	status   int
	body     string
	date     time.Duration // of its clock against ours
	noDate   bool
	location string
}

var testTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// twitter answers the two steps and keeps what it was asked.
func twitter(request, access answer, asked *[]*http.Request) Config {
	answers := map[string]answer{"/oauth/request_token": request, "/oauth/access_token": access}
	return Config{
		Consumer: Consumer{"consumerkey", "consumersecret"},
		Endpoints: Endpoints{
			RequestToken: "https://api.example/oauth/request_token",
			Authorize:    "https://api.example/oauth/authorize?oauth_token=",
			AccessToken:  "https://api.example/oauth/access_token",
		},
		Now:       func() time.Time { return testTime },
		UserAgent: "twitter-stream/test",
		Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			if asked != nil {
				*asked = append(*asked, req)
			}
			a := answers[req.URL.Path]
			header := http.Header{}
			if !a.noDate {
				header.Set("Date", testTime.Add(a.date).Format(http.TimeFormat))
			}
			if a.location != "" {
				header.Set("Location", a.location)
			}
			return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body))}, nil
		}),
	}
}

var (
	goodRequest = answer{status: 200, body: "oauth_token=rtoken&oauth_token_secret=rsecret&oauth_callback_confirmed=true"}
	goodAccess  = answer{status: 200, body: "oauth_token=1-atoken&oauth_token_secret=asecret&user_id=1&screen_name=x"}
)

func TestFlow(t *testing.T) {
	t.Parallel()
	var asked []*http.Request
	flow, page, err := Start(t.Context(), twitter(goodRequest, goodAccess, &asked))
	if err != nil || page != "https://api.example/oauth/authorize?oauth_token=rtoken" {
		t.Fatalf("Start = %q, %v", page, err)
	}
	token, err := flow.Finish(t.Context(), " 123 4567\n")
	if err != nil || token != (Token{"1-atoken", "asecret"}) {
		t.Fatalf("Finish = %+v, %v", token, err)
	}
	for i, want := range []struct{ name, value, secret string }{
		{"oauth_callback", "oob", ""}, {"oauth_verifier", "1234567", "rsecret"},
	} {
		req := asked[i]
		params := oauthParameters(t, req.Header.Get("Authorization"))
		if req.Method != "POST" || params.Get(want.name) != want.value || req.Header.Get("User-Agent") != "twitter-stream/test" {
			t.Errorf("step %d: %s with %v, %v", i, req.Method, params, req.Header)
		}
		got := params.Get("oauth_signature")
		params.Del("oauth_signature")
		if correct := reference("POST", req.URL, req.URL.Host, params, "consumersecret", want.secret); got != correct {
			t.Errorf("step %d: signature %s, want %s", i, got, correct)
		}
	}
}

func TestAuthorizePage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"https://a.example/oauth/authorize?oauth_token=", "https://a.example/oauth/authorize?oauth_token=t%2Fx"},
		{"https://a.example/oauth/authorize", "https://a.example/oauth/authorize?oauth_token=t%2Fx"},
		{"https://a.example/oauth/authorize?", "https://a.example/oauth/authorize?oauth_token=t%2Fx"},
		{"https://a.example/oauth/authorize?force_login=true", "https://a.example/oauth/authorize?force_login=true&oauth_token=t%2Fx"},
	} {
		if got, err := authorizePage(tt.in, "t/x"); err != nil || got != tt.want {
			t.Errorf("authorizePage(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

// What servers answer is from Twitter's response codes and from clients' bug
// reports: JSON, plain text and HTML.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const page = "<html><head><title>Error 401 Unauthorized</title></head>\n<body><h2>HTTP ERROR: 401</h2><pre>Unauthorized</pre></body></html>"
	for _, tt := range []struct {
		name            string
		request, access answer
		kind            Kind
		exit            int
		text, hint      string
	}{
		{"wrong key, text", answer{status: 401, body: "Failed to validate oauth signature and token"}, goodAccess,
			RefusedKey, 4, "401 Unauthorized: Failed to validate oauth signature and token", "check the application's key"},
		{"wrong key, JSON", answer{status: 401, body: `{"errors":[{"code":32,"message":"Could not authenticate you."}]}`}, goodAccess,
			RefusedKey, 4, "Could not authenticate you. (code 32)", "check the application's key"},
		{"wrong key, page", answer{status: 401, body: page}, goodAccess,
			RefusedKey, 4, "Error 401 Unauthorized", "check the application's key"},
		{"blank key", answer{status: 400, body: `{"errors":[{"code":215,"message":"Bad Authentication data."}]}`}, goodAccess,
			RefusedKey, 4, "code 215", "check the application's key"},
		{"no access", answer{status: 403, body: `{"errors":[{"code":220,"message":"no"}]}`}, goodAccess,
			RefusedKey, 4, "code 220", "access level"},
		{"clock, by code", answer{status: 401, body: `{"errors":[{"code":135,"message":"Timestamp out of bounds."}]}`, date: 7 * time.Minute}, goodAccess,
			ClockSkew, 4, "Timestamp out of bounds.", "your clock is 7m behind: set it"},
		{"clock, by code, no date", answer{status: 401, body: `{"errors":[{"code":135,"message":"x"}]}`, noDate: true}, goodAccess,
			ClockSkew, 4, "code 135", "your clock is wrong: set it"},
		{"clock, by date", answer{status: 401, body: page, date: -3 * time.Hour}, goodAccess,
			ClockSkew, 4, "401 Unauthorized", "your clock is 3h0m ahead: set it"},
		{"a little off is not the cause", answer{status: 401, body: page, date: time.Minute}, goodAccess,
			RefusedKey, 4, "401", "check the application's key"},
		{"callback", answer{status: 403, body: `{"errors":[{"code":415,"message":"Callback URL not approved for this client application."}]}`}, goodAccess,
			Unconfirmed, 4, "code 415", "enter a callback URL"},
		{"not confirmed", answer{status: 200, body: "oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=false"}, goodAccess,
			Unconfirmed, 4, "oauth_callback_confirmed=true", "enter a callback URL"},
		{"confirmation missing", answer{status: 200, body: "oauth_token=a&oauth_token_secret=b"}, goodAccess,
			Unconfirmed, 4, "oauth_callback_confirmed=true", "enter a callback URL"},
		{"half a token", answer{status: 200, body: "oauth_token=GEHEIM&oauth_callback_confirmed=true"}, goodAccess,
			Unexpected, 3, "the answer of 48 bytes holds no token", "check request_token_url"},
		{"a login page", answer{status: 200, body: "<html>GEHEIM"}, goodAccess, Unexpected, 3, "holds no token", "proxy or login page"},
		{"moved", answer{status: 302, location: "https://login.example/x?session=GEHEIM"}, goodAccess,
			Unexpected, 3, "the URL has moved to https://login.example/x", "write the new URL"},
		{"gone", answer{status: 410, body: "Gone"}, goodAccess, Unexpected, 3, "410 Gone", "check request_token_url"},
		{"busy", answer{status: 503}, goodAccess, Network, 1, "503 Service Unavailable", "try again"},
		{"too often", answer{status: 429}, goodAccess, Network, 1, "429 Too Many Requests", "try again"},
		{"an echo", answer{status: 401, body: "consumersecret consumerkey \x1b[2J no"}, goodAccess,
			RefusedKey, 4, `(secret) (secret) \x1b[2J no`, "check"},

		{"wrong PIN", goodRequest, answer{status: 401, body: "Error processing your OAuth request: Invalid oauth_verifier parameter"},
			WrongPIN, 4, "Invalid oauth_verifier parameter", "each PIN works once"},
		{"request token has run out", goodRequest, answer{status: 401, body: `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`},
			WrongPIN, 4, "code 89", "each PIN works once"},
		{"wrong PIN, page", goodRequest, answer{status: 401, body: page}, WrongPIN, 4, "401", "each PIN works once"},
		{"clock at the second step", goodRequest, answer{status: 401, date: 10 * time.Minute}, ClockSkew, 4, "401", "10m behind"},
		{"an echo of the request token", goodRequest, answer{status: 401, body: "rtoken rsecret 1234567"},
			WrongPIN, 4, "(secret) (secret) (secret)", "each PIN"},
		{"no token at the end", goodRequest, answer{status: 200, body: "oauth_token=GEHEIM"}, Unexpected, 3, "holds no token", "check"},
		{"a token with a line end", goodRequest, answer{status: 200, body: "oauth_token=GEHEIM%0A&oauth_token_secret=b"},
			Unexpected, 3, "no usable token", "check"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			flow, _, err := Start(t.Context(), twitter(tt.request, tt.access, nil))
			if err == nil {
				_, err = flow.Finish(t.Context(), "1234567")
			}
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("err = %v, want an *Error", err)
			}
			if refusal.Kind != tt.kind || exitcode.Of(err) != tt.exit {
				t.Errorf("kind %d, exit %d, want %d, %d (%v)", refusal.Kind, exitcode.Of(err), tt.kind, tt.exit, err)
			}
			if !strings.Contains(err.Error(), tt.text) || !strings.Contains(refusal.Hint, tt.hint) {
				t.Errorf("error %q, hint %q\nwant them to contain %q and %q", err, refusal.Hint, tt.text, tt.hint)
			}
			for _, secret := range []string{"consumersecret", "consumerkey", "rsecret", "rtoken", "GEHEIM", "OAuth oauth_", "Authorization"} {
				if strings.Contains(fmt.Sprintf("%v %+v %s", err, refusal.Err, refusal.Hint), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
		})
	}
}
