// Package overview answers what goes on, from the store alone: the status
// files, who holds which lock, the files that wait, the ledger. It works as
// well while nothing runs.
//
// A process is alive while its lock is held; a status that its holder did not
// write is a dead process's and believed no more. It takes no lock for longer
// than a look, writes nothing, and must not know the configuration beyond the
// limits that it is handed.
package overview

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// spool is what is looked at. *store.Store is one.
type spool interface {
	Dir() string
	ReadState(name string) ([]byte, error)
	Holder(role string) (h store.Holder, ok bool, err error)
	Scan(limit int, skip func(name string) bool) (store.Backlog, error)
	CapturedAt(name string) (at time.Time, ok bool)
	Rejected() ([]store.Reason, error)
	Recent(n int, by string) ([]store.Receipt, error)
	LedgerSummary() (receipts int, damage []store.Damage, err error)
	Free() (int64, error)
}

// Limits are the bounds at which capture pauses, in bytes; 0 is none.
type Limits struct {
	MinFree  int64 // free disk
	MaxStore int64 // files that wait
}

// View is one look at a store. The names of its JSON fields are stable: fields
// may be added, none changes its meaning. Times are RFC 3339, durations are
// seconds, sizes bytes.
type View struct {
	Time     time.Time `json:"time"`
	Store    string    `json:"store"` // directory
	Daemon   Daemon    `json:"daemon"`
	Grabber  Grabber   `json:"grabber"`
	Uploader Uploader  `json:"uploader"`
	Backlog  Backlog   `json:"backlog"`
	Disk     Disk      `json:"disk"`
	Ledger   Ledger    `json:"ledger"`
	// Coverage is absent while there is no captured book.
	Coverage *Coverage `json:"coverage,omitempty"`
	Rejected Rejected  `json:"rejected"`
	// Problems are sentences for a person, the worst first.
	Problems []string `json:"problems"`
}

// Backlog is what waits in the store.
type Backlog struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Oldest is when the oldest waiting file was begun, as its name says.
	Oldest    time.Time `json:"oldest,omitzero"`
	OldestAge float64   `json:"oldest_age_seconds"`
	// CapturedPerS and UploadedPerS are bytes a second over the last minutes.
	CapturedPerS float64 `json:"captured_bytes_per_second"`
	UploadedPerS float64 `json:"uploaded_bytes_per_second"`
	Growing      bool    `json:"growing"`
}

// Disk is the room that is left.
type Disk struct {
	Known bool  `json:"known"` // false where the system does not tell
	Free  int64 `json:"free"`
	// FullIn is when capture will pause if the backlog goes on growing as it
	// does; absent while it does not grow.
	FullIn float64 `json:"full_in_seconds,omitempty"`
}

// Ledger is what was uploaded and proven, ever.
type Ledger struct {
	Receipts int      `json:"receipts"`
	Damage   []string `json:"damage,omitempty"` // file:line: what is wrong, the first ten
}

// Rejected is what was set aside.
type Rejected struct {
	Files  int       `json:"files"`
	Last   string    `json:"last,omitempty"`   // the newest one's name
	Reason string    `json:"reason,omitempty"` // and why
	LastAt time.Time `json:"last_at,omitzero"` // and when
}

// ledgerEvery is how often a Reader that is asked again and again reads the
// whole ledger, which may be long, and the captured book.
const ledgerEvery = time.Minute

// Reader looks at one store, once or again and again. It is for one goroutine.
type Reader struct {
	spool  spool
	limits Limits

	ledger    Ledger
	ledgerErr error
	ledgerAt  time.Time // monotonic; zero: never

	recent      func(now time.Time) (*Coverage, error) // nil: not looked at
	coverage    *Coverage
	coverageErr error
	coverageAt  time.Time // monotonic; zero: never
}

// New returns a reader of the store s.
func New(s *store.Store, limits Limits) *Reader {
	r := newReader(s, limits)
	r.recent = func(now time.Time) (*Coverage, error) { return recentCoverage(s, now) }
	return r
}

func newReader(s spool, limits Limits) *Reader { return &Reader{spool: s, limits: limits} }

// Read looks. now is the wall clock. It fails with *store.Error when the store
// cannot be read; what is wrong with single files in it is among the Problems.
func (r *Reader) Read(now time.Time) (View, error) {
	v := View{Time: now.UTC().Truncate(time.Second), Store: r.spool.Dir(), Problems: []string{}}
	err := errors.Join(r.readDaemon(&v, now), r.readGrabber(&v, now), r.readUploader(&v, now))
	if err != nil {
		return v, err
	}
	ahead, err := r.readBacklog(&v, now)
	if err != nil {
		return v, err
	}
	r.readRejected(&v)
	r.readLedger(&v)
	r.readCoverage(&v, now)
	r.forecast(&v)
	v.Problems = append(v.Problems, problems(&v, ahead)...)
	return v, nil
}

// Alive reports whether the daemon lives, in a sentence for a person: it holds
// its lock, and has written its status within ten seconds or is only starting.
// It reads two small files, whatever is in the store, and says nothing of the
// children, which are the daemon's to restart.
func (r *Reader) Alive(now time.Time) (ok bool, sentence string, err error) {
	var v View
	if err := r.readDaemon(&v, now); err != nil {
		return false, "", err
	}
	p := v.Daemon.Process
	switch {
	case !p.Alive:
		return false, "no daemon runs on store " + r.spool.Dir(), nil
	case !p.Beating && p.State != status.Starting:
		return false, fmt.Sprintf("the daemon (pid %d) has not written its status for more than %v", p.PID, beatLimit), nil
	}
	return true, fmt.Sprintf("the daemon (pid %d) is alive", p.PID), nil
}

// readLedger looks at the ledger, unless it did so just now.
func (r *Reader) readLedger(v *View) {
	if r.ledgerAt.IsZero() || time.Since(r.ledgerAt) >= ledgerEvery {
		receipts, damage, err := r.spool.LedgerSummary()
		r.ledger, r.ledgerErr, r.ledgerAt = Ledger{Receipts: receipts}, err, time.Now()
		for _, d := range damage[:min(len(damage), 10)] {
			r.ledger.Damage = append(r.ledger.Damage, fmt.Sprintf("%s:%d: %v", d.File, d.Line, d.Err))
		}
	}
	v.Ledger = r.ledger
	if r.ledgerErr != nil {
		v.Problems = append(v.Problems, "the ledger cannot be read: "+r.ledgerErr.Error())
	}
}

// readCoverage reads the captured book's end, unless it did so just now.
func (r *Reader) readCoverage(v *View, now time.Time) {
	if r.recent == nil {
		return
	}
	if r.coverageAt.IsZero() || time.Since(r.coverageAt) >= ledgerEvery {
		r.coverage, r.coverageErr = r.recent(now)
		r.coverageAt = time.Now()
	}
	v.Coverage = r.coverage
	if r.coverageErr != nil {
		v.Problems = append(v.Problems, "the captured book cannot be read: "+r.coverageErr.Error())
	}
}

func (r *Reader) readRejected(v *View) {
	all, err := r.spool.Rejected()
	if err != nil {
		v.Problems = append(v.Problems, "what was set aside cannot be listed: "+err.Error())
		return
	}
	v.Rejected.Files = len(all)
	if len(all) > 0 {
		last := slices.MaxFunc(all, func(a, b store.Reason) int { return a.Time.Compare(b.Time) })
		v.Rejected.Last, v.Rejected.Reason, v.Rejected.LastAt = redact.Text(last.Name), redact.Text(last.Reason), last.Time
	}
}

// JSON returns the view as one indented object.
func (v View) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode overview: %w", err)
	}
	return append(text, '\n'), nil
}

// OK reports whether each of the configured processes (store.RoleDaemon, ...)
// is alive, beats and is not paused.
func (v View) OK(configured []string) bool {
	for _, name := range configured {
		p, known := map[string]Process{
			store.RoleDaemon: v.Daemon.Process, store.RoleGrabber: v.Grabber.Process, store.RoleUploader: v.Uploader.Process,
		}[name]
		if !known || !p.Alive || !p.Beating || p.State == status.Paused {
			return false
		}
	}
	return true
}
