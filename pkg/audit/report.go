package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
)

// Report is what an audit has found. The names of its JSON fields are stable.
type Report struct {
	Right   bool    `json:"right"`
	Asked   int     `json:"asked"` // receipts
	There   int     `json:"there"` // of these
	Places  []Place `json:"places"`
	Missing Objects `json:"missing"`
	Altered Objects `json:"altered"`
	Unasked Objects `json:"unasked"` // could not be asked for
	Unknown Objects `json:"unknown"` // listed, and in no receipt
	Bytes   int64   `json:"bytes"`   // read back
	Resumed bool    `json:"resumed"` // a part was asked by a process before this one
}

// Place is a storage that receipts name.
type Place struct {
	Sink  string `json:"sink"`
	URL   string `json:"url"`
	Asked int    `json:"asked"`
	There int    `json:"there"`
	// Sizes and Hashes are how many of these were compared: a storage need not
	// tell either.
	Sizes    int    `json:"sizes"`
	Hashes   int    `json:"hashes"`
	Listed   bool   `json:"listed"`
	Unlisted string `json:"unlisted,omitempty"` // why it could not be listed
}

// Objects is a list of them.
type Objects struct {
	Count   int      `json:"count"`
	Objects []Object `json:"objects"` // at most 1,000
}

// Object is one that there is something to say of.
type Object struct {
	Name  string `json:"name"`
	Place int    `json:"place"` // in the report's list of places
	Why   string `json:"why,omitempty"`
}

// maxObjects bounds a list: an interrupted audit's are kept in a file of at most
// 1 MiB.
const maxObjects = 1000

func (o *Objects) add(object Object) {
	o.Count++
	if len(o.Objects) < maxObjects {
		o.Objects = append(o.Objects, object)
	}
}

// maxPlaces bounds them, whatever became of the ledger.
const maxPlaces = 100

// place returns the number of one.
func (r *Report) place(kind, url string) int {
	kind, url = redact.Text(kind), redact.Text(url)
	for i, p := range r.Places {
		if p.Sink == kind && p.URL == url || i == maxPlaces-1 {
			return i
		}
	}
	r.Places = append(r.Places, Place{Sink: kind, URL: url})
	return len(r.Places) - 1
}

// take counts an answer.
func (r *Report) take(got answer) {
	p := &r.Places[got.place]
	r.Asked++
	p.Asked++
	r.Bytes += got.bytes
	object := Object{Name: redact.Text(got.name), Place: got.place, Why: fmt.Sprintf("%.160s", got.why)}
	switch got.verdict {
	case there:
		r.There++
		p.There++
	case missing:
		r.Missing.add(object)
	case altered:
		r.Altered.add(object)
	case unasked:
		r.Unasked.add(object)
	}
	if got.size {
		p.Sizes++
	}
	if got.hash {
		p.Hashes++
	}
}

// saved is what an interrupted audit goes on with.
type saved struct {
	Question Question  `json:"question"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Seed     string    `json:"seed"` // of the sample
	Done     int       `json:"done"` // receipts from the beginning
	Report   Report    `json:"report"`
	skip     int       // Done as it was read
}

// file is the name of a question's state.
func (q Question) file() string {
	text, _ := json.Marshal(q) // strings and a finite number always can be
	sum := sha256.Sum256(text)
	return "audit-" + hex.EncodeToString(sum[:6]) + ".json"
}

// resume begins, or goes on.
func (a *auditor) resume() {
	q := a.cfg.Question
	data, err := a.cfg.Store.ReadState(q.file())
	if err == nil {
		err = json.Unmarshal(data, &a.saved)
	}
	if err == nil && a.saved.Question == q && a.saved.Seed != "" && a.saved.Done >= 0 && len(a.saved.Report.Places) <= maxPlaces {
		a.saved.skip = a.saved.Done
		a.saved.Report.Resumed = a.saved.Done > 0
		return
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.cfg.Notice("the state of an audit before cannot be read: it begins anew")
	}
	none := Objects{Objects: []Object{}}
	a.saved = saved{Question: q, From: a.cfg.From, To: a.cfg.To, Seed: rand.Text(),
		Report: Report{Places: []Place{}, Missing: none, Altered: none, Unasked: none, Unknown: none}}
}

// save keeps how far the audit is. What cannot be saved is asked again.
func (a *auditor) save() {
	data, err := json.Marshal(a.saved)
	if err == nil {
		err = a.cfg.Store.WriteState(a.cfg.Question.file(), append(data, '\n'), true)
	}
	if err != nil {
		a.cfg.Notice("how far the audit is cannot be saved: " + err.Error())
	}
}
