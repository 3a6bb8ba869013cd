package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/stream"
)

func TestCompareAndSteps(t *testing.T) {
	t.Parallel()
	there := []Rule{{ID: "1", Value: "a"}, {ID: "2", Value: "b", Tag: "x"}, {ID: "3", Value: "c"}}
	wanted := []Rule{{Value: "a"}, {Value: "b", Tag: "y"}, {Value: "d"}}
	for _, tt := range []struct {
		mode                       Mode
		add, before, after, crowds string
		unchanged                  int
	}{
		{Add, "b d", "2", "", "2", 1},
		{Remove, "", "", "1 2", "1 2", 1},
		{Sync, "b d", "2", "3", "2 3", 1},
	} {
		p := Compare(there, wanted, tt.mode)
		before, after := p.steps(len(there))
		all, none := p.steps(room)
		if len(p.Add) == 0 {
			all, none = before, after
			all, none = append(all, none...), nil
		}
		names := func(rules []Rule, name func(Rule) string) string {
			var list []string
			for _, r := range rules {
				list = append(list, name(r))
			}
			return strings.Join(list, " ")
		}
		value, id := func(r Rule) string { return r.Value }, func(r Rule) string { return r.ID }
		if names(p.Add, value) != tt.add || names(before, id) != tt.before || names(after, id) != tt.after || names(all, id) != tt.crowds || len(none) > 0 || p.Unchanged != tt.unchanged {
			t.Errorf("mode %d: add %v, remove %v, then %v (%v, %v in a full house), %d unchanged; want %+v", tt.mode, p.Add, before, after, all, none, p.Unchanged, tt)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// service answers calls in turn and notes them.
type service struct {
	answers []string // "status body"
	asked   []string
}

func (s *service) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{
		StreamURL: "https://user:pw@api.example/2/tweets/search/stream?partition=1", Bearer: "hidden", UserAgent: "test/1",
		Client: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			body := ""
			if req.Body != nil {
				data, _ := io.ReadAll(req.Body)
				body = " " + string(data)
			}
			if req.Header.Get("Authorization") != "Bearer hidden" || req.URL.User != nil || req.URL.Path != "/2/tweets/search/stream/rules" {
				t.Errorf("asked %s with %v", req.URL, req.Header)
			}
			s.asked = append(s.asked, req.Method+" "+req.URL.RawQuery+body)
			if len(s.answers) == 0 {
				return nil, io.ErrUnexpectedEOF
			}
			var status int
			code, text, _ := strings.Cut(s.answers[0], " ")
			_, _ = fmt.Sscan(code, &status)
			s.answers = s.answers[1:]
			return &http.Response{StatusCode: status, Header: http.Header{"Location": {"/elsewhere"}}, Request: req, Body: io.NopCloser(strings.NewReader(text))}, nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestList(t *testing.T) {
	t.Parallel()
	s := &service{answers: []string{
		`200 {"data":[{"id":"1","value":"a","tag":"t"}],"meta":{"next_token":"n1"}}`,
		`200 {"data":[{"id":"2","value":"b"}],"meta":{"sent":"x"}}`,
	}}
	got, err := s.client(t).List(t.Context())
	if err != nil || !slices.Equal(got, []Rule{{ID: "1", Value: "a", Tag: "t"}, {ID: "2", Value: "b"}}) {
		t.Errorf("List = %v, %v", got, err)
	}
	if want := []string{"GET max_results=1000", "GET max_results=1000&pagination_token=n1"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer string
		code   int
		text   string
	}{
		{`401 {"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}`, exitcode.Credentials, "the credentials were refused"},
		{`403 {"title":"Unsupported Authentication","detail":"D","type":"https://x/unsupported-authentication","status":403}`, exitcode.Credentials, "not read with these credentials"},
		{`429 {"errors":[{"code":88,"message":"Rate limit exceeded"}]}`, exitcode.Failed, "code 88: Rate limit exceeded"},
		{`400 {"errors":[{"title":"T","detail":"D","type":"https://x/rule-cap"}]}`, exitcode.Config, "too many rules"},
		{`503 <html><title>Over capacity</title></html>`, exitcode.Failed, "Over capacity"},
		{`302 `, exitcode.Config, "has moved to https://api.example/elsewhere"},
		{`200 <html>log in</html>`, exitcode.Failed, "not the JSON of rules: log in"},
		{`200 [1]`, exitcode.Failed, "not the JSON of rules"},
		{``, exitcode.Failed, "the connection was cut"},
	} {
		s := &service{}
		if tt.answer != "" {
			s.answers = []string{tt.answer}
		}
		_, err := s.client(t).List(t.Context())
		var e *stream.Error
		if !errors.As(err, &e) || exitcode.Of(err) != tt.code || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v (exit %d), want exit %d and %q", tt.answer, err, exitcode.Of(err), tt.code, tt.text)
		}
	}
	endless := &service{}
	for i := range 300 {
		endless.answers = append(endless.answers, fmt.Sprintf(`200 {"data":[],"meta":{"next_token":"%d"}}`, i))
	}
	if _, err := endless.client(t).List(t.Context()); err == nil || len(endless.asked) > maxPages {
		t.Errorf("endless pages: %v after %d", err, len(endless.asked))
	}
	if _, err := New(Config{StreamURL: "https://api.x.com/2/tweets/sample/stream"}); !errors.Is(err, ErrNoRules) {
		t.Errorf("a stream without rules: %v", err)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	const (
		there = `200 {"data":[{"id":"1","value":"old"},{"id":"2","value":"kept"},{"id":"3","value":"tagged","tag":"a"}]}`
		dup   = `{"value":"%s","id":"%s","title":"DuplicateRule","type":"https://x/duplicate-rules"}`
	)
	wanted := []Rule{{Value: "kept", Line: 1}, {Value: "tagged", Tag: "b", Line: 2}, {Value: "new", Line: 5}}
	for _, tt := range []struct {
		name    string
		answers []string
		dry     bool
		asked   []string // after the list
		added   int
		removed int
		err     string
	}{
		{
			"all", []string{there, `200 {"errors":[` + fmt.Sprintf(dup, "tagged", "3") + `]}`, `200 {"meta":{"summary":{"deleted":1}}}`,
				`201 {"data":[{"id":"4","value":"tagged","tag":"b"},{"id":"5","value":"new"}]}`, `200 {"meta":{"summary":{"deleted":1}}}`}, false,
			[]string{
				`POST dry_run=true {"add":[{"value":"tagged","tag":"b"},{"value":"new"}]}`, `POST  {"delete":{"ids":["3"]}}`,
				`POST  {"add":[{"value":"tagged","tag":"b"},{"value":"new"}]}`, `POST  {"delete":{"ids":["1"]}}`,
			}, 2, 2, "",
		},
		{
			"a dry run", []string{there, `200 {}`}, true,
			[]string{`POST dry_run=true {"add":[{"value":"tagged","tag":"b"},{"value":"new"}]}`}, 2, 2, "",
		},
		{
			"a bad rule", []string{there, `200 {"errors":[{"value":"new","details":["no such operator"],"title":"UnprocessableEntity","type":"https://x/invalid-rules"}]}`}, false,
			[]string{`POST dry_run=true {"add":[{"value":"tagged","tag":"b"},{"value":"new"}]}`}, 0, 0, "f:5: new: no such operator",
		},
		{
			"a bad rule with 400", []string{there, `400 {"errors":[{"value":"new","title":"UnprocessableEntity","type":"https://x/invalid-rules"}]}`}, false,
			[]string{`POST dry_run=true {"add":[{"value":"tagged","tag":"b"},{"value":"new"}]}`}, 0, 0, "f:5: new: UnprocessableEntity",
		},
		{
			"one that is known in other words", []string{there, `200 {"errors":[` + fmt.Sprintf(dup, "new", "1") + `]}`, `200 {"meta":{"summary":{"deleted":1}}}`,
				`201 {"data":[{"id":"4","value":"tagged","tag":"b"}]}`}, false,
			[]string{
				`POST dry_run=true {"add":[{"value":"tagged","tag":"b"},{"value":"new"}]}`, `POST  {"delete":{"ids":["3"]}}`, `POST  {"add":[{"value":"tagged","tag":"b"}]}`,
			}, 1, 1, "",
		},
		{
			"cut in the middle", []string{there, `200 {}`, `200 {"meta":{"summary":{"deleted":1}}}`}, false, nil, 0, 1, "the connection was cut",
		},
		{
			"one that was gone already", []string{there, `200 {}`, `200 {"meta":{"summary":{"deleted":0,"not_deleted":1}}}`, `200 {"data":[{"id":"1","value":"old"}]}`,
				`201 {"data":[{"id":"4","value":"tagged","tag":"b"},{"id":"5","value":"new"}]}`, `200 {}`}, false, nil, 2, 2, "",
		},
		{
			"one that stays", []string{there, `200 {}`, `200 {"meta":{"summary":{"deleted":0,"not_deleted":1}}}`, there}, false, nil, 0, 0, "has not removed 1 of them",
		},
		{
			"no word of what was added", []string{there, `200 {}`, `200 {}`, `201 {}`}, false, nil, 0, 1, "does not say what became of 2 rules",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &service{answers: tt.answers}
			change, err := s.client(t).Apply(t.Context(), "f", wanted, Sync, tt.dry)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Apply: %v, want %q", err, tt.err)
			}
			if len(change.Added) != tt.added || len(change.Removed) != tt.removed || change.DryRun != tt.dry {
				t.Errorf("change %+v, want %d added, %d removed", change, tt.added, tt.removed)
			}
			if tt.asked != nil && !slices.Equal(s.asked[1:], tt.asked) {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(s.asked[1:], "\n"), strings.Join(tt.asked, "\n"))
			}
		})
	}
}

func TestManyRulesGoInBatches(t *testing.T) {
	t.Parallel()
	var wanted []Rule
	answers := []string{"200 {}"}
	for i := range 250 {
		wanted = append(wanted, Rule{Value: fmt.Sprint("rule ", i), Line: i + 1})
	}
	for range 3 {
		answers = append(answers, "200 {}")
	}
	for i := range 3 {
		data, err := json.Marshal(map[string]any{"data": wanted[i*100 : min(250, i*100+100)]})
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, "201 "+string(data))
	}
	s := &service{answers: answers}
	change, err := s.client(t).Apply(t.Context(), "f", wanted, Sync, false)
	if err != nil || len(change.Added) != 250 || len(s.asked) != 7 {
		t.Errorf("%d added by %d calls, %v", len(change.Added), len(s.asked), err)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"data":[{"id":"1","value":"a","tag":"t"}],"meta":{"next_token":"n","summary":{"not_deleted":1}}}`,
		`{"errors":[{"value":"a","details":["x"],"title":"T","type":"https://x/invalid-rules"}]}`, `{"data":null}`, `<html>`, `[]`, `{"errors":[{}]}`,
	} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
		f.Add(429, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		s := &service{answers: []string{fmt.Sprintf("%d %s", 200+max(status, -status)%400, body)}}
		_, err := s.client(t).call(t.Context(), http.MethodGet, nil, nil)
		var e *stream.Error
		if err != nil && (!errors.As(err, &e) || len(err.Error()) > 800) {
			t.Errorf("%q: %v", body, err)
		}
	})
}
