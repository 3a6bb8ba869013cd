package balance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

// offender is a file that something seems to be wrong with.
type offender struct {
	name    string
	at      int // in the captured book
	entry   *entry
	last    time.Time // of its receipts
	details []string
	doubled []string // places that have given two receipts
	given   []string // places that have given one
}

// suspect reports whether there is something to be said of a file.
func (v *verifier) suspect(e *entry) bool {
	return e.has(differs|again|resized) || e.places() == 0 && !e.stored() || e.has(finished) && v.complete(e)
}

// lookAgain goes once more after everything that seems to be wrong, and gets
// the names for it.
func (v *verifier) lookAgain() error {
	v.offends = map[uint64]*offender{}
	if !slices.ContainsFunc(v.files, func(e entry) bool { return v.suspect(&e) }) {
		return nil
	}
	count := 0
	err := v.cfg.Store.CapturedLines(func(line store.BookLine) {
		if line.Err != nil || v.ctx.Err() != nil {
			return
		}
		f, _, err := captured(line.Text)
		if err != nil || f.name == nil {
			return
		}
		if e := v.find(v.hash(f.name)); e != nil && v.suspect(e) && e.content == v.contentOf(f.size, f.sha256) {
			count++
			v.suspected(e, string(f.name), count)
		}
	})
	if err != nil {
		return err
	}
	return v.cfg.Store.LedgerLines(nil, v.examine)
}

// suspected looks where in the store a file is now.
func (v *verifier) suspected(e *entry, name string, at int) {
	o := v.offends[e.name]
	if o == nil && len(v.offends) < 4*maxNames {
		o = &offender{name: name, entry: e}
		v.offends[e.name] = o
	}
	if o != nil {
		o.at = at
	}
	e.state &^= finished | finishing | resized
	if h, ok := v.cfg.Store.Holds(name); ok {
		v.holds(e, h)
		if e.has(resized) && o != nil {
			o.details = []string{fmt.Sprintf("in the store it has %d bytes, in the captured book %d", h.Size, e.size)}
		}
	}
}

// examine takes a line of the ledger for the second time, and those that have
// come since.
func (v *verifier) examine(line store.BookLine) {
	if line.Err != nil || v.ctx.Err() != nil {
		return
	}
	r, err := shipped(line.Text)
	if err != nil || string(r.by) != store.ByWatch {
		return
	}
	e := v.find(v.hash(r.name))
	if e == nil || !v.suspect(e) && v.offends[e.name] == nil {
		return
	}
	same := v.same(e, r)
	if same {
		e.state |= v.report.place(r).bit()
	} else {
		e.state |= differs
	}
	o := v.offends[e.name]
	if o == nil {
		return
	}
	url := redact.Text(string(r.url))
	switch {
	case !same:
		o.tell(fmt.Sprintf("%s has another content by the receipt of %s: %d bytes, SHA-256 %.12s...", url, r.time.Format(time.RFC3339), r.size, r.sha256))
		return
	case !slices.Contains(o.given, url):
		o.given = append(o.given, url)
	case !slices.Contains(o.doubled, url):
		o.doubled = append(o.doubled, url)
	}
	if r.time.After(o.last) {
		o.last = r.time
	}
}

// tell keeps some of what there is to say.
func (o *offender) tell(detail string) {
	if len(o.details) < 3 {
		o.details = append(o.details, detail)
	}
}

// name makes the lists. Files that are beyond the bound are counted.
func (v *verifier) name() {
	named := make([]*offender, 0, len(v.offends))
	for _, o := range v.offends {
		named = append(named, o)
	}
	slices.SortFunc(named, func(a, b *offender) int { return a.at - b.at })
	for _, o := range named {
		v.list(o)
	}
	for i := range v.files {
		if e := &v.files[i]; v.suspect(e) && v.offends[e.name] == nil {
			v.list(&offender{entry: e})
		}
	}
}

// list puts a file into the lists that it belongs in.
func (v *verifier) list(o *offender) {
	e, r := o.entry, &v.report
	if e.places() == 0 && !e.stored() {
		r.Missing.add(o.name, strings.Join(o.details, "; "))
	}
	if e.has(finished) && v.complete(e) && !v.leaving(o) {
		r.Twice.add(o.name, "the last receipt is of "+o.last.Format(time.RFC3339))
	}
	if e.has(differs | resized) {
		r.Differs.add(o.name, strings.Join(o.details, "; "))
	}
	if e.has(again) {
		r.Again.add(o.name, strings.Join(o.doubled, ", "))
	}
}

// recent is how many receipts the uploader's start looks at.
const recent = 1024

// leaving reports whether a file that all places have may still be in the store:
// it was shipped a moment ago, or the uploader removes it at its next start.
func (v *verifier) leaving(o *offender) bool {
	if v.cfg.Now().Sub(o.last) < lately {
		return true
	}
	if _, held, err := v.cfg.Store.Holder(store.RoleUploader); err == nil && held {
		return false
	}
	if v.latest == nil {
		receipts, _ := v.cfg.Store.Recent(recent, store.ByWatch) // what cannot be read has been named
		v.latest = map[string]bool{}
		for _, r := range receipts {
			v.latest[r.Name] = true
		}
	}
	return v.latest[o.name]
}
