package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/storj/twitter-stream/pkg/redact"
)

// problem is one of X's API v2, as an answer or inside the stream. Its type is
// a URI whose host has changed over the years: only the last part counts (X,
// response codes and errors).
type problem struct {
	Title, Detail, Type string
	ConnectionIssue     string `json:"connection_issue"`
	DisconnectType      string `json:"disconnect_type"`
	Reason              string
	RegistrationURL     string `json:"registration_url"`
	Period              string
}

const (
	bearerHint = "check the bearer token, or CONSUMER_KEY and CONSUMER_SECRET that it is fetched with"
	rulesHint  = "set the stream's rules, which stand in a file, one a line: grabber rules sync FILE"
	appHint    = "the app must belong to a project whose plan has this stream: see the developer portal"
	freeHint   = "stop the other copy; a connection that hangs at the service is freed by DELETE /2/connections/all with the same token:" +
		` curl -X DELETE -H "Authorization: Bearer $BEARER_TOKEN" https://api.x.com/2/connections/all`
	waitHint   = "nothing is to be done: the service asks to connect again, and so we do"
	portalHint = "wait for the next period, or buy more or raise the cap: see the developer portal; it is tried again every hour"
)

// problems are what the problems mean, by the last part of their type.
var problems = map[string]sentence{
	"streaming-connection":        {RateLimit, "the service takes no further connection", freeHint},
	"operational-disconnect":      {Network, "the service has ended the connection", waitHint},
	"client-disconnected":         {Network, "the service says that we left", "if this repeats itself, check the network"},
	"usage-capped":                {RateLimit, "the posts that were paid for are used up", portalHint},
	"client-forbidden":            {Credentials, "this app may not read this stream", appHint},
	"unsupported-authentication":  {Credentials, "this stream is not read with these credentials", "it wants an app's bearer token: set stream_auth = bearer"},
	"oauth1-permissions":          {Credentials, "the app lacks the permission", appHint},
	"not-authorized-for-resource": {Credentials, "these credentials may not read this stream", appHint},
	"disallowed-resource":         {Credentials, "this may not be read", appHint},
	"invalid-request":             {Refused, "the service did not understand the request", "check stream_url and stream_parameters"},
	"invalid-rules":               {Refused, "a rule of the stream is not valid", "correct it; " + rulesHint},
	"noncompliant-rules":          {Refused, "a rule of the stream is not allowed", "the service's rules forbid it: change it; " + rulesHint},
	"duplicate-rules":             {Refused, "a rule of the stream exists twice", "keep it once; " + rulesHint},
	"rule-cap":                    {Refused, "the stream would have too many rules", "remove some or join them by OR; " + rulesHint},
	"resource-not-found":          {Refused, "there is no such stream", "check the path of stream_url"},
	"resource-unavailable":        {HTTP, "the stream is not available now", "if this lasts, see the developer portal's status page"},
}

// issues are what a streaming-connection is about, by its connection_issue.
var issues = map[string]sentence{
	"TooManyConnections":       {RateLimit, "the service takes no further connection", freeHint},
	"RuleConfigurationIssue":   {Refused, "the stream has no rules yet", rulesHint},
	"RulesInvalidIssue":        {Refused, "the stream's rules are not valid", rulesHint},
	"ProvisioningSubscription": {HTTP, "the service is still setting the stream up", "it takes some minutes after the app was given access"},
}

// disconnects are what an operational-disconnect is about, by its
// disconnect_type, where that says more.
var disconnects = map[string]sentence{
	"UpstreamUncleanDisconnect":      {Network, "the connection within the service broke", waitHint},
	"InternalError":                  {Network, "the service has failed inside", waitHint},
	"SlowReader":                     {Network, "we read too slowly", "check this computer's disk and network"},
	"InvalidRules":                   {Refused, "the stream's rules are not valid any more", rulesHint},
	"ClientApplicationStateDegraded": {Credentials, "the app may not stream any more", appHint},
	"ForceDisconnect":                {RateLimit, "another connection has taken this one's place", freeHint},
}

// sentence returns what a problem means; known is false where its type is none
// of those above.
func (p problem) sentence() (meaning sentence, known bool) {
	meaning, known = problems[path.Base(p.Type)]
	if issue, ok := issues[p.ConnectionIssue]; ok {
		meaning, known = issue, true
	}
	if disconnect, ok := disconnects[p.DisconnectType]; ok {
		meaning, known = disconnect, true
	}
	if p.Title == "UsageCapExceeded" {
		meaning, known = problems["usage-capped"], true
	}
	if u := redact.URL(p.RegistrationURL); p.RegistrationURL != "" && known {
		meaning.hint += " (" + redact.Text(u) + ")"
	}
	return meaning, known
}

// text is the service's own words.
func (p problem) text() string {
	var words []string
	for _, word := range []string{p.DisconnectType, p.ConnectionIssue, p.Reason, p.Period, p.Detail} {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		words = append(words, p.Title)
	}
	return redact.Text(strings.Join(words, ": "))
}

// capped reports a wait that no short ladder ends.
func (p problem) capped() bool {
	return path.Base(p.Type) == "usage-capped" || p.Title == "UsageCapExceeded"
}

// parseProblem takes a problem, or the first of a list of them. ok is false for
// anything else.
func parseProblem(page []byte) (p problem, ok bool) {
	var answer struct {
		problem
		Errors []problem `json:"errors"`
	}
	if json.Unmarshal(page, &answer) != nil {
		return problem{}, false
	}
	p = answer.problem
	if p.Type == "" && p.Title == "" && len(answer.Errors) > 0 {
		p = answer.Errors[0]
	}
	return p, p.Type != "" || p.Title != ""
}

// refusedByX returns what an answer of API v2 other than 200 means.
func (e *Error) refusedByX(resp *http.Response, page []byte) bool {
	p, ok := parseProblem(page)
	if !ok {
		return false
	}
	meaning, known := p.sentence()
	if !known {
		if meaning, known = sentences[resp.StatusCode]; !known {
			return false
		}
		if resp.StatusCode == http.StatusUnauthorized {
			meaning.hint = bearerHint
		}
	}
	e.Kind, e.Hint = meaning.kind, meaning.hint
	if p.capped() {
		e.RetryAfter = maxRetryAfter
	}
	e.Err = errors.New(status(resp) + ": " + meaning.text + ": " + p.text())
	return true
}

// troubleOfX reports whether a message of API v2 is an error of the stream
// itself: errors without data. Errors beside data are part of the post.
func troubleOfX(message []byte) (p problem, ok bool) {
	key, value := member(trimSpace(message)[1:])
	if string(key) == "data" && !bytes.HasPrefix(value, []byte("null")) {
		return problem{}, false
	}
	var m struct {
		Data   json.RawMessage `json:"data"`
		Errors []problem       `json:"errors"`
		problem
	}
	if json.Unmarshal(message, &m) != nil || m.Data != nil && string(m.Data) != "null" {
		return problem{}, false
	}
	if len(m.Errors) > 0 {
		return m.Errors[0], true
	}
	return m.problem, m.Type != "" && m.Title != ""
}
