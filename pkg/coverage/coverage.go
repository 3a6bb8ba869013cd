// Package coverage answers whether a capture is complete, and where it is not:
// it is the grammar of the captured book, what records into it, and what is
// computed from it.
//
// # The captured book
//
// The book is JSON objects, one a line, in files a month of writing
// (ledger/captured-2026-11.ndjson), appended and fsynced by the grabber alone.
// Field names are stable: fields and kinds may be added, none changes its
// meaning, and a reader passes over what it does not know. Times are RFC 3339
// UTC, bytes include line ends. "kind" comes first and is one of
//
//	file   a finished file (File). It is on the disk before the file has its
//	       final name, so that a file that was shipped and removed has its line.
//	       Of several lines of one name the last is right: a grabber that was
//	       killed before the rename writes it again.
//	span   a stretch of one process's life (Span): when it was connected and
//	       when not, and why; messages and bytes a minute. Of several of one
//	       "from" the one that reaches furthest is right.
//
// Within a span the source was connected but for its gaps. A gap is
// [at, seconds], both in seconds, at counted from the span's "from", below zero
// for what went before: a process that starts says what the time since the one
// before it was. "filled" are stretches of the same form whose gaps, those of
// spans further up included, the source has filled afterwards; what the server
// skipped is never filled. A stretch that no span tells of is a gap: of the
// reason in "end" of the span before it where that is "stopped", else "not
// running". "clock" is by how many seconds the wall clock was set just before
// "from": time that it jumped over never was, and is no gap.
//
// # How true it is
//
// Ends of connections and new ones are on the disk as soon as they are known.
// What stalled was missing from its last byte on. A span whose process was
// killed ends at its last evidence: the state that it kept (at each event, and
// each minute, fsynced), the status that it wrote each second, or its last
// write of a message, whichever is latest and readable then. So the error is
// at most a second after a kill, and a minute after a power cut.
//
// A connection that was asked to begin where the one before it ended, and
// brought messages without showing that it began later, has filled the gap.
// Where messages carry no time only the server's silence says so.
//
// A quiet stream costs a line a day, a busy one 144 of some 300 bytes, and a
// gap about 15 bytes.
//
// The package must not know where the book lies, nor how a source is read.
package coverage

import "time"

// A Reason says why nothing was captured.
type Reason string

// The reasons. There are no others.
const (
	Network     Reason = "network"        // no connection, or it broke
	Refused     Reason = "refused"        // the server answered, and not with a stream
	RateLimited Reason = "rate limited"   // the server wants fewer connections
	Stalled     Reason = "stalled"        // no byte came, though the connection stood
	DiskFull    Reason = "disk full"      // no room for what came
	Budget      Reason = "budget"         // what may be paid for is used up
	Stopped     Reason = "stopped"        // somebody asked the grabber to stop
	NotRunning  Reason = "not running"    // there was no grabber: killed, crashed, never started
	MachineOff  Reason = "machine off"    // off, or asleep
	Skipped     Reason = "server skipped" // the server did not have any more what it was asked for
)

// File is the line of a finished file.
type File struct {
	Name     string `json:"name"`
	Messages uint64 `json:"messages"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"` // lower-case hex
	// Of a file that was compressed when it was finished (bytes and sha256 are
	// those of what is in it).
	PackedBytes  int64  `json:"packed_bytes,omitempty"`
	PackedSHA256 string `json:"packed_sha256,omitempty"`
	// First and Last are when the first and the last message were written, some
	// milliseconds after they came. Of a recovered file they are the time in its
	// name and that of the last write to it.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Position is where the source stood at the file's end, or a little before,
	// where it has such a thing.
	Position  string `json:"position,omitempty"`
	Recovered bool   `json:"recovered,omitempty"` // a dead grabber's
	Damaged   int    `json:"damaged,omitempty"`   // lines that recovery set aside
	// Instead is the name of a line before this one that does not hold: somebody
	// else's file had that name.
	Instead string `json:"instead,omitempty"`
}

// Span is the line of a stretch of a process's life.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Messages and Bytes are those stored in each minute of the wall clock, the
	// first of which holds From; minutes without any at the end are left out.
	Messages []uint64             `json:"messages,omitempty"`
	Bytes    []uint64             `json:"bytes,omitempty"`
	Gaps     map[Reason][]Stretch `json:"gaps,omitempty"`
	Filled   []Stretch            `json:"filled,omitempty"`
	Withheld uint64               `json:"withheld,omitempty"` // messages that the server said it did not send
	Clock    float64              `json:"clock,omitempty"`    // seconds
	End      Reason               `json:"end,omitempty"`      // the process ended in order, and why
}

// Stretch is [at, seconds]: where it begins, counted from a span's From, and
// how long it is.
type Stretch [2]float64

// Gap is a time in which nothing was captured.
type Gap struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Seconds float64   `json:"seconds"`
	Reason  Reason    `json:"reason"`
	Filled  bool      `json:"filled"` // what it lacked came afterwards
}
