//go:build unix

package cmd_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The application that xServer knows. Both parts need escaping on their way.
const (
	xKey    = "app:key"
	xSecret = "secret/with=all+of&it"
)

// xRule is a rule as xServer keeps it.
type xRule struct {
	ID    string `json:"id"`
	Value string `json:"value"`
	Tag   string `json:"tag,omitempty"`
}

// xServer is X's API v2 as far as the tests need it: token, rules and the
// filtered stream, by the facts that X has published.
type xServer struct {
	*httptest.Server

	mu      sync.Mutex // guards what follows
	token   string     // the one that is taken
	tokens  int        // handed out
	refuse  func(w http.ResponseWriter) bool
	streams []url.Values // queries of the connections that were let in
	rules   []xRule
	posts   []string // what is sent on the next connections, whole messages
	sent    int      // of them
	open    int      // connections
	changed chan struct{}
	nextID  int
}

// oneRule is enough for a stream to run.
var oneRule = xRule{ID: "1", Value: "storj"}

// newX starts one with these rules.
func newX(t testing.TB, rules ...xRule) *xServer {
	t.Helper()
	x := &xServer{token: "AAAA%2FBBBB%3D", rules: rules, changed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", x.giveToken)
	mux.HandleFunc("GET /2/tweets/search/stream", x.stream)
	mux.HandleFunc("GET /2/tweets/search/stream/rules", x.listRules)
	mux.HandleFunc("POST /2/tweets/search/stream/rules", x.changeRules)
	x.Server = httptest.NewServer(mux)
	t.Cleanup(func() { x.CloseClientConnections(); x.Close() })
	return x
}

// set changes the server and has its streams see it.
func (x *xServer) set(change func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change()
	close(x.changed)
	x.changed = make(chan struct{})
}

// look reads from the server.
func look[T any](x *xServer, read func() T) T {
	x.mu.Lock()
	defer x.mu.Unlock()
	return read()
}

// left returns when all connections are closed.
func (x *xServer) left(t testing.TB) {
	t.Helper()
	eventually(t, "the connection is closed", func() bool { return look(x, func() int { return x.open }) == 0 })
}

func problem(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

const unauthorized = `{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`

func (x *xServer) giveToken(w http.ResponseWriter, r *http.Request) {
	key, secret, _ := r.BasicAuth()
	key, _ = url.QueryUnescape(key)
	secret, _ = url.QueryUnescape(secret)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refuse != nil && x.refuse(w) {
		return
	}
	if key != xKey || secret != xSecret || r.FormValue("grant_type") != "client_credentials" {
		problem(w, http.StatusForbidden, `{"errors":[{"code":99,"label":"authenticity_token_error","message":"Unable to verify your credentials"}]}`)
		return
	}
	x.tokens++
	_ = json.NewEncoder(w).Encode(map[string]string{"token_type": "bearer", "access_token": x.token})
}

// admitted refuses whoever brings another token.
func (x *xServer) admitted(w http.ResponseWriter, r *http.Request) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.Header.Get("Authorization") == "Bearer "+x.token {
		return true
	}
	problem(w, http.StatusUnauthorized, unauthorized)
	return false
}

// stream sends posts as they are set, each once over all connections, with
// keep-alives in between.
func (x *xServer) stream(w http.ResponseWriter, r *http.Request) {
	if !x.admitted(w, r) {
		return
	}
	x.mu.Lock()
	if len(x.rules) == 0 {
		x.mu.Unlock()
		problem(w, http.StatusConflict, `{"title":"ConnectionException","detail":"You must define rules.","connection_issue":"RuleConfigurationIssue","type":"https://api.twitter.com/2/problems/streaming-connection"}`)
		return
	}
	x.streams, x.open = append(x.streams, r.URL.Query()), x.open+1
	x.mu.Unlock()
	defer func() { x.mu.Lock(); x.open--; x.mu.Unlock() }()
	w.WriteHeader(http.StatusOK)
	for {
		text, changed := x.next()
		if _, err := io.WriteString(w, text+"\r\n"); err != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		if text == "" {
			select {
			case <-r.Context().Done():
				return
			case <-changed:
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
}

// next returns a post, or nothing and what to wait for.
func (x *xServer) next() (text string, changed <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sent < len(x.posts) {
		x.sent++
		return x.posts[x.sent-1], nil
	}
	return "", x.changed
}

func (x *xServer) listRules(w http.ResponseWriter, r *http.Request) {
	if !x.admitted(w, r) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	from := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("pagination_token"), &from)
	page := x.rules[from:min(len(x.rules), from+2)] // small ones, to have several
	meta := map[string]any{"sent": "2026-01-01T00:00:00Z", "result_count": len(page)}
	if from+len(page) < len(x.rules) {
		meta["next_token"] = fmt.Sprint(from + len(page))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": page, "meta": meta})
}

func (x *xServer) changeRules(w http.ResponseWriter, r *http.Request) {
	if !x.admitted(w, r) {
		return
	}
	var asked struct {
		Add    []xRule
		Delete struct{ IDs []string }
	}
	if json.NewDecoder(r.Body).Decode(&asked) != nil {
		problem(w, http.StatusBadRequest, `{"title":"Invalid Request","type":"https://api.twitter.com/2/problems/invalid-request"}`)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	before := len(x.rules)
	x.rules = slices.DeleteFunc(x.rules, func(have xRule) bool { return slices.Contains(asked.Delete.IDs, have.ID) })
	deleted := before - len(x.rules)
	var added []xRule
	var errors []map[string]any
	for _, rule := range asked.Add {
		switch {
		case strings.Contains(rule.Value, "bad:"):
			errors = append(errors, map[string]any{"value": rule.Value, "details": []string{"Reference to invalid operator 'bad'."}, "title": "UnprocessableEntity", "type": "https://api.twitter.com/2/problems/invalid-rules"})
		case slices.ContainsFunc(x.rules, func(have xRule) bool { return have.Value == rule.Value }):
			errors = append(errors, map[string]any{"value": rule.Value, "id": "1", "title": "DuplicateRule", "type": "https://api.twitter.com/2/problems/duplicate-rules"})
		default:
			x.nextID++
			rule.ID = fmt.Sprint(1000 + x.nextID)
			added = append(added, rule)
		}
	}
	if r.URL.Query().Get("dry_run") != "true" && len(errors) == 0 {
		x.rules = append(x.rules, added...)
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"data": added, "errors": errors, "meta": map[string]any{"summary": map[string]int{
		"created": len(added), "not_created": len(errors), "deleted": deleted, "not_deleted": len(asked.Delete.IDs) - deleted,
	}}})
}

// post is a message with a number.
func post(n int) string {
	return fmt.Sprintf(`{"data":{"id":"%d","text":"post %d"},"matching_rules":[{"id":"1"}]}`, 1000000+n, n)
}

// send has n more posts sent.
func (x *xServer) send(n int) {
	x.set(func() {
		for range n {
			x.posts = append(x.posts, post(len(x.posts)))
		}
	})
}

// world makes a directory in which the binaries read from x.
func (x *xServer) world(t testing.TB, extra map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.store, w.config = filepath.Join(w.dir, "store"), filepath.Join(w.dir, "config.ini")
	text := "[DEFAULT]\nwarn = 0\nupload_url = none\nstream_url = " + x.URL + "/2/tweets/search/stream\n"
	for key, value := range extra {
		text += key + " = " + value + "\n"
	}
	put(t, w.config, text)
	put(t, filepath.Join(w.dir, "config_twitter_api.ini"), "[DEFAULT]\nCONSUMER_KEY = "+xKey+"\nCONSUMER_SECRET = "+xSecret+"\n")
	return w
}

// inStore returns the texts of all messages in the store.
func (w *world) inStore() (messages []string) {
	w.t.Helper()
	for _, name := range w.names(func(name string) bool { return !strings.HasPrefix(name, ".") || strings.HasPrefix(name, "."+prefix) }) {
		data, err := os.ReadFile(filepath.Join(w.store, name))
		if err == nil && len(data) > 0 {
			messages = append(messages, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")...)
		}
	}
	return messages
}
