package sandbox

import (
	"crypto/rand"
	"fmt"
	"html"
	"math/big"
	"net/http"
	"net/url"
	"sync"
)

// Credentials are the four of Twitter.
type Credentials struct {
	ConsumerKey, ConsumerSecret  string
	OAuthToken, OAuthTokenSecret string
}

// DefaultCredentials are what a Twitter of the sandbox accepts unless told
// otherwise. They open nothing anywhere else.
func DefaultCredentials() Credentials {
	return Credentials{
		ConsumerKey: "sandbox-app-key", ConsumerSecret: "sandbox-app-secret",
		OAuthToken: "1-sandbox-token", OAuthTokenSecret: "sandbox-token-secret",
	}
}

// authorisation is one walk through the PIN flow.
type authorisation struct{ secret, pin string }

// tokens are what the three OAuth endpoints have given out.
type tokens struct {
	mu      sync.Mutex
	pending map[string]*authorisation // by request token
	access  map[string]string         // token to secret
}

func (t *tokens) requestSecret(token string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.pending[token]
	if !ok {
		return "", false
	}
	return a.secret, true
}

func (t *tokens) accessSecret(token string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	secret, ok := t.access[token]
	return secret, ok
}

// requestToken is step one of the PIN flow: POST /oauth/request_token.
func (t *Twitter) requestToken(w http.ResponseWriter, r *http.Request) {
	ok, why, in := t.authority.check(r, func(token string) (string, bool) { return "", token == "" })
	switch {
	case !in && why == badTimestamp:
		jsonError(w, why.status(), why.code(), why.message())
		return
	case !in || ok.oauth["oauth_callback"] == "":
		plain(w, http.StatusUnauthorized, "Failed to validate oauth signature and token")
		return
	}
	token, a := rand.Text(), &authorisation{secret: rand.Text(), pin: newPIN()}
	t.tokens.mu.Lock()
	t.tokens.pending[token] = a
	t.tokens.mu.Unlock()
	_, unconfirmed := t.faults.Take("unconfirmed")
	plain(w, http.StatusOK, url.Values{
		"oauth_token": {token}, "oauth_token_secret": {a.secret},
		"oauth_callback_confirmed": {fmt.Sprint(!unconfirmed)},
	}.Encode())
}

// newPIN returns seven random digits.
func newPIN() string {
	n, err := rand.Int(rand.Reader, big.NewInt(10_000_000))
	if err != nil { // documented never to happen
		panic(err)
	}
	return fmt.Sprintf("%07d", n)
}

// PIN returns the PIN that the authorise page shows for a request token.
func (t *Twitter) PIN(requestToken string) (pin string, ok bool) {
	t.tokens.mu.Lock()
	defer t.tokens.mu.Unlock()
	a, ok := t.tokens.pending[requestToken]
	if !ok {
		return "", false
	}
	return a.pin, true
}

// authorize is step two, the page that a person opens.
func (t *Twitter) authorize(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	pin, ok := t.PIN(r.URL.Query().Get("oauth_token"))
	if !ok {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, authorizePage, "Nothing to authorize", "<p>The request token for this page is invalid. It may have been used already, or it expired because it is too old. Start the authorisation again.</p>")
		return
	}
	fmt.Fprintf(w, authorizePage, "You have granted access to twitter-stream",
		"<p id=\"code-desc\">Next, return to twitter-stream and enter this PIN to complete the authorisation:</p>\n"+
			"<kbd aria-labelledby=\"code-desc\"><code>"+html.EscapeString(pin)+"</code></kbd>\n<p class=\"note\">It works once.</p>")
}

// accessToken is step three: POST /oauth/access_token.
func (t *Twitter) accessToken(w http.ResponseWriter, r *http.Request) {
	ok, why, in := t.authority.check(r, t.tokens.requestSecret)
	switch {
	case !in && why == badToken:
		plain(w, http.StatusUnauthorized, "Reverse auth credentials are invalid")
		return
	case !in:
		jsonError(w, why.status(), why.code(), why.message())
		return
	}
	verifier := ok.oauth["oauth_verifier"]
	if verifier == "" {
		verifier = ok.form.Get("oauth_verifier")
	}
	token, secret, accepted := t.tokens.exchange(ok.oauth["oauth_token"], verifier)
	if !accepted {
		plain(w, http.StatusUnauthorized, "Error processing your OAuth request: Invalid oauth_verifier parameter")
		return
	}
	plain(w, http.StatusOK, url.Values{
		"oauth_token": {token}, "oauth_token_secret": {secret},
		"user_id": {"1"}, "screen_name": {"sandbox"},
	}.Encode())
}

// exchange trades a request token and its PIN for an access token. Right or
// wrong, a PIN is good for one try.
func (t *tokens) exchange(request, pin string) (token, secret string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.pending[request]
	delete(t.pending, request)
	if !ok || pin == "" || pin != a.pin {
		return "", "", false
	}
	token, secret = "1-"+rand.Text(), rand.Text()
	t.access[token] = secret
	return token, secret, true
}

const authorizePage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox: authorize an application</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:16px/1.5 system-ui,sans-serif;background:#eef3f7;color:#1c2733;margin:0;display:grid;place-items:center;min-height:100vh}
main{background:#fff;border:1px solid #d5dfe7;border-radius:12px;padding:2.5rem 3rem;max-width:26rem;text-align:center}
h1{font-size:1.25rem;margin:.5rem 0 1rem}kbd code{font:700 2.75rem/1.4 ui-monospace,monospace;letter-spacing:.15em;color:#0b6fb3}
.mark{display:inline-block;background:#0b6fb3;color:#fff;border-radius:999px;padding:.1rem .8rem;font-size:.8rem}.note{color:#66788a;font-size:.85rem}
</style></head>
<body><main><span class="mark">sandbox, not Twitter</span><h1>%s</h1>
%s
</main></body></html>
`
