package sinktest

import (
	"strconv"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// Fault is what a node does to one put instead of taking it. The zero Fault is
// no fault at all.
type Fault struct {
	// Status and Body are answered instead, after the object has been read, or
	// at once and without reading it when Early.
	Status int
	Body   string
	Header map[string]string
	Early  bool
	// Err is what fails instead where there are no statuses: the object's file
	// as it is finished, or as it is made when Early.
	Err error

	// CutAt resets the connection when this fraction of the object, of (0, 1],
	// has come.
	CutAt float64
	// LoseAnswer stores the object and resets the connection unanswered.
	LoseAnswer bool
	// Stall stops reading at this fraction of (0, 1] and says nothing more.
	Stall float64
	// Slow waits between reads of the object.
	Slow time.Duration
	// Lie answers success without having the object; a sink without answers
	// alters it after it was written.
	Lie Lie
}

// HTTPRefusals are those of a node that speaks HTTP.
func HTTPRefusals() []Refusal {
	var all []Refusal
	for status, kind := range map[int]sink.Kind{
		400: sink.Permanent, 413: sink.Permanent,
		401: sink.Credentials, 403: sink.Credentials,
		402: sink.Pause,
		404: sink.Misdirected, 301: sink.Misdirected,
		408: sink.Temporary, 429: sink.Temporary, 500: sink.Temporary, 502: sink.Temporary, 503: sink.Temporary,
	} {
		all = append(all, Refusal{
			Name: strconv.Itoa(status), Kind: kind, Status: status, RetryAfter: 7 * time.Second,
			Fault: Fault{Status: status, Header: map[string]string{"Retry-After": "7"}},
		})
	}
	return append(all, Refusal{
		Name: "early 413", Kind: sink.Permanent, Status: 413,
		Fault: Fault{Status: 413, Body: "too large", Early: true},
	})
}

// Lie is a success that is none.
type Lie string

// The lies.
const (
	LieHash    Lie = "hash"    // another object's hash
	LieKey     Lie = "key"     // the right hash and another key
	LieEmpty   Lie = "empty"   // an object without fields
	LieGarbage Lie = "garbage" // no JSON
	LieShort   Lie = "short"   // the hash of the object without its last byte
	LieNothing Lie = "nothing" // no body at all
)
