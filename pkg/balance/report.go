package balance

import (
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

// Report is what Verify has found. The names of its JSON fields are stable.
type Report struct {
	Balanced bool `json:"balanced"`
	// Captured are the files of the captured book; each of them is in exactly one
	// of Delivered, Waiting, SetAside and Missing.
	Captured  Sum `json:"captured"`
	Delivered Sum `json:"delivered"` // has a receipt, and is not in the store
	Waiting   Sum `json:"waiting"`   // is in the store, or on its way there
	Partly    Sum `json:"partly"`    // of Waiting: some of several places have it
	SetAside  Sum `json:"set_aside"` // is in rejected/
	Receipts  int `json:"receipts"`
	// Places are those that receipts name, with all that they have.
	Places []Place `json:"places"`

	// What is wrong.
	Missing List     `json:"missing"` // has neither a receipt nor a place in the store
	Twice   List     `json:"twice"`   // has all its receipts, and has been in the store since
	Differs List     `json:"differs"` // a receipt, or the store, is about another content than the book
	Damage  []Damage `json:"damage"`  // lines that cannot be read
	// MoreDamage is how many more lines cannot be read.
	MoreDamage int `json:"more_damage,omitempty"`

	// What is told, and is not wrong.
	Again List  `json:"again"` // a place has given two receipts for the same content
	Apart Apart `json:"apart"`
}

// Sum is a number of files.
type Sum struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

func (s *Sum) count(bytes int64) {
	s.Files++
	s.Bytes += bytes
}

// Apart is what has no line in the captured book.
type Apart struct {
	Pushed    Sum `json:"pushed"`     // by 'uploader push'
	TakenOver Sum `json:"taken_over"` // shipped under a name that is not the grabber's
	Older     Sum `json:"older"`      // shipped, and captured before the book began
	Unbooked  Sum `json:"unbooked"`   // shipped under a grabber's name that the book does not know
	Stored    Sum `json:"stored"`     // in the store, of any of these
	Damaged   Sum `json:"damaged"`    // what recovery has set aside: no messages
}

// List is files by their names, in the order of their capture.
type List struct {
	Count int    `json:"count"`
	Files []Name `json:"files"` // at most 100,000
}

// Name is a file with what there is to say.
type Name struct {
	Name string `json:"name"`
	Why  string `json:"why,omitempty"`
}

func (l *List) add(name, why string) {
	l.Count++
	if len(l.Files) < maxNames && name != "" {
		l.Files = append(l.Files, Name{name, why})
	}
}

// Place is where receipts say that files are.
type Place struct {
	Sink string `json:"sink"`
	URL  string `json:"url"`
	Sum
	number int
}

// lastPlace is the bit that all places share for which there is none.
const lastPlace = 1 << (placeBits - 1)

func (p *Place) bit() uint32 { return 1 << min(p.number, placeBits-1) }

// maxPlaces bounds them, whatever became of the ledger.
const maxPlaces = 100

// place returns the one that a receipt names.
func (r *Report) place(of receipt) *Place {
	for i := range r.Places {
		if p := &r.Places[i]; p.URL == string(of.url) && p.Sink == string(of.sink) {
			return p
		}
	}
	switch len(r.Places) {
	case maxPlaces:
		return &r.Places[maxPlaces-1]
	case maxPlaces - 1:
		of.sink, of.url = nil, []byte("(others)")
	}
	r.Places = append(r.Places, Place{Sink: string(of.sink), URL: string(of.url), number: len(r.Places)})
	return &r.Places[len(r.Places)-1]
}

// Damage is a line of a book that cannot be read.
type Damage struct {
	File string `json:"file"` // below the store directory
	Line int    `json:"line"` // from 1; 0 for the whole file
	Why  string `json:"why"`
}

// maxDamage bounds what is told one by one.
const maxDamage = 1000

func (r *Report) damaged(line store.BookLine) {
	if len(r.Damage) == maxDamage {
		r.MoreDamage++
		return
	}
	r.Damage = append(r.Damage, Damage{File: line.File, Line: line.Number, Why: redact.Text(line.Err.Error())})
}

func newReport() Report {
	none := List{Files: []Name{}}
	return Report{Places: []Place{}, Missing: none, Twice: none, Differs: none, Damage: []Damage{}, Again: none}
}

// sumUp puts each file of the captured book where it belongs.
func (v *verifier) sumUp() {
	r := &v.report
	for i := range v.files {
		e := &v.files[i]
		r.Captured.count(e.size)
		switch {
		case e.has(finished | finishing):
			r.Waiting.count(e.size)
			if e.places() != 0 && !v.complete(e) {
				r.Partly.count(e.size)
			}
		case e.has(aside):
			r.SetAside.count(e.size)
		case e.places() != 0:
			r.Delivered.count(e.size)
		}
	}
	v.name()
	r.Balanced = r.Missing.Count == 0 && r.Twice.Count == 0 && r.Differs.Count == 0 && len(r.Damage) == 0
}

// complete reports whether all places that a file must be shipped to have it.
func (v *verifier) complete(e *entry) bool {
	for _, url := range v.cfg.URLs {
		got := false
		for i := range v.report.Places {
			p := &v.report.Places[i]
			got = got || p.URL == url && e.state&p.bit() != 0
		}
		if !got {
			return false
		}
	}
	return e.places() != 0
}

// lately is how long after its last receipt a file may still be in the store.
const lately = time.Minute
