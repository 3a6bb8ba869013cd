// Package check answers "will it run?": one line for each thing that a
// capture stands on, each ok, worth knowing, or wrong with what to do.
//
// It holds no lock and changes nothing but a probe file in the store. It must
// not know config.ini: it is handed what to look at.
package check

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A Verdict is how one check ended.
type Verdict int

// The verdicts.
const (
	OK   Verdict = iota
	Warn         // runs, but a person would want to know
	Fail         // does not run; Advice says what to do
)

// Finding is one line of the result.
type Finding struct {
	Topic   string // "configuration", "store", "node", ...
	Verdict Verdict
	Text    string // what was found
	Advice  string // what to do about it; for Warn and Fail
}

// A Check looks at one thing. It ends with its context.
type Check func(ctx context.Context) []Finding

// patience is how long a single check may take: some ask a network.
const patience = 15 * time.Second

// Run makes the checks in order, prints a line for each finding and reports
// whether nothing failed.
func Run(ctx context.Context, w io.Writer, checks ...Check) bool {
	good := true
	for _, check := range checks {
		bounded, cancel := context.WithTimeout(ctx, patience)
		for _, finding := range check(bounded) {
			fmt.Fprintf(w, "%-5s %-14s %s\n", finding.Verdict, finding.Topic, finding.Text)
			if finding.Advice != "" {
				fmt.Fprintf(w, "%-5s %-14s → %s\n", "", "", finding.Advice)
			}
			good = good && finding.Verdict != Fail
		}
		cancel()
	}
	return good
}

// String returns the word that begins a line.
func (v Verdict) String() string {
	switch v {
	case OK:
		return "ok"
	case Warn:
		return "note"
	}
	return "FAIL"
}
