package rules

// Mode is how a file is meant.
type Mode int

// The modes.
const (
	Add    Mode = iota // these too
	Remove             // not these, whatever their tag
	Sync               // these and no other
)

// Plan is what has to be done.
type Plan struct {
	Add       []Rule // those of the file
	Remove    []Rule // those of the service
	Unchanged int
}

// Empty reports that there is nothing to do.
func (p Plan) Empty() bool { return len(p.Add) == 0 && len(p.Remove) == 0 }

// Compare returns how to get from the rules that there are to those of a file.
// A tag cannot be changed, and a value is taken once (X, filtered stream): a
// rule whose tag is another one is removed and added.
func Compare(there, wanted []Rule, mode Mode) (p Plan) {
	switch mode {
	case Remove:
		p.Remove, p.Unchanged = split(there, set(wanted, Rule.value).has(Rule.value))
	case Add:
		p.Add, p.Unchanged = split(wanted, set(there, Rule.bare).lacks(Rule.bare))
		p.Remove, _ = split(there, set(p.Add, Rule.value).has(Rule.value))
	case Sync:
		p.Add, p.Unchanged = split(wanted, set(there, Rule.bare).lacks(Rule.bare))
		p.Remove, _ = split(there, set(wanted, Rule.bare).lacks(Rule.bare))
	}
	return p
}

// bare is a rule as it is sent, and value one of that value.
func (r Rule) bare() Rule  { return Rule{Value: r.Value, Tag: r.Tag} }
func (r Rule) value() Rule { return Rule{Value: r.Value} }

// ruleSet are rules by what of them counts.
type ruleSet map[Rule]bool

func set(rules []Rule, by func(Rule) Rule) ruleSet {
	s := ruleSet{}
	for _, rule := range rules {
		s[by(rule)] = true
	}
	return s
}

func (s ruleSet) has(by func(Rule) Rule) func(Rule) bool {
	return func(r Rule) bool { return s[by(r)] }
}

func (s ruleSet) lacks(by func(Rule) Rule) func(Rule) bool {
	return func(r Rule) bool { return !s[by(r)] }
}

// split returns the rules that are chosen, and how many others there are.
func split(rules []Rule, chosen func(Rule) bool) (those []Rule, others int) {
	for _, rule := range rules {
		if chosen(rule) {
			those = append(those, rule)
		} else {
			others++
		}
	}
	return those, others
}

// steps are the removals before and after what is added: those that are in the
// way of a new rule come first, and all of them where there is no room for the
// old and the new at once.
func (p Plan) steps(there int) (before, after []Rule) {
	if there+len(p.Add) > room {
		return p.Remove, nil
	}
	inTheWay := set(p.Add, Rule.value)
	for _, rule := range p.Remove {
		if inTheWay[rule.value()] {
			before = append(before, rule)
		} else {
			after = append(after, rule)
		}
	}
	return before, after
}
