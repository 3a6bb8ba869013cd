// Package status is what a process says of itself: the three status files'
// fields, the beat that moves only while every stage of the work keeps its
// word, and the loop that publishes both at least every two seconds.
//
// A beat that merely ticked would prove that the scheduler lives, not that
// work gets done. So each stage of a process (read, write, finish; scan,
// upload, ledger) says until when it may rightly take, in an atomic of its
// own, and the beat stands still as soon as one has overrun its word.
//
// It must not know where the files lie: the caller hands in a function that
// replaces one atomically.
package status

import "time"

// Common are the fields that every status file has.
type Common struct {
	PID         int       `json:"pid"`
	Started     time.Time `json:"started"`                // of this process
	Time        time.Time `json:"time"`                   // of this writing
	Beat        uint64    `json:"beat"`                   // moves while all stages hold
	State       string    `json:"state"`                  // one of the State constants
	Since       time.Time `json:"since"`                  // when State was entered
	LastError   string    `json:"last_error,omitempty"`   // kept across restarts until the first success
	LastErrorAt time.Time `json:"last_error_at,omitzero"` //
	NextTry     time.Time `json:"next_try,omitzero"`      // when the current wait ends
	Detail      string    `json:"detail,omitempty"`       // one sentence for a person: why paused, what it waits for
	Version     string    `json:"version,omitempty"`
	Stuck       []string  `json:"stuck,omitempty"` // stages that have overrun their word
}

// The states. Done means a finite input ended: the daemon does not restart.
const (
	Starting  = "starting"
	Capturing = "capturing" // grabber: connected and reading
	Uploading = "uploading" // uploader: files in flight
	Idle      = "idle"      // uploader: nothing waits
	Waiting   = "waiting"   // between tries; NextTry says until when
	Paused    = "paused"    // full disk, full node, payment; Detail says why
	Stopping  = "stopping"
	Stopped   = "stopped" // asked to stop, and stopped
	Failed    = "failed"  // ended with an error; LastError says which
	Done      = "done"    // the input was finite and has been taken whole
	Running   = "running" // daemon
)

// Grabber is grabber.json.
type Grabber struct {
	Common
	Messages         uint64            `json:"messages"`            // stored since Started
	Bytes            uint64            `json:"bytes"`               // of those messages, line ends included
	Files            uint64            `json:"files"`               // finished since Started
	MessagesPerS     float64           `json:"messages_per_second"` // over the last ten seconds or so
	BytesPerS        float64           `json:"bytes_per_second"`    // over the last five minutes, or since Started
	LastMessage      time.Time         `json:"last_message,omitzero"`
	Connected        time.Time         `json:"connected,omitzero"` // since when; zero while not
	Connects         uint64            `json:"connects"`
	KeepAlives       uint64            `json:"keep_alives"`
	Garbage          uint64            `json:"garbage"`           // lines that were no JSON object, dropped
	Oversize         uint64            `json:"oversize"`          // messages over grabber_max_message, skipped
	Torn             uint64            `json:"torn"`              // messages cut off by the end of a connection
	Undelivered      uint64            `json:"undelivered"`       // limit notices: matches that Twitter did not send
	Control          map[string]uint64 `json:"control,omitempty"` // control messages by kind; all are stored too
	Warning          string            `json:"warning,omitempty"` // last stall warning or disconnect notice of the server
	Silent           bool              `json:"silent,omitempty"`  // keep-alives but no message for grabber_silence_warning
	LostAtStop       uint64            `json:"lost_at_stop,omitempty"`
	RecoveredDamaged uint64            `json:"recovered_damaged,omitempty"` // lines set aside by recovery
	Budget           *Budget           `json:"budget,omitempty"`            // absent where posts cost nothing
	Copy             *Copy             `json:"ledger_copy,omitempty"`       // of the captured book
}

// Budget is what a month's posts cost, in any unit of money.
type Budget struct {
	Month    string  `json:"month"`           // "2026-11", UTC
	Posts    uint64  `json:"posts"`           // read in it
	Price    float64 `json:"price"`           // of a post
	Spent    float64 `json:"spent"`           //
	Forecast float64 `json:"forecast"`        // at the month's end, if posts go on coming as they do
	Limit    float64 `json:"limit,omitempty"` // of the month; absent: none
}

// Uploader is uploader.json.
type Uploader struct {
	Common
	Uploaded      uint64    `json:"uploaded"`      // files since Started
	Bytes         uint64    `json:"bytes"`         // of those files
	Waiting       int       `json:"waiting"`       // finished files in the store
	WaitingBytes  int64     `json:"waiting_bytes"` // of those
	OldestWaiting time.Time `json:"oldest_waiting,omitzero"`
	Rejected      int       `json:"rejected"`  // files set aside, from the directory
	InFlight      int       `json:"in_flight"` //
	Postponed     int       `json:"postponed"` // files behind the others after failed tries
	LastUpload    time.Time `json:"last_upload,omitzero"`
	Blocked       string    `json:"blocked,omitempty"`     // ledger trouble and the like
	Targets       []Target  `json:"targets,omitempty"`     // where a file goes, if to several places; then Uploaded are files that all have
	Copy          *Copy     `json:"ledger_copy,omitempty"` // of the receipts
}

// Copy is the second copy of the books.
type Copy struct {
	Directory string    `json:"directory"`
	Behind    int64     `json:"behind"` // bytes that it lacks, as far as is known
	LastGood  time.Time `json:"last_good,omitzero"`
	Error     string    `json:"error,omitempty"` // why it is not complete
	Since     time.Time `json:"since,omitzero"`  // when that began
}

// Target is one of several places that each file goes to.
type Target struct {
	Sink        string    `json:"sink"` // as in receipts
	URL         string    `json:"url"`
	State       string    `json:"state"`
	Detail      string    `json:"detail,omitempty"`
	Waiting     int       `json:"waiting"`  // files in the store that it lacks
	Uploaded    uint64    `json:"uploaded"` // files since the process started
	Bytes       uint64    `json:"bytes"`    // of those files
	InFlight    int       `json:"in_flight"`
	Postponed   int       `json:"postponed"`
	LastUpload  time.Time `json:"last_upload,omitzero"`
	NextTry     time.Time `json:"next_try,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
}

// Daemon is daemon.json.
type Daemon struct {
	Common
	Children []Child `json:"children"`
	Deaths   []Death `json:"deaths,omitempty"` // the last 100, oldest first
}

// Child is one supervised process as the daemon sees it.
type Child struct {
	Name      string    `json:"name"`
	PID       int       `json:"pid"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	Restarts  int       `json:"restarts"`
	LastExit  string    `json:"last_exit,omitempty"` // "exit 1", "signal killed"
	NextStart time.Time `json:"next_start,omitzero"`
}

// Death is one end of a child.
type Death struct {
	Time   time.Time     `json:"time"`
	Name   string        `json:"name"`
	Exit   string        `json:"exit"`
	RanFor time.Duration `json:"ran_for"` // nanoseconds
}
