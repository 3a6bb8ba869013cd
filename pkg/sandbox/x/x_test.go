package x

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// ask sends a request with the token, unless header says otherwise.
func ask(t *testing.T, s *Server, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	resp := open(t, s, method, path, body, header...)
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(page)
}

func open(t *testing.T, s *Server, method, path, body string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token())
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

const stream = "/2/tweets/search/stream"

// TestProblems wants X's words for each refusal (docs.x.com).
func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path string
		cfg        Config
		faults     []string
		header     []string
		status     int
		says       string
	}{
		{"no rules", stream, Config{NoRules: true}, nil, nil, 409, `"connection_issue":"RuleConfigurationIssue"`},
		{"a sample has none", "/2/tweets/nonsense/stream", Config{}, nil, nil, 404, `"status":404`},
		{"oauth 1", stream, Config{}, nil, []string{"Authorization", `OAuth oauth_token="x"`}, 403, `unsupported-authentication"`},
		{"no token", stream, Config{}, nil, []string{"Authorization", ""}, 401, `{"title":"Unauthorized","detail":"Unauthorized","type":"about:blank","status":401}`},
		{"wrong token", stream, Config{}, nil, []string{"Authorization", "Bearer wrong"}, 401, `"about:blank"`},
		{"too many", stream, Config{}, []string{"too-many"}, nil, 429, `"connection_issue":"TooManyConnections"`},
		{"used up", stream, Config{}, []string{"usage-cap"}, nil, 429, `"period":"Monthly","scope":"Product"`},
		{"not enrolled", stream, Config{}, []string{"not-enrolled"}, nil, 403, `"reason":"client-not-enrolled"`},
		{"rate limit", stream, Config{}, []string{"rate-limit=9"}, nil, 429, `"code":88`},
		{"backfill", stream + "?backfill_minutes=6", Config{}, nil, nil, 400, `invalid-request"`},
		{"partition missing", "/2/tweets/firehose/stream", Config{}, nil, nil, 400, `invalid-request"`},
		{"edge", stream, Config{}, []string{"503"}, nil, 503, "<html>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Faults = tt.faults
			resp, page := ask(t, start(t, tt.cfg), http.MethodGet, tt.path, "", tt.header...)
			if resp.StatusCode != tt.status || !strings.Contains(page, tt.says) {
				t.Errorf("%s: %s, want %d and %s", resp.Status, page, tt.status, tt.says)
			}
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	s := start(t, Config{NoRules: true})
	const rules = stream + "/rules"
	for _, step := range []struct {
		method, path, body string
		status             int
		says               string
		left               int
	}{
		{"GET", rules, "", 200, `"result_count":0`, 0},
		{"POST", rules + "?dry_run=true", `{"add":[{"value":"cats","tag":"t"}]}`, 201, `"created":1`, 0},
		{"POST", rules, `{"add":[{"value":"cats","tag":"t"},{"value":"dogs"}]}`, 201, `"created":2,"not_created":0,"valid":2,"invalid":0`, 2},
		{"POST", rules, `{"add":[{"value":"cats"}]}`, 200, `"title":"DuplicateRule"`, 2},
		{"POST", rules, `{"add":[{"value":"(cats"}]}`, 200, `invalid-rules"`, 2},
		{"POST", rules, `{"add":[{"value":"` + strings.Repeat("x", 1025) + `"}]}`, 200, `at most 1024`, 2},
		{"POST", rules, `{}`, 400, `invalid-request`, 2},
		{"GET", rules + "?max_results=1", "", 200, `"next_token":"1"`, 2},
		{"GET", rules + "?max_results=1&pagination_token=1", "", 200, `"value":"dogs"`, 2},
		{"GET", rules + "/counts", "", 200, `"project_rules_count":"2"`, 2},
		{"POST", rules, `{"delete":{"ids":["1500000000000000003"]}}`, 200, `"deleted":1,"not_deleted":0`, 1},
		{"POST", rules, `{"delete":{"values":["cats","mice"]}}`, 200, `"deleted":1,"not_deleted":1`, 0},
	} {
		resp, page := ask(t, s, step.method, step.path, step.body)
		if resp.StatusCode != step.status || !strings.Contains(page, step.says) {
			t.Errorf("%s %s %.60s: %s %s, want %d and %s", step.method, step.path, step.body, resp.Status, page, step.status, step.says)
		}
		if !json.Valid([]byte(page)) {
			t.Errorf("not JSON: %s", page)
		}
		if got := len(s.Rules()); got != step.left {
			t.Errorf("%s %s %.60s: %d rules left, want %d", step.method, step.path, step.body, got, step.left)
		}
	}
}

// TestToken fetches, uses and invalidates a token.
func TestToken(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	basic := func(key, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded;charset=UTF-8"}
	escaped := strings.NewReplacer("%", "%25", "+", "%2B", "/", "%2F", "=", "%3D").Replace(Secret)
	good := append(form, "Authorization", basic(Key, escaped))
	if resp, page := ask(t, s, "POST", "/oauth2/token", "grant_type=client_credentials", good...); resp.StatusCode != 200 || !strings.Contains(page, `"token_type":"bearer"`) || !strings.Contains(page, Token) {
		t.Errorf("%s %s", resp.Status, page)
	}
	for name, header := range map[string][]string{"a secret as it is": append(form, "Authorization", basic(Key, Secret)), "a wrong one": append(form, "Authorization", basic(Key, "x"))} {
		if resp, page := ask(t, s, "POST", "/oauth2/token", "grant_type=client_credentials", header...); resp.StatusCode != 403 || !strings.Contains(page, `"code":99`) {
			t.Errorf("%s: %s %s", name, resp.Status, page)
		}
	}
	old := s.Token()
	if resp, page := ask(t, s, "POST", "/oauth2/invalidate_token", "access_token="+strings.ReplaceAll(old, "%", "%25"), good...); resp.StatusCode != 200 {
		t.Errorf("%s %s", resp.Status, page)
	}
	if resp, _ := ask(t, s, "GET", stream+"/rules", "", "Authorization", "Bearer "+old); resp.StatusCode != 401 {
		t.Errorf("the invalidated token is answered %s", resp.Status)
	}
	if _, page := ask(t, s, "POST", "/oauth2/token", "grant_type=client_credentials", good...); strings.Contains(page, `"`+old+`"`) || !strings.Contains(page, s.Token()) {
		t.Errorf("the next token: %s", page)
	}
}

// TestOneConnection fills the only place, and frees it in each way.
func TestOneConnection(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	first := bufio.NewReader(open(t, s, "GET", stream, "").Body)
	if _, err := first.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if resp, page := ask(t, s, "GET", stream, ""); resp.StatusCode != 429 || !strings.Contains(page, "TooManyConnections") {
		t.Errorf("the second: %s %s", resp.Status, page)
	}
	if resp, page := ask(t, s, "DELETE", "/2/connections/all", ""); resp.StatusCode != 200 || !strings.Contains(page, `"successful_kills":1`) {
		t.Errorf("freed: %s %s", resp.Status, page)
	}
	second := bufio.NewReader(open(t, s, "GET", stream, "").Body)
	if _, err := second.ReadString('\n'); err != nil {
		t.Fatalf("after the place was freed: %v", err)
	}
	if err := s.SetFault("evict*1"); err != nil {
		t.Fatal(err)
	}
	told := make(chan string)
	go func() {
		rest, _ := io.ReadAll(second) // how it ends is judged by what came
		told <- string(rest[max(0, len(rest)-300):])
	}()
	if resp := open(t, s, "GET", stream, ""); resp.StatusCode != 200 {
		t.Errorf("evicting: %s", resp.Status)
	}
	if last := <-told; !strings.Contains(last, `"disconnect_type":"ForceDisconnect"`) {
		t.Errorf("the evicted one was told %q", last)
	}
}

// TestBackfill wants the last minutes again, oldest first.
func TestBackfill(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Config: live.Config{Time: timeline.Config{Rate: 10, Past: 10 * time.Minute}}})
	line, err := bufio.NewReader(open(t, s, "GET", stream+"?backfill_minutes=2", "").Body).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Seq uint64 }
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatal(err)
	}
	if back := s.Head() - m.Seq; back < 1199 || back > 1800 {
		t.Errorf("two minutes of 10 a second began %d events back", back)
	}
	if !strings.HasSuffix(string(line), "}\r\n") {
		t.Errorf("a line ends in %q", line[len(line)-4:])
	}
}

func TestDisconnectIsSaid(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Config: live.Config{Faults: []string{"disconnect=SlowReader*1"}}})
	_, page := ask(t, s, "GET", stream, "")
	if !strings.HasSuffix(page, "\r\n") || !strings.Contains(page, `{"errors":[{"title":"operational-disconnect"`) || !strings.Contains(page, `"SlowReader"`) {
		t.Errorf("%q", page)
	}
	if conns := s.Connections(); conns[0].End != "disconnect" {
		t.Errorf("the log says %q", conns[0].End)
	}
}
