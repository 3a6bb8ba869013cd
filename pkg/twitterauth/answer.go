package twitterauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
)

// skewAllowed is how far clocks may differ before that is named as the cause of
// a refusal. Twitter's own tolerance is not published; reports begin at five
// minutes.
const skewAllowed = 5 * time.Minute

// Codes of Twitter's error answers (Twitter, response codes).
const (
	codeAuthenticate = 32  // bad signature or keys
	codeToken        = 89  // invalid or expired token
	codeTimestamp    = 135 // timestamp out of bounds
	codeUnverified   = 99  // the application's key or secret is wrong
	codeNoData       = 215 // bad authentication data
	codeCallback     = 415 // callback URL not approved
)

const (
	hintPIN      = "each PIN works once, and only with the page that showed it: open the new URL and type the PIN that it shows"
	hintKey      = "check the application's key and secret (whole, without blanks, not those of the access token; regenerated ones replace the old) and that the application is not suspended"
	hintCallback = "in the application's settings turn on user authentication and enter a callback URL (any will do), then try again"
	hintURL      = "this does not look like Twitter's answer: check request_token_url and access_token_url, and whether a proxy or login page stands between"
	hintToken    = "this does not look like X's answer: check the host of stream_url, and whether a proxy or login page stands between"
	hintLater    = "the service is busy or has had enough for now: try again in some minutes"
	hintAccess   = "the application may not do this: check its access level in the developer portal"
)

// step is how the same refusal is read at each end of the flow.
type step int

const (
	requestStep step = iota
	accessStep
	appStep
)

// hint is what to do about an answer that fits nothing.
func (s step) hint() string {
	if s == appStep {
		return hintToken
	}
	return hintURL
}

// failure explains why the library got no token out of the exchange.
func (x *exchange) failure(at step) *Error {
	switch {
	case x.err != nil:
		return x.noAnswer()
	case x.status == 0:
		return x.error(Unexpected, errors.New("the request could not be made"), at.hint())
	case x.status >= 200 && x.status < 300: // the body may hold half a token: not shown
		return x.error(Unexpected, fmt.Errorf("the answer of %d bytes holds no token", len(x.body)), at.hint())
	case x.status >= 300 && x.status < 400:
		return x.error(Unexpected, fmt.Errorf("the URL has moved to %s", redact.URL(x.location)), "write the new URL into config.ini if you trust it")
	}
	codes, message := x.message()
	cause := fmt.Errorf("%d %s", x.status, http.StatusText(x.status))
	if message != "" {
		cause = fmt.Errorf("%w: %s", cause, message)
	}
	kind, hint := x.classify(at, codes, strings.ToLower(message))
	return x.error(kind, cause, hint)
}

// classify decides what a refusal means (Twitter, response codes, and what
// clients of old have seen).
func (x *exchange) classify(at step, codes map[int]bool, message string) (Kind, string) {
	switch {
	case codes[codeTimestamp], at != appStep && x.refused() && x.skew.Abs() > skewAllowed:
		return ClockSkew, clockHint(x.skew)
	case codes[codeCallback], strings.Contains(message, "callback url"):
		return Unconfirmed, hintCallback
	case at == accessStep && (strings.Contains(message, "verifier") || codes[codeToken]):
		return WrongPIN, hintPIN
	case codes[codeUnverified], codes[codeAuthenticate], codes[codeNoData], codes[codeToken]:
		return RefusedKey, hintKey
	case x.status == http.StatusUnauthorized && at == accessStep:
		return WrongPIN, hintPIN // the key was taken a moment ago
	case x.status == http.StatusUnauthorized:
		return RefusedKey, hintKey
	case x.status == http.StatusForbidden:
		return RefusedKey, hintAccess
	case x.status == 420, x.status == http.StatusTooManyRequests, x.status >= 500:
		return Network, hintLater
	}
	return Unexpected, at.hint()
}

// refused reports an answer that a wrong timestamp may have caused.
func (x *exchange) refused() bool {
	return x.status == http.StatusUnauthorized || x.status == http.StatusBadRequest || x.status == http.StatusForbidden
}

func clockHint(skew time.Duration) string {
	const remedy = ": set it, best by NTP (timedatectl set-ntp true), and try again"
	direction := "behind"
	if skew < 0 {
		direction = "ahead"
	}
	if skew.Abs() < time.Second {
		return "your clock is wrong" + remedy
	}
	rounded := skew.Abs().Round(time.Second)
	if rounded >= time.Minute {
		rounded = rounded.Round(time.Minute)
		return fmt.Sprintf("your clock is %s %s%s", strings.TrimSuffix(rounded.String(), "0s"), direction, remedy)
	}
	return fmt.Sprintf("your clock is %v %s%s", rounded, direction, remedy)
}

// message returns what an error answer says, be it JSON, text or HTML, and the
// codes in it. What it echoes of our secrets is taken out.
func (x *exchange) message() (codes map[int]bool, message string) {
	var answer struct {
		Errors []struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	codes = map[int]bool{}
	text := string(x.body)
	if err := json.Unmarshal(x.body, &answer); err == nil && len(answer.Errors) > 0 {
		var messages []string
		for _, e := range answer.Errors {
			codes[e.Code] = true
			messages = append(messages, fmt.Sprintf("%s (code %d)", e.Message, e.Code))
		}
		text = strings.Join(messages, "; ")
	}
	for _, secret := range append(x.secrets, x.cfg.Consumer.Key, x.cfg.Consumer.Secret) {
		if len(secret) > 3 { // shorter ones would make holes everywhere
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return codes, redact.Body(strings.NewReader(text))
}
