package x

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// The most that an app may have (pay-per-use).
const (
	maxRules     = 1000
	maxRuleRunes = 1024
)

// rule is one of the filtered stream.
type rule struct {
	ID    string `json:"id"`
	Value string `json:"value"`
	Tag   string `json:"tag,omitempty"`
}

// change is what a client wants.
type change struct {
	Add    []rule
	Delete *struct{ IDs, Values []string }
}

// summary says what became of it.
type summary struct {
	Created    *int `json:"created,omitempty"`
	NotCreated *int `json:"not_created,omitempty"`
	Valid      *int `json:"valid,omitempty"`
	Invalid    *int `json:"invalid,omitempty"`
	Deleted    *int `json:"deleted,omitempty"`
	NotDeleted *int `json:"not_deleted,omitempty"`
}

type meta struct {
	Sent        string   `json:"sent"`
	ResultCount *int     `json:"result_count,omitempty"`
	NextToken   string   `json:"next_token,omitempty"`
	Summary     *summary `json:"summary,omitempty"`
}

// outcome is an answer about rules.
type outcome struct {
	Data   []rule    `json:"data,omitempty"`
	Meta   meta      `json:"meta"`
	Errors []problem `json:"errors,omitempty"`
}

func sent() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

// Rules are the values and tags of those that are set.
func (s *Server) Rules() (list [][2]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		list = append(list, [2]string{r.Value, r.Tag})
	}
	return list
}

// listRules answers with those of the ids asked for, in pages.
func (s *Server) listRules(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	list := slices.Clone(s.rules)
	s.mu.Unlock()
	if ids := q.Get("ids"); ids != "" {
		wanted := strings.Split(ids, ",")
		list = slices.DeleteFunc(list, func(r rule) bool { return !slices.Contains(wanted, r.ID) })
	}
	most, err := strconv.Atoi(q.Get("max_results"))
	if q.Get("max_results") == "" {
		most, err = maxRules, nil
	}
	from, _ := strconv.Atoi(q.Get("pagination_token")) // "" is 0
	if err != nil || most < 1 || most > maxRules || from < 0 || from > len(list) {
		invalid("One or more parameters to your request was invalid.").answer(w)
		return
	}
	out := outcome{Meta: meta{Sent: sent()}}
	if from+most < len(list) {
		out.Meta.NextToken = strconv.Itoa(from + most)
	}
	out.Data = list[from:min(from+most, len(list))]
	count := len(out.Data)
	out.Meta.ResultCount = &count
	wire.AnswerJSON(w, http.StatusOK, out)
}

func (s *Server) countRules(w http.ResponseWriter, _ *http.Request) {
	wire.AnswerJSON(w, http.StatusOK, map[string]any{
		"data": map[string]any{"cap_per_client_app": strconv.Itoa(maxRules), "project_rules_count": strconv.Itoa(len(s.Rules()))},
		"meta": meta{Sent: sent()},
	})
}

// changeRules adds, or deletes, or tries to, with dry_run.
func (s *Server) changeRules(w http.ResponseWriter, r *http.Request) {
	var want change
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 5<<20)).Decode(&want)
	all, dry := r.URL.Query().Get("delete_all") == "true", r.URL.Query().Get("dry_run") == "true"
	s.mu.Lock()
	defer s.mu.Unlock()
	before := slices.Clone(s.rules)
	if dry {
		defer func() { s.rules = before }()
	}
	switch {
	case all:
		s.delete(w, func(rule) bool { return true }, len(s.rules))
	case err != nil || len(want.Add) == 0 && want.Delete == nil:
		invalid("The request body must hold rules to add or to delete.").answer(w)
	case len(want.Add) > 0:
		s.addAll(w, want.Add)
	default:
		d := want.Delete
		s.delete(w, func(r rule) bool { return slices.Contains(d.IDs, r.ID) || slices.Contains(d.Values, r.Value) }, len(d.IDs)+len(d.Values))
	}
}

// delete removes rules; asked is how many were named.
func (s *Server) delete(w http.ResponseWriter, doomed func(rule) bool, asked int) {
	had := len(s.rules)
	s.rules = slices.DeleteFunc(s.rules, doomed)
	deleted := had - len(s.rules)
	missed := max(0, asked-deleted)
	out := outcome{Meta: meta{Sent: sent(), Summary: &summary{Deleted: &deleted, NotDeleted: &missed}}}
	if missed > 0 {
		out.Errors = []problem{{Title: "Invalid Request", Detail: "Rule does not exist", Type: problems + "invalid-request"}}
	}
	wire.AnswerJSON(w, http.StatusOK, out)
}

// addAll adds the rules that are valid and not there already.
func (s *Server) addAll(w http.ResponseWriter, rules []rule) {
	var out outcome
	for _, r := range rules {
		if p, fine := s.judge(r); fine {
			out.Data = append(out.Data, s.add(r))
		} else {
			out.Errors = append(out.Errors, p)
		}
	}
	status := http.StatusCreated
	if len(out.Data) == 0 {
		status = http.StatusOK
	}
	created, bad := len(out.Data), len(out.Errors)
	out.Meta = meta{Sent: sent(), Summary: &summary{Created: &created, NotCreated: &bad, Valid: &created, Invalid: &bad}}
	wire.AnswerJSON(w, status, out)
}

// judge says what is wrong with a rule, in X's words.
func (s *Server) judge(r rule) (p problem, fine bool) {
	value := strings.TrimSpace(r.Value)
	bad := problem{Value: r.Value, Title: "UnprocessableEntity", Type: problems + "invalid-rules"}
	if i := slices.IndexFunc(s.rules, func(have rule) bool { return have.Value == r.Value }); i >= 0 {
		return problem{Value: r.Value, ID: s.rules[i].ID, Title: "DuplicateRule", Type: problems + "duplicate-rules"}, false
	}
	switch {
	case len(s.rules) >= maxRules:
		return problem{Title: "RulesCapExceeded", Detail: "Your app has too many rules.", Type: problems + "rule-cap"}, false
	case value == "":
		bad.Details = []string{"Rule must not be empty"}
	case utf8.RuneCountInString(value) > maxRuleRunes:
		bad.Details = []string{"Rule must have at most 1024 characters"}
	case strings.Count(value, "(") != strings.Count(value, ")") || strings.Count(value, `"`)%2 != 0:
		bad.Details = []string{"no viable alternative at input '" + value + "' (at position " + strconv.Itoa(len(value)) + ")"}
	case strings.HasPrefix(value, "-") && !strings.Contains(value, " "):
		bad.Details = []string{"Rules must contain a non-negated operator"}
	default:
		return problem{}, true
	}
	return bad, false
}

// add adds a rule as it is. The caller holds mu, or has the server to itself.
func (s *Server) add(r rule) rule {
	s.ids++
	r.ID = strconv.FormatInt(1_500_000_000_000_000_000+int64(s.ids), 10)
	s.rules = append(s.rules, r)
	return r
}
