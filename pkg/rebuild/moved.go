package rebuild

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

// Elsewhere is a place that receipts of copies name, and that is none of those
// that were asked: a disk that is mounted at another path now, perhaps.
type Elsewhere struct {
	URL      string `json:"url"`
	Receipts int    `json:"receipts"`
}

// place says where a copy's receipt is now. What a person says has moved is at
// the one place of its kind.
func (r *rebuilder) place(receipt store.Receipt) (store.Receipt, error) {
	if !slices.Contains(r.cfg.Moved, receipt.URL) {
		return receipt, nil
	}
	var now []Place
	for _, p := range r.cfg.Places {
		if p.Kind == receipt.Sink {
			now = append(now, p)
		}
	}
	switch len(now) {
	case 0:
		return receipt, &MovedError{receipt.URL, "none of the places that there are is of its kind"}
	case 1:
		receipt.URL = now[0].URL
		return receipt, nil
	}
	return receipt, &MovedError{receipt.URL, fmt.Sprintf("there are %d places of its kind, and only one can be it", len(now))}
}

// MovedError says that what has moved cannot be told to be anywhere.
type MovedError struct{ url, why string }

func (e *MovedError) Error() string {
	return "where " + redact.Text(e.url) + " has moved to is not known: " + e.why
}

// elsewhere counts a copy's receipt of a place that is not asked.
func (r *rebuilder) elsewhere(receipt store.Receipt) {
	asked := func(p Place) bool { return p.Kind == receipt.Sink && p.URL == receipt.URL }
	if slices.ContainsFunc(r.cfg.Places, asked) {
		return
	}
	url := redact.Text(receipt.URL)
	i, known := slices.BinarySearchFunc(r.report.Elsewhere, url, func(e Elsewhere, url string) int { return cmp.Compare(e.URL, url) })
	if !known {
		if len(r.report.Elsewhere) == maxTrouble {
			return
		}
		r.report.Elsewhere = slices.Insert(r.report.Elsewhere, i, Elsewhere{URL: url})
	}
	r.report.Elsewhere[i].Receipts++
}

// moreElsewhere is how many such places a person is shown.
const moreElsewhere = 20

func (r Report) elsewhereText(out []byte) []byte {
	for _, e := range r.Elsewhere[:min(len(r.Elsewhere), moreElsewhere)] {
		out = fmt.Appendf(out, "\n%d receipts are of %s, which upload_url does not name;\nif what was there is where upload_url says now: uploader rebuild --moved '%s'\n", e.Receipts, e.URL, e.URL)
	}
	return out
}
