package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/stream"
)

const (
	// room is how many rules a stream may have at least (X, filtered stream:
	// 1,000, with Enterprise 25,000).
	room = 1000
	// batch is how many rules are sent at once: 100 requests are allowed in 15
	// minutes (X, rate limits), and each of these stays of a handy size.
	batch = 100
	// perPage is the most that a page of the list may have, and maxPages more
	// than any plan needs.
	perPage, maxPages = 1000, 200
	// maxAnswer is what an answer may have: a page of a thousand rules at their
	// longest, escaped, is far larger than other answers.
	maxAnswer = 16 << 20
	// answerWithin bounds one request.
	answerWithin = time.Minute
	// streamPath ends the path of the one stream that has rules.
	streamPath = "/tweets/search/stream"
)

// Config says whose rules they are.
type Config struct {
	StreamURL string       // of the filtered stream
	Client    *http.Client // its redirects are switched off
	UserAgent string
	Bearer    string // where the client's transport does not see to it; a secret
}

// Client asks the service. It is for one goroutine.
type Client struct {
	cfg  Config
	url  *url.URL
	http http.Client
}

// ErrNoRules says that a stream is none that has rules.
var ErrNoRules = errors.New("only X's filtered stream has rules, /2" + streamPath)

// New returns a client for the rules of a stream.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.StreamURL)
	if err != nil || !strings.HasSuffix(u.Path, streamPath) {
		return nil, ErrNoRules
	}
	c := &Client{cfg: cfg, url: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path + "/rules"}, http: *cfg.Client}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// answer is what the service says.
type answer struct {
	Data []Rule `json:"data"`
	Meta struct {
		NextToken string `json:"next_token"`
		Summary   struct {
			NotDeleted int `json:"not_deleted"`
		} `json:"summary"`
	} `json:"meta"`
	Errors []objection `json:"errors"`
}

// objection is what the service has against one rule.
type objection struct {
	Value   string   `json:"value"`
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Detail  string   `json:"detail"`
	Details []string `json:"details"`
	Type    string   `json:"type"`
}

// duplicate reports that there is such a rule already. Hosts of types have
// changed: only the last part of one counts (X, response codes and errors).
func (o objection) duplicate() bool {
	return path.Base(o.Type) == "duplicate-rules" || o.Title == "DuplicateRule"
}

// text is the service's own words.
func (o objection) text() string {
	words := append([]string{o.Detail}, o.Details...)
	text := strings.TrimSpace(strings.Join(words, " "))
	if text == "" {
		text = o.Title
	}
	if text == "" {
		text = path.Base(o.Type)
	}
	return redact.Text(text)
}

// List returns all rules. The error is a *stream.Error.
func (c *Client) List(ctx context.Context) ([]Rule, error) {
	var rules []Rule
	query := url.Values{"max_results": {strconv.Itoa(perPage)}}
	for range maxPages {
		page, err := c.call(ctx, http.MethodGet, query, nil)
		if err != nil {
			return nil, fmt.Errorf("list the rules: %w", err)
		}
		rules = append(rules, page.Data...)
		next := page.Meta.NextToken
		if next == "" || next == query.Get("pagination_token") {
			return rules, nil
		}
		query.Set("pagination_token", next)
	}
	return nil, fmt.Errorf("list the rules: %w", c.odd("the pages of rules do not end"))
}

// call makes one request.
func (c *Client) call(ctx context.Context, method string, query url.Values, body any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(data)
	}
	u := *c.url
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if c.cfg.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Bearer)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, stream.Broken(c.url, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{}, stream.Broken(c.url, err)
	}
	return c.understand(resp, data)
}

// understand takes an answer apart. Rules that the service does not like are no
// failed request, whatever the status says.
func (c *Client) understand(resp *http.Response, data []byte) (answer, error) {
	if len(data) > maxAnswer {
		return answer{}, c.odd(fmt.Sprintf("the answer has more than %d bytes", maxAnswer))
	}
	a, ok := parseAnswer(data)
	switch {
	case resp.StatusCode/100 == 2 && ok:
		return a, nil
	case resp.StatusCode == http.StatusBadRequest && ok && len(a.Errors) > 0 && a.Errors[0].Value != "":
		return a, nil
	case resp.StatusCode/100 == 2:
		return answer{}, c.odd("the answer is not the JSON of rules: " + redact.Body(bytes.NewReader(data)))
	}
	return answer{}, stream.Refusal(resp, data[:min(len(data), redact.MaxBody)])
}

func parseAnswer(data []byte) (a answer, ok bool) {
	if err := json.Unmarshal(data, &a); err != nil {
		return answer{}, false
	}
	return a, true
}

// odd is an answer that cannot be right.
func (c *Client) odd(text string) error {
	return &stream.Error{
		Kind: stream.HTTP, URL: redact.URL(c.url.String()), Err: errors.New(text),
		Hint: "a proxy or a login page may stand between: check the network and stream_url",
	}
}

// InvalidError is about rules that the service does not take. Its text has a
// line for each, with the file's name and the line's number; nothing has been
// changed.
type InvalidError struct {
	File  string
	Rules []Invalid
}

// Invalid is a rule, and what the service has against it.
type Invalid struct {
	Line   int    `json:"line"`
	Value  string `json:"value"`
	Detail string `json:"detail"`
}

func (e *InvalidError) Error() string {
	var lines []string
	for _, r := range e.Rules {
		lines = append(lines, fmt.Sprintf("%s:%d: %s: %s", e.File, r.Line, redact.Text(r.Value), r.Detail))
	}
	return strings.Join(lines, "\n")
}

// ExitCode implements the exitcode table.
func (e *InvalidError) ExitCode() int { return exitcode.Config }
