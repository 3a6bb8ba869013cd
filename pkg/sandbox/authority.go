package sandbox

import (
	"crypto/hmac"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// timestampWindow is how far a request's timestamp may be off. Twitter never
// published its own; five minutes is the strictest that was reported.
const timestampWindow = 5 * time.Minute

// maxForm bounds a signed form; a filter's 5,000 ids are far below it.
const maxForm = 1 << 20

// refusal is why a request was not let in.
type refusal int

const (
	noAuthentication refusal = iota // no or unusable OAuth header
	badTimestamp
	badSignature // consumer key, signature, nonce
	badToken     // unknown or revoked
)

// code is Twitter's error code for API-style answers.
func (r refusal) code() int {
	return [...]int{215, 135, 32, 89}[r]
}

func (r refusal) message() string {
	return [...]string{
		"Bad Authentication data.", "Timestamp out of bounds.",
		"Could not authenticate you.", "Invalid or expired token.",
	}[r]
}

func (r refusal) status() int {
	if r == noAuthentication {
		return http.StatusBadRequest
	}
	return http.StatusUnauthorized
}

// authority verifies signed requests.
type authority struct {
	now       func() time.Time
	consumers map[string]string // key to secret

	mu     sync.Mutex
	nonces map[string]int64 // with consumer and token; value is the timestamp
}

// signed is a request that was let in.
type signed struct {
	oauth map[string]string // oauth_* of the header
	form  url.Values
}

// check verifies r. secretOf returns the secret that goes with the request's
// oauth_token ("" where the request must have none).
func (a *authority) check(r *http.Request, secretOf func(token string) (string, bool)) (signed, refusal, bool) {
	form, err := readForm(r)
	if err != nil {
		return signed{}, noAuthentication, false
	}
	header, err := headerParams(r.Header.Get("Authorization"))
	if err != nil || len(header) == 0 {
		return signed{}, noAuthentication, false
	}
	oauth := map[string]string{}
	params := append(valuesParams(r.URL.Query()), valuesParams(form)...)
	for _, p := range header {
		oauth[p.name] = p.value
		if p.name != "realm" && p.name != "oauth_signature" {
			params = append(params, p)
		}
	}
	if v, ok := oauth["oauth_version"]; oauth["oauth_signature_method"] != "HMAC-SHA1" || oauth["oauth_nonce"] == "" || ok && v != "1.0" {
		return signed{}, noAuthentication, false
	}
	if !a.timely(oauth["oauth_timestamp"]) {
		return signed{}, badTimestamp, false
	}
	consumerSecret, ok := a.consumers[oauth["oauth_consumer_key"]]
	if !ok {
		return signed{}, badSignature, false
	}
	tokenSecret, ok := secretOf(oauth["oauth_token"])
	if !ok {
		return signed{}, badToken, false
	}
	want := hmacSHA1(baseString(r.Method, baseURI(r), params), consumerSecret, tokenSecret)
	if !hmac.Equal([]byte(want), []byte(oauth["oauth_signature"])) || !a.fresh(oauth) {
		return signed{}, badSignature, false
	}
	return signed{oauth, form}, 0, true
}

// readForm returns a form body, the only kind that is signed (RFC 5849,
// 3.4.1.3.1).
func readForm(r *http.Request) (url.Values, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" {
		return nil, nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxForm {
		return nil, errors.New("form too long")
	}
	return url.ParseQuery(string(b))
}

func (a *authority) timely(timestamp string) bool {
	sec, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && a.now().Sub(time.Unix(sec, 0)).Abs() <= timestampWindow
}

// fresh remembers a nonce and reports whether it was new (RFC 5849, 3.3). It
// forgets what the timestamp alone would refuse.
func (a *authority) fresh(oauth map[string]string) bool {
	id := oauth["oauth_consumer_key"] + "\x00" + oauth["oauth_token"] + "\x00" + oauth["oauth_timestamp"] + "\x00" + oauth["oauth_nonce"]
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, used := a.nonces[id]; used {
		return false
	}
	if len(a.nonces) >= 4096 {
		oldest := a.now().Add(-2 * timestampWindow).Unix()
		for k, sec := range a.nonces {
			if sec < oldest {
				delete(a.nonces, k)
			}
		}
	}
	sec, _ := strconv.ParseInt(oauth["oauth_timestamp"], 10, 64) // timely has checked it
	a.nonces[id] = sec
	return true
}
