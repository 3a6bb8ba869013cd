package rebuild

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// Report is what was made, and what could not be. The names of its JSON fields
// are stable.
type Report struct {
	DryRun   bool  `json:"dry_run"`
	Known    int   `json:"known"`            // receipts that were there
	Made     int   `json:"made"`             // receipts
	Copied   int   `json:"copied"`           // of these, from copies of the books
	Read     int64 `json:"read"`             // bytes that were read and hashed for the others
	Captured int   `json:"captured"`         // lines of the captured book that were made again
	NoBook   bool  `json:"no_captured_book"` // there is none, and no copy of one

	// Half says that a place did not answer, so that another run may make more.
	Half bool `json:"half"`
	// Unproven are how many receipts and lines are of copies that are damaged:
	// nothing else tells of these files.
	Unproven int `json:"unproven"`
	// Differing are files of the books of which copies begin differently: they
	// are of two stores, or of one whose ledger was lost before.
	Differing []string `json:"differing"`

	Failed      []Trouble   `json:"failed"`       // copies and objects that could not be read
	MoreFailed  int         `json:"more_failed"`  // beyond a thousand
	Skipped     []Trouble   `json:"skipped"`      // objects that are not the uploader's, or not what the captured book says
	MoreSkipped int         `json:"more_skipped"` // beyond a thousand
	Elsewhere   []Elsewhere `json:"elsewhere"`    // receipts that were made of places that were not asked
	Silent      []string    `json:"unlisted"`     // places that list nothing
}

// Trouble is about a copy, or an object.
type Trouble struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// maxTrouble bounds each list.
const maxTrouble = 1000

func newReport() Report {
	return Report{Failed: []Trouble{}, Skipped: []Trouble{}, Silent: []string{}, Elsewhere: []Elsewhere{}, Differing: []string{}}
}

// failed notes what could not be read. What did not answer may the next time.
func (r *Report) failed(name string, err error) {
	var e *sink.Error
	if errors.As(err, &e) && sink.Again(err) {
		r.Half = true
	}
	trouble(&r.Failed, &r.MoreFailed, name, err.Error())
}

func (r *Report) skipped(name, why string) { trouble(&r.Skipped, &r.MoreSkipped, name, why) }

func trouble(list *[]Trouble, more *int, name, why string) {
	if len(*list) == maxTrouble {
		*more++
		return
	}
	*list = append(*list, Trouble{Name: redact.Text(name), Why: redact.Text(why)})
}

// Text writes the report for a person.
func (r Report) Text(w io.Writer) error {
	verb := "were made"
	if r.DryRun {
		verb = "would be made"
	}
	out := fmt.Appendf(nil, "%d receipts were there, %d %s, %d of them from copies of the books\n", r.Known, r.Made, verb, r.Copied)
	if r.Captured > 0 {
		out = fmt.Appendf(out, "%d lines of the captured book %s\n", r.Captured, verb)
	}
	if r.Unproven > 0 {
		out = fmt.Appendf(out, "%d of these lines are in damaged copies alone: what is wrong in one, 'uploader verify --remote --download' shows\n", r.Unproven)
	}
	if len(r.Differing) > 0 {
		out = fmt.Appendf(out, "copies of %s begin differently: they are of two stores of one name, or of one whose\nledger was lost before; all were taken\n", strings.Join(r.Differing, ", "))
	}
	if r.NoBook {
		out = append(out, "there is no captured book, and no copy of one: what it knew beside the receipts, such as\nmessages and gaps, is lost\n"...)
	}
	if r.Read > 0 {
		out = fmt.Appendf(out, "%d bytes were read and hashed\n", r.Read)
	}
	for _, url := range r.Silent {
		out = fmt.Appendf(out, "\n%s lists nothing: its receipts, and the keys without which its copies\ncannot be read, are in a copy of the books alone\n", redact.Text(url))
	}
	out = r.elsewhereText(out)
	out = listed(out, "COULD NOT BE READ", r.Failed, r.MoreFailed)
	out = listed(out, "left alone", r.Skipped, r.MoreSkipped)
	if r.Half {
		out = append(out, "\nnot every place answered: the books count as half made again until 'uploader rebuild' has asked all of them\n"...)
	}
	_, err := w.Write(out)
	return err
}

// shown is how much of a list a person gets to see.
const shown = 20

func listed(out []byte, title string, list []Trouble, more int) []byte {
	if len(list) == 0 {
		return out
	}
	out = fmt.Appendf(out, "\n%s: %d\n", title, len(list)+more)
	for _, t := range list[:min(len(list), shown)] {
		out = fmt.Appendf(out, "  %s\n    %s\n", t.Name, t.Why)
	}
	if more += len(list) - shown; more > 0 {
		out = fmt.Appendf(out, "  and %d more; --json names the first %d\n", more, maxTrouble)
	}
	return out
}
