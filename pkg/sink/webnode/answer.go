package webnode

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// answer is what a node says of an upload that it took.
type answer struct {
	FileHash string // 64 lower-case hex digits
	Key      string // the same, a secret; "" where the node does not encrypt
}

// readAnswer reads one answer, leniently: unknown fields, upper-case hex and
// whatever follows the object do not matter. Its errors quote nothing, for the
// answer may hold a key.
func readAnswer(r io.Reader) (answer, error) {
	// An error while reading is not looked at: what came may be complete.
	text, readErr := io.ReadAll(io.LimitReader(r, redact.MaxBody))
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var said struct {
		FileHash *string `json:"filehash"`
		Key      *string `json:"key"`
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&said); err != nil {
		if readErr != nil {
			return answer{}, errors.New("the node's answer was cut off")
		}
		return answer{}, errors.New("the node's answer is not the JSON of a web node")
	}
	a := answer{FileHash: hexOf(said.FileHash), Key: hexOf(said.Key)}
	switch {
	case !isHash(a.FileHash):
		return answer{}, errors.New("the node's answer holds no file hash")
	case a.Key != "" && !isHash(a.Key):
		return answer{}, errors.New("the node's answer holds a key that is not one")
	}
	return a, nil
}

func hexOf(s *string) string {
	if s == nil {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(*s))
}

// refused turns an answer that is not a success into an error.
func (n *Node) refused(res *http.Response, obj sink.Object) error {
	body := n.quote(res.Body)
	e := n.fail(obj, kindOf(res.StatusCode, body), errors.New(statusText(res.StatusCode, body)))
	e.Status = res.StatusCode
	e.RetryAfter = retryAfter(res.Header.Get("Retry-After"), n.cfg.Now())
	if to := res.Header.Get("Location"); to != "" && res.StatusCode/100 == 3 {
		e.Err = fmt.Errorf("%d: the URL has moved to %s", res.StatusCode, n.moved(to))
	}
	e.Hint = hint(e.Kind, res.StatusCode)
	return e
}

// kindOf is the table of what an answer means. Those of web-core are 201, 400,
// 402, 413 and 500 (Storj/web-core, README and webcore/); the rest comes from
// what stands before a node, or from a URL that is no node's.
func kindOf(status int, body string) sink.Kind {
	switch {
	case status == 400, status == 413:
		return sink.Permanent
	case status == 401, status == 403:
		return sink.Credentials
	case status == 402, status == 507, status == 500 && isFull(body):
		return sink.Pause
	case status/100 == 3, status == 501:
		return sink.Misdirected
	}
	switch status {
	case 404, 405, 406, 410, 415, 416:
		return sink.Misdirected
	}
	return sink.Temporary
}

// isFull knows web-core's word for "no room here", and the one that it had
// until 2014-04-29.
func isFull(body string) bool {
	body = strings.ToLower(body)
	return strings.Contains(body, "upload-error") || strings.Contains(body, "upload failed")
}

func hint(kind sink.Kind, status int) string {
	switch kind {
	case sink.Permanent:
		return "the node does not take this file; another node may"
	case sink.Credentials:
		return "check upload_token in config.ini"
	case sink.Misdirected:
		return "check upload_url in config.ini"
	case sink.Pause:
		if status == 402 {
			return "top up the balance of the account behind upload_token"
		}
		return "the node has no room; it is tried again from time to time"
	}
	return ""
}

func statusText(status int, body string) string {
	text := strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
	if body == "" {
		return text
	}
	return text + ": " + body
}

var longHex = regexp.MustCompile(`[0-9A-Fa-f]{32,}`)

// quote returns the beginning of an answer, fit to be shown: the error's word
// where there is one, without anything that may be a key or our own token.
func (n *Node) quote(r io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(r, redact.MaxBody)) // what came before an error is still worth showing
	var said struct{ Error string }
	if json.Unmarshal(text, &said) == nil && said.Error != "" {
		text = []byte(said.Error)
	}
	return redact.Body(strings.NewReader(n.scrub(string(text))))
}

// scrub removes secrets from a foreign text.
func (n *Node) scrub(text string) string {
	if n.cfg.Token != "" {
		text = strings.ReplaceAll(text, n.cfg.Token, "[token]")
		text = strings.ReplaceAll(text, url.QueryEscape(n.cfg.Token), "[token]")
	}
	return longHex.ReplaceAllString(text, "[hex]")
}

func (n *Node) moved(to string) string {
	u, err := n.target.Parse(to)
	if err != nil {
		return redact.URL(to)
	}
	return n.scrub(redact.URL(u.String()))
}

// retryAfter reads the header's two forms: seconds and a date (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	const most = 24 * time.Hour // no caller waits longer; keeps the product in range
	s, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(s)*time.Second, most)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), most)
}

// unproven is a success that proves nothing: the file is not there as far as we know.
func (n *Node) unproven(res *http.Response, obj sink.Object, err error) error {
	e := n.fail(obj, sink.Temporary, fmt.Errorf("%d, but not proven: %w", res.StatusCode, err))
	e.Status = res.StatusCode
	return e
}

// broken is a try without an answer.
func (n *Node) broken(ctx context.Context, trying context.Context, up *upload, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if fault := up.fault(); fault != nil {
		return n.fail(up.obj, sink.Changed, fault)
	}
	if cause := context.Cause(trying); cause != nil {
		err = cause
	}
	// The inner error is dropped: it may quote what a server sent, or the URL.
	return n.fail(up.obj, sink.Temporary, errors.New(redact.Text(n.scrub(err.Error()))))
}

func (n *Node) fail(obj sink.Object, kind sink.Kind, err error) *sink.Error {
	return &sink.Error{Kind: kind, URL: n.shown, Name: redact.Text(obj.Name), Err: err}
}
