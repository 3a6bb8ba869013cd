package rules

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Change is what was done, or would be.
type Change struct {
	DryRun    bool   `json:"dry_run"`
	Added     []Rule `json:"added"`
	Removed   []Rule `json:"removed"`
	Unchanged int    `json:"unchanged"`
}

// Apply makes a file's rules those of the service, as mode means it. A dry run
// has the service judge the new rules and changes nothing. What was done before
// an error is in the Change; done again, Apply does the rest. The error is
// *InvalidError, with name as the file's, or wraps a *stream.Error.
func (c *Client) Apply(ctx context.Context, name string, wanted []Rule, mode Mode, dryRun bool) (Change, error) {
	there, err := c.List(ctx)
	if err != nil {
		return Change{DryRun: dryRun}, err
	}
	plan := Compare(there, wanted, mode)
	done := Change{DryRun: dryRun, Added: []Rule{}, Removed: []Rule{}, Unchanged: plan.Unchanged}
	known, err := c.judge(ctx, name, plan)
	if err != nil {
		return done, err
	}
	plan.forget(known)
	done.Unchanged += len(known)
	if dryRun {
		done.Added, done.Removed = append(done.Added, plan.Add...), append(done.Removed, plan.Remove...)
		return done, nil
	}
	before, after := plan.steps(len(there))
	err = c.remove(ctx, before, &done)
	if err == nil {
		err = c.add(ctx, name, plan.Add, &done)
	}
	if err == nil {
		err = c.remove(ctx, after, &done)
	}
	return done, err
}

// judge has the service look at the new rules. It returns the ids, by value, of
// those that it knows already in other words, such as with other blanks.
func (c *Client) judge(ctx context.Context, name string, plan Plan) (known map[string]string, err error) {
	known = map[string]string{}
	leaving := set(plan.Remove, Rule.value)
	bad := &InvalidError{File: name}
	for some := range slices.Chunk(plan.Add, batch) {
		a, err := c.call(ctx, http.MethodPost, url.Values{"dry_run": {"true"}}, map[string]any{"add": bare(some)})
		if err != nil {
			return nil, fmt.Errorf("have the rules judged: %w", err)
		}
		for _, o := range a.Errors {
			switch {
			case !o.duplicate():
				bad.add(o, some)
			case !leaving[Rule{Value: o.Value}]: // else that one goes first
				known[o.Value] = o.ID
			}
		}
	}
	if len(bad.Rules) > 0 {
		return nil, bad
	}
	return known, nil
}

// forget takes out what the service knows already.
func (p *Plan) forget(known map[string]string) {
	p.Add = slices.DeleteFunc(p.Add, func(r Rule) bool { _, ok := known[r.Value]; return ok })
	p.Remove = slices.DeleteFunc(p.Remove, func(r Rule) bool {
		for _, id := range known {
			if id != "" && id == r.ID {
				return true
			}
		}
		return false
	})
}

// add adds rules; those that others have added meanwhile are fine.
func (c *Client) add(ctx context.Context, name string, rules []Rule, done *Change) error {
	for some := range slices.Chunk(rules, batch) {
		a, err := c.call(ctx, http.MethodPost, nil, map[string]any{"add": bare(some)})
		if err != nil {
			return fmt.Errorf("add rules: %w", err)
		}
		bad := &InvalidError{File: name}
		for _, o := range a.Errors {
			if !o.duplicate() {
				bad.add(o, some)
			}
		}
		done.Added = append(done.Added, a.Data...)
		if len(bad.Rules) > 0 {
			return bad
		}
		if missing := len(some) - len(a.Data) - len(a.Errors); missing > 0 {
			return fmt.Errorf("add rules: %w", c.odd(fmt.Sprintf("the service does not say what became of %d rules", missing)))
		}
	}
	return nil
}

// remove removes rules; those that are gone already are fine.
func (c *Client) remove(ctx context.Context, rules []Rule, done *Change) error {
	for some := range slices.Chunk(rules, batch) {
		var ids []string
		for _, rule := range some {
			ids = append(ids, rule.ID)
		}
		a, err := c.call(ctx, http.MethodPost, nil, map[string]any{"delete": map[string]any{"ids": ids}})
		if err != nil {
			return fmt.Errorf("remove rules: %w", err)
		}
		if a.Meta.Summary.NotDeleted > 0 || len(a.Errors) > 0 {
			if err := c.gone(ctx, ids); err != nil {
				return err
			}
		}
		done.Removed = append(done.Removed, some...)
	}
	return nil
}

// gone returns nil if none of the rules is there any more.
func (c *Client) gone(ctx context.Context, ids []string) error {
	there, err := c.List(ctx)
	if err != nil {
		return err
	}
	left, _ := split(there, func(r Rule) bool { return slices.Contains(ids, r.ID) })
	if len(left) > 0 {
		return fmt.Errorf("remove rules: %w", c.odd(fmt.Sprintf("the service has not removed %d of them", len(left))))
	}
	return nil
}

// bare returns rules as they are sent.
func bare(rules []Rule) (sent []Rule) {
	for _, rule := range rules {
		sent = append(sent, rule.bare())
	}
	return sent
}

// add notes an objection, with the line of the rule that it is about.
func (e *InvalidError) add(o objection, rules []Rule) {
	bad := Invalid{Value: o.Value, Detail: o.text()}
	for _, rule := range rules {
		if rule.Value == o.Value {
			bad.Line = rule.Line
		}
	}
	if bad.Line == 0 && len(rules) > 0 { // it does not say which one
		bad.Line = rules[0].Line
	}
	e.Rules = append(e.Rules, bad)
}
