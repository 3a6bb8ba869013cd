package sinktest

import "time"

// Fault is what a node does to one put instead of taking it. The zero Fault is
// no fault at all.
type Fault struct {
	// Status and Body are answered instead, after the object has been read, or
	// at once and without reading it when Early.
	Status int
	Body   string
	Header map[string]string
	Early  bool

	// CutAt resets the connection when this fraction of the object, of (0, 1],
	// has come.
	CutAt float64
	// LoseAnswer stores the object and resets the connection unanswered.
	LoseAnswer bool
	// Stall stops reading at this fraction of (0, 1] and says nothing more.
	Stall float64
	// Slow waits between reads of the object.
	Slow time.Duration
	// Lie answers success without having the object.
	Lie Lie
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
