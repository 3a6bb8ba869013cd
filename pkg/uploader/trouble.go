package uploader

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
)

// The kinds of trouble, as uploader.backoff.json has them.
const (
	kindDoubt = "doubt" // a file failed for good: is it the file or the node?
	kindPause = "pause" // the node is full or wants payment
)

// maxSuspects bounds what is kept of the files that may be to blame.
const maxSuspects = 64

// trouble is the state in which nothing is started but one probe at a time,
// the next name in order each time, until the node takes one. It goes on in
// the next process: a ladder of waits, the name that was probed last, and who
// failed before.
type trouble struct {
	spool  spool
	file   string           // in .state
	now    func() time.Time // wall clock
	ladder *backoff.Ladder

	on       bool
	kind     string
	restored bool // from an earlier process, which gave up
	until    time.Time
	cursor   string // the name probed last
	err      error  // the last failure, nil when restored
}

// savedTrouble is uploader.backoff.json, or a target's of several.
type savedTrouble struct {
	backoff.State
	Probed   string   `json:"probed,omitempty"`
	Suspects []string `json:"suspects,omitempty"`
}

func newTrouble(cfg Config, target Target, sp spool, file string) *trouble {
	return &trouble{
		spool: sp, file: file, now: cfg.Now,
		ladder: backoff.NewLadder(map[string]backoff.Policy{
			kindDoubt: cfg.Backoff,
			kindPause: {First: cfg.Backoff.Max, Max: cfg.Backoff.Max},
		}, target.For, cfg.Random),
	}
}

// restore goes on where an earlier process stood and returns the files that it
// saw fail. What cannot be read is no trouble.
func (t *trouble) restore() (suspects []string) {
	data, err := t.spool.ReadState(t.file)
	if err != nil {
		return nil
	}
	var saved savedTrouble
	if json.Unmarshal(data, &saved) != nil {
		return nil
	}
	left := t.ladder.Resume(saved.State, t.now())
	if !t.ladder.Climbing() {
		return nil
	}
	t.on, t.restored, t.kind, t.cursor = true, true, saved.Kind, saved.Probed
	t.until = time.Now().Add(left)
	// Only names that a scan would bring as they are: others are left to it.
	suspects = slices.DeleteFunc(saved.Suspects, func(name string) bool { return !t.spool.Captured(name) })
	return suspects[:min(len(suspects), maxSuspects)]
}

// enter begins trouble, or goes one step on: the file name has failed with
// err. The state is on disk before the wait begins; an error of writing it is
// returned, but only makes the next process forget.
func (t *trouble) enter(kind, name string, err error, suspects []string) error {
	t.on, t.kind, t.cursor, t.err = true, kind, name, err
	state := t.ladder.Next(kind, serverWait(err), t.now())
	t.until = time.Now().Add(state.Wait)
	data, jsonErr := json.Marshal(savedTrouble{State: state, Probed: name, Suspects: suspects[:min(len(suspects), maxSuspects)]})
	if jsonErr != nil {
		return jsonErr
	}
	return t.spool.WriteState(t.file, append(data, '\n'), true)
}

// lift ends trouble: the node took a file.
func (t *trouble) lift() error {
	t.on, t.restored, t.err = false, false, nil
	t.ladder.Reset()
	return t.spool.RemoveState(t.file)
}
