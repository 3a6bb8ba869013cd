package x

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// problem is what X answers errors with (docs.x.com, response codes and
// errors). The type is a URI of which the host has changed over the years.
type problem struct {
	Title           string `json:"title,omitempty"`
	Detail          string `json:"detail,omitempty"`
	Type            string `json:"type,omitempty"`
	Status          int    `json:"status,omitempty"`
	ConnectionIssue string `json:"connection_issue,omitempty"`
	DisconnectType  string `json:"disconnect_type,omitempty"`
	Reason          string `json:"reason,omitempty"`
	RegistrationURL string `json:"registration_url,omitempty"`
	Period          string `json:"period,omitempty"`
	Scope           string `json:"scope,omitempty"`
	AccountID       string `json:"account_id,omitempty"`
	// Of a rule.
	Value   string   `json:"value,omitempty"`
	ID      string   `json:"id,omitempty"`
	Details []string `json:"details,omitempty"`

	status int // of the answer, where the body does not say
}

const problems = "https://api.twitter.com/2/problems/"

var (
	tooMany = problem{
		Title: "ConnectionException", Detail: "This stream is currently at the maximum allowed connection limit.",
		ConnectionIssue: "TooManyConnections", Type: problems + "streaming-connection", status: http.StatusTooManyRequests,
	}
	noRules = problem{
		Title: "ConnectionException", Detail: "You must define rules before connecting. You can do this via POST /2/tweets/search/stream/rules.",
		ConnectionIssue: "RuleConfigurationIssue", Type: problems + "streaming-connection", status: http.StatusConflict,
	}
	badRules = problem{
		Title: "ConnectionException", Detail: "The rules of this stream are not valid any more.",
		ConnectionIssue: "RulesInvalidIssue", Type: problems + "streaming-connection", status: http.StatusConflict,
	}
	provisioning = problem{
		Title: "ConnectionException", Detail: "Your subscription change is currently being provisioned, please try again in a minute.",
		ConnectionIssue: "ProvisioningSubscription", Type: problems + "streaming-connection", status: http.StatusServiceUnavailable,
	}
	capped = problem{
		Title: "UsageCapExceeded", Detail: "Usage cap exceeded: Monthly product cap", Type: problems + "usage-capped",
		Period: "Monthly", Scope: "Product", AccountID: "1", status: http.StatusTooManyRequests,
	}
	notEnrolled = problem{
		Title: "Client Forbidden", Detail: "When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens from a developer App that is attached to a Project.",
		Type: problems + "client-forbidden", Reason: "client-not-enrolled", RegistrationURL: "https://developer.x.com/en/docs/projects/overview", status: http.StatusForbidden,
	}
	unsupported = problem{
		Title:  "Unsupported Authentication",
		Detail: "Authenticating with OAuth 1.0a User Context is forbidden for this endpoint.  Supported authentication types are [OAuth 2.0 Application-Only].",
		Type:   problems + "unsupported-authentication", Status: http.StatusForbidden,
	}
)

// answer writes a problem; one with a status alone is "about:blank", whose
// title is the status' text (RFC 9457).
func (p problem) answer(w http.ResponseWriter) {
	status := max(p.status, p.Status)
	if p.Title == "" {
		p.Title, p.Type = http.StatusText(status), "about:blank"
		if p.Detail == "" {
			p.Detail = p.Title
		}
	}
	b, err := json.Marshal(p)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(b)
}

// invalid is a request that X does not understand.
func invalid(detail string) problem {
	return problem{Title: "Invalid Request", Detail: detail, Type: problems + "invalid-request", status: http.StatusBadRequest}
}

// refuse answers with a status; those of the edge before X come without JSON.
func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	switch {
	case status == http.StatusTooManyRequests:
		rateLimited(w, 1)
	case status >= 500:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		w.Write([]byte("<html><head><title>" + http.StatusText(status) + "</title></head><body></body></html>\n"))
	default:
		problem{Status: status}.answer(w)
	}
}

// rateLimited is a rate limit in the older API's words, which are met still.
func rateLimited(w http.ResponseWriter, seconds int) {
	w.Header().Set("X-Rate-Limit-Limit", "50")
	w.Header().Set("X-Rate-Limit-Remaining", "0")
	w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(time.Now().Add(time.Duration(seconds)*time.Second).Unix(), 10))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	w.Write([]byte(`{"errors":[{"code":88,"message":"Rate limit exceeded"}]}`))
}
