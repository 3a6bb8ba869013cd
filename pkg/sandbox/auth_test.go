package sandbox

import (
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestStreamAuthentication(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Rate: 100})
	for _, tt := range []struct {
		name   string
		change func(*signer)
		want   int
	}{
		{"good", func(*signer) {}, 200},
		{"four minutes late", func(s *signer) { s.at = s.at.Add(-4 * time.Minute) }, 200},
		{"six minutes late", func(s *signer) { s.at = s.at.Add(-6 * time.Minute) }, 401},
		{"six minutes early", func(s *signer) { s.at = s.at.Add(6 * time.Minute) }, 401},
		{"wrong app secret", func(s *signer) { s.ConsumerSecret += "x" }, 401},
		{"wrong app key", func(s *signer) { s.ConsumerKey += "x" }, 401},
		{"wrong token secret", func(s *signer) { s.OAuthTokenSecret += "x" }, 401},
		{"wrong token", func(s *signer) { s.OAuthToken += "x" }, 401},
		{"no token", func(s *signer) { s.OAuthToken = "" }, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := defaultSigner()
			tt.change(&s)
			resp := asked(t, s, "GET", tw.StreamURL()+"?stall_warnings=true", nil)
			if resp.StatusCode != tt.want || resp.Header.Get("Date") == "" {
				t.Fatalf("status %d, Date %q; want %d and a Date", resp.StatusCode, resp.Header.Get("Date"), tt.want)
			}
			if resp.StatusCode == 401 {
				if page := text(t, resp); !strings.Contains(page, "<title>Error 401 Unauthorized</title>") {
					t.Errorf("page is %q", page)
				}
			}
		})
	}
}

func TestNonceWorksOnce(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{})
	s, u := defaultSigner(), tw.URL()+"/1.1/account/verify_credentials.json"
	first, second := asked(t, s, "GET", u, nil), asked(t, s, "GET", u, nil)
	if first.StatusCode != 200 || second.StatusCode != 401 || !strings.Contains(text(t, second), `"code":32`) {
		t.Errorf("statuses %d, %d; want 200, then 401 with code 32", first.StatusCode, second.StatusCode)
	}
}

func TestErrorCodes(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{})
	for _, tt := range []struct {
		name   string
		change func(*signer)
		header []string
		status int
		want   string
	}{
		{"timestamp", func(s *signer) { s.at = s.at.Add(-time.Hour) }, nil, 401, `{"errors":[{"code":135,"message":"Timestamp out of bounds."}]}`},
		{"signature", func(s *signer) { s.secret = "other" }, nil, 401, `{"errors":[{"code":32,"message":"Could not authenticate you."}]}`},
		{"token", func(s *signer) { s.OAuthToken = "revoked" }, nil, 401, `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`},
		{"none", func(*signer) {}, []string{"Authorization", ""}, 400, `{"errors":[{"code":215,"message":"Bad Authentication data."}]}`},
		{"bearer", func(*signer) {}, []string{"Authorization", "Bearer x"}, 400, `{"errors":[{"code":215,"message":"Bad Authentication data."}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := defaultSigner()
			tt.change(&s)
			resp := asked(t, s, "GET", tw.URL()+"/1.1/account/verify_credentials.json", nil, tt.header...)
			if got := text(t, resp); resp.StatusCode != tt.status || got != tt.want {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, got, tt.status, tt.want)
			}
		})
	}
}

// begin walks to the PIN page.
func begin(t *testing.T, tw *Twitter) (s signer, pin string) {
	t.Helper()
	s = defaultSigner()
	s.OAuthToken, s.OAuthTokenSecret = "", ""
	s.extra = []param{{"oauth_callback", "oob"}}
	resp := asked(t, s, "POST", tw.URL()+"/oauth/request_token", nil)
	values, err := url.ParseQuery(text(t, resp))
	if err != nil || values.Get("oauth_callback_confirmed") != "true" {
		t.Fatalf("request token: %d %v %v", resp.StatusCode, values, err)
	}
	page := text(t, asked(t, defaultSigner(), "GET", tw.URL()+"/oauth/authorize?oauth_token="+values.Get("oauth_token"), nil))
	found := regexp.MustCompile(`<code>(\d{7})</code>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no PIN on the page: %s", page)
	}
	s = defaultSigner()
	s.OAuthToken, s.OAuthTokenSecret = values.Get("oauth_token"), values.Get("oauth_token_secret")
	return s, found[1]
}

func TestPINFlow(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Rate: 100})
	s, pin := begin(t, tw)
	s.extra = []param{{"oauth_verifier", pin}}
	values, err := url.ParseQuery(text(t, asked(t, s, "POST", tw.URL()+"/oauth/access_token", nil)))
	if err != nil || values.Get("screen_name") != "sandbox" {
		t.Fatalf("access token: %v, %v", values, err)
	}
	c := defaultSigner()
	c.OAuthToken, c.OAuthTokenSecret = values.Get("oauth_token"), values.Get("oauth_token_secret")
	if resp := asked(t, c, "GET", tw.StreamURL(), nil); resp.StatusCode != 200 {
		t.Errorf("stream with the new token: %s", resp.Status)
	}
}

func TestPINFlowRefusals(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{})
	t.Run("wrong PIN, and the right one after it", func(t *testing.T) {
		t.Parallel()
		s, pin := begin(t, tw)
		for _, try := range []string{"0", pin} {
			s.extra, s.nonce = []param{{"oauth_verifier", try}}, "nonce-"+try
			resp := asked(t, s, "POST", tw.URL()+"/oauth/access_token", nil)
			if got := text(t, resp); resp.StatusCode != 401 || !strings.Contains(got, "Invalid oauth_verifier") && try == "0" {
				t.Errorf("PIN %q: %d %q", try, resp.StatusCode, got)
			}
		}
	})
	t.Run("wrong app secret", func(t *testing.T) {
		t.Parallel()
		s := defaultSigner()
		s.OAuthToken, s.OAuthTokenSecret, s.ConsumerSecret = "", "", "other"
		s.extra = []param{{"oauth_callback", "oob"}}
		resp := asked(t, s, "POST", tw.URL()+"/oauth/request_token", nil)
		if got := text(t, resp); resp.StatusCode != 401 || got != "Failed to validate oauth signature and token" {
			t.Errorf("%d %q", resp.StatusCode, got)
		}
	})
	t.Run("no request token", func(t *testing.T) {
		t.Parallel()
		s := defaultSigner()
		s.OAuthToken = ""
		resp := asked(t, s, "POST", tw.URL()+"/oauth/access_token", nil)
		if got := text(t, resp); resp.StatusCode != 401 || got != "Reverse auth credentials are invalid" {
			t.Errorf("%d %q", resp.StatusCode, got)
		}
	})
	t.Run("page of an unknown token", func(t *testing.T) {
		t.Parallel()
		resp := asked(t, defaultSigner(), "GET", tw.URL()+"/oauth/authorize?oauth_token=%3Cscript%3E", nil)
		if got := text(t, resp); resp.StatusCode != 403 || strings.Contains(got, "<script>") {
			t.Errorf("%d %q", resp.StatusCode, got)
		}
	})
}

// TestIndependentSigner lets python3-oauthlib, which knows nothing of us, walk
// through the flow and open a POST stream.
func TestIndependentSigner(t *testing.T) {
	t.Parallel()
	python := ""
	for _, candidate := range []string{"python3", "/usr/bin/python3"} { // the second has Debian's packages
		if exec.CommandContext(t.Context(), candidate, "-c", "import oauthlib").Run() == nil {
			python = candidate
			break
		}
	}
	if python == "" {
		t.Skip("no python3 with oauthlib is installed (Debian: python3-oauthlib)")
	}
	tw := startTwitter(t, TwitterConfig{Rate: 100})
	out, err := exec.CommandContext(t.Context(), python, "-c", oauthlibFlow, tw.URL()).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "200" {
		t.Errorf("oauthlib: %v\n%s", err, out)
	}
	if len(tw.Connections()) != 1 {
		t.Errorf("%d streams were opened, want 1", len(tw.Connections()))
	}
}

const oauthlibFlow = `
import re, sys, urllib.request, urllib.parse
from oauthlib.oauth1 import Client
base = sys.argv[1]
def call(client, method, path, body=None):
    headers = {'Content-Type': 'application/x-www-form-urlencoded'} if body else {}
    uri, headers, data = client.sign(base + path, method, body=body, headers=headers)
    data = data.encode() if data else (b'' if method == 'POST' else None)
    return urllib.request.urlopen(urllib.request.Request(uri, data=data, headers=headers, method=method))
app = dict(client_key='sandbox-app-key', client_secret='sandbox-app-secret')
rt = dict(urllib.parse.parse_qsl(call(Client(callback_uri='oob', **app), 'POST', '/oauth/request_token').read().decode()))
page = urllib.request.urlopen(base + '/oauth/authorize?oauth_token=' + rt['oauth_token']).read().decode()
pin = re.search(r'<code>(\d+)</code>', page).group(1)
at = dict(urllib.parse.parse_qsl(call(Client(resource_owner_key=rt['oauth_token'], resource_owner_secret=rt['oauth_token_secret'], verifier=pin, **app), 'POST', '/oauth/access_token').read().decode()))
user = Client(resource_owner_key=at['oauth_token'], resource_owner_secret=at['oauth_token_secret'], **app)
answer = call(user, 'POST', '/1.1/statuses/filter.json?stall_warnings=true', urllib.parse.urlencode({'track': 'caf\u00e9 & "two words",~'}))
answer.readline()
print(answer.status)
`

func TestFilterNeedsAPredicate(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Rate: 100})
	for _, tt := range []struct {
		name, method, query string
		form                url.Values
		want                int
	}{
		{"GET", "GET", "?track=a%20b", nil, 200},
		{"form", "POST", "", url.Values{"track": {"a b", "c,d+e"}}, 200},
		{"none", "GET", "", nil, 406},
		{"empty form", "POST", "", url.Values{"language": {"en"}}, 406},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp := asked(t, defaultSigner(), tt.method, tw.URL()+"/1.1/statuses/filter.json"+tt.query, tt.form)
			if resp.StatusCode != tt.want {
				t.Errorf("%s, want %d", resp.Status, tt.want)
			}
		})
	}
	t.Run("a form changed on its way", func(t *testing.T) {
		t.Parallel()
		s := defaultSigner()
		r, err := http.NewRequestWithContext(t.Context(), "POST", tw.URL()+"/1.1/statuses/filter.json", strings.NewReader("track=other"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		s.sign(r, url.Values{"track": {"mine"}})
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 401 {
			t.Errorf("%s, %v; want 401", resp.Status, err)
		}
	})
}
