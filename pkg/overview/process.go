package overview

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// beatLimit is how old the status of a process that beats may be: it writes
// one every second and promises one every two.
const beatLimit = 10 * time.Second

// The states that only a look from outside knows.
const (
	Never = "never ran" // there is no status
	Gone  = "gone"      // it ended without a word
)

// Process is one of the three, seen from outside.
type Process struct {
	// Alive: its lock is held.
	Alive bool `json:"alive"`
	// Beating: it wrote its status within the last ten seconds, and no stage
	// of its work is stuck.
	Beating bool `json:"beating"`
	PID     int  `json:"pid"` // the holder's, or the last one's
	// State is the status's; "starting" while a new process has not written
	// one, "gone" when a process that was not at its end is no longer there,
	// "never ran" when there is none.
	State       string    `json:"state"`
	Since       time.Time `json:"since,omitzero"` // of State
	Started     time.Time `json:"started,omitzero"`
	Detail      string    `json:"detail,omitempty"`
	NextTry     time.Time `json:"next_try,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	Stuck       []string  `json:"stuck,omitempty"` // stages that have overrun their word
	Version     string    `json:"version,omitempty"`
	// What a living daemon says of it.
	Restarts  int       `json:"restarts"`
	LastExit  string    `json:"last_exit,omitempty"`
	NextStart time.Time `json:"next_start,omitzero"`
}

// Daemon is the supervisor.
type Daemon struct {
	Process
	Children []status.Child `json:"children,omitempty"` // as its status has them
}

// Grabber is the capture.
type Grabber struct {
	Process
	MessagesPerS     float64 `json:"messages_per_second"` // now; 0 when it is not alive
	MessagesPerSEver float64 `json:"messages_per_second_since_start"`
	LastMessageAge   float64 `json:"last_message_age_seconds,omitempty"` // absent while there was none
	// Status is the status file as it is.
	Status *status.Grabber `json:"status,omitempty"`
}

// Uploader ships.
type Uploader struct {
	Process
	LastUploadAge float64 `json:"last_upload_age_seconds,omitempty"` // absent while there was none
	// Status is the status file as it is.
	Status *status.Uploader `json:"status,omitempty"`
}

func (r *Reader) readDaemon(v *View, now time.Time) error {
	found, ok, err := read(r, v, store.StateDaemon, status.DecodeDaemon)
	if err != nil {
		return err
	}
	v.Daemon.Process, err = r.process(store.RoleDaemon, found.Common, ok, now)
	if ok {
		v.Daemon.Children = found.Children
	}
	return err
}

func (r *Reader) readGrabber(v *View, now time.Time) error {
	found, ok, err := read(r, v, store.StateGrabber, status.DecodeGrabber)
	if err != nil {
		return err
	}
	g := &v.Grabber
	g.Process, err = r.process(store.RoleGrabber, found.Common, ok, now)
	supervised(v, store.RoleGrabber, &g.Process)
	if !ok {
		return err
	}
	g.Status = &found
	if g.current(found.PID) {
		g.MessagesPerS = found.MessagesPerS
	}
	if ran := found.Time.Sub(found.Started).Seconds(); ran > 0 {
		g.MessagesPerSEver = float64(found.Messages) / ran
	}
	g.LastMessageAge = age(found.LastMessage, now)
	return err
}

func (r *Reader) readUploader(v *View, now time.Time) error {
	found, ok, err := read(r, v, store.StateUploader, status.DecodeUploader)
	if err != nil {
		return err
	}
	u := &v.Uploader
	u.Process, err = r.process(store.RoleUploader, found.Common, ok, now)
	supervised(v, store.RoleUploader, &u.Process)
	if ok {
		u.Status = &found
		u.LastUploadAge = age(found.LastUpload, now)
	}
	return err
}

// read reads one status file; one that cannot be understood is a problem, not
// an error.
func read[T any](r *Reader, v *View, name string, decode func([]byte) (T, error)) (found T, ok bool, err error) {
	data, err := r.spool.ReadState(name)
	if errors.Is(err, fs.ErrNotExist) {
		return found, false, nil
	}
	if err != nil {
		return found, false, err
	}
	found, err = decode(data)
	if err != nil {
		v.Problems = append(v.Problems, fmt.Sprintf("%s cannot be read: %v", name, err))
		return found, false, nil
	}
	return found, true, nil
}

// process judges a status by who holds the role's lock.
func (r *Reader) process(role string, c status.Common, found bool, now time.Time) (Process, error) {
	holder, alive, err := r.spool.Holder(role)
	if err != nil {
		return Process{}, err
	}
	p := Process{
		Alive: alive, PID: c.PID, State: c.State, Since: c.Since, Started: c.Started,
		LastError: c.LastError, LastErrorAt: c.LastErrorAt, Version: c.Version,
	}
	switch {
	case alive && (!found || c.PID != holder.PID): // a dead one's status
		p.PID, p.State, p.Since, p.Started, p.Version = holder.PID, status.Starting, time.Time{}, time.Time{}, ""
	case alive:
		p.Detail, p.NextTry, p.Stuck = c.Detail, c.NextTry, c.Stuck
		p.Beating = len(c.Stuck) == 0 && now.Sub(c.Time).Abs() <= beatLimit
	case !found:
		p.State = Never
	case c.State == status.Stopped || c.State == status.Done || c.State == status.Failed:
		p.Detail = c.Detail
	default:
		p.State, p.Since = Gone, c.Time
	}
	return p, nil
}

// current reports whether a status of this pid is that of the living process.
func (p Process) current(pid int) bool { return p.Alive && p.PID == pid }

// supervised adds what a living daemon says of its child.
func supervised(v *View, name string, p *Process) {
	if !v.Daemon.Alive {
		return
	}
	for _, child := range v.Daemon.Children {
		if child.Name == name {
			p.Restarts, p.LastExit = child.Restarts, child.LastExit
			if !p.Alive {
				p.NextStart = child.NextStart
			}
		}
	}
}

// age is in seconds; a time ahead of the clock is just now.
func age(at, now time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(0.001, now.Sub(at).Seconds())
}
