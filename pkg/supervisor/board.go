package supervisor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/repeat"
	"github.com/storj/twitter-stream/pkg/status"
)

const (
	keptDeaths = 100
	// turnLimit is how long a child's loop may take for one turn, its longest
	// stop included, before the daemon's own beat stands still.
	turnLimit = time.Minute
	// provenFor is how long a written status proves that one could be written.
	provenFor = 5 * time.Second
)

// board holds copies of what the children's loops know, and publishes them as
// the daemon's status. Nothing that a loop calls here waits for the disk.
type board struct {
	log      *logrus.Entry
	reporter *status.Reporter
	loops    *status.Stage // one of its words for each child's loop
	write    func([]byte) error
	failures repeat.Reporter // the reporter's goroutine's alone

	mu       sync.Mutex // guards what follows
	children []status.Child
	deaths   []status.Death
	turns    map[string]func() // end each loop's present word
	written  time.Time         // last success
	closing  bool
}

func newBoard(deps Deps) *board {
	b := &board{log: deps.Log, write: deps.WriteStatus, loops: status.NewStage("children"), turns: map[string]func(){}}
	b.reporter = status.New(b.put, b.loops)
	b.reporter.Version = deps.Version
	b.reporter.Inherit(deps.Previous)
	if before, err := status.DecodeDaemon(deps.Previous); err == nil { // else nothing is lost that matters
		b.deaths = before.Deaths[max(0, len(before.Deaths)-keptDeaths):]
	}
	b.reporter.Enter(status.Running, "")
	return b
}

// run publishes at its pace until ctx ends, and a last time then.
func (b *board) run(ctx context.Context) {
	_ = b.reporter.Run(ctx, b.fill) // put has said what went wrong
}

// fill makes the whole status.
func (b *board) fill(common status.Common) any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return status.Daemon{Common: common, Children: slices.Clone(b.children), Deaths: slices.Clone(b.deaths)}
}

// put writes the status, notes when that worked, and says when it does not.
func (b *board) put(data []byte) error {
	if err := b.write(data); err != nil {
		if say, count := b.failures.Failed(err.Error()); say {
			b.log.WithError(err).WithField("count", count).Warn("status not written")
		}
		return err
	}
	if say, count, lasted := b.failures.Recovered(); say {
		b.log.WithFields(logrus.Fields{"count": count, "lasted": lasted.Round(time.Second).String()}).Info("status written again")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written = time.Now()
	return nil
}

// writable reports whether the status could be written just now.
func (b *board) writable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.written.IsZero() && time.Since(b.written) < provenFor
}

// row returns what is known of a child, from before it was reloaded too.
func (b *board) row(name string) status.Child {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.index(name); i >= 0 {
		return b.children[i]
	}
	return status.Child{Name: name}
}

// show replaces a child's row, and counts as a turn of its loop.
func (b *board) show(row status.Child) {
	b.turn(row.Name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.index(row.Name); i >= 0 {
		b.children[i] = row
	} else {
		b.children = append(b.children, row)
	}
}

// turn notes that a child's loop goes round.
func (b *board) turn(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle(name)
	b.turns[name] = b.loops.Busy(turnLimit)
}

// retire excuses a child's loop from turning: it rightly waits without end.
func (b *board) retire(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle(name)
}

// idle ends the word of a loop, b.mu held.
func (b *board) idle(name string) {
	if done := b.turns[name]; done != nil {
		done()
		delete(b.turns, name)
	}
}

// forget removes a child that is no longer configured.
func (b *board) forget(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle(name)
	b.children = slices.DeleteFunc(b.children, func(c status.Child) bool { return c.Name == name })
}

func (b *board) index(name string) int {
	return slices.IndexFunc(b.children, func(c status.Child) bool { return c.Name == name })
}

// death notes one end of a child; the last hundred are kept.
func (b *board) death(d status.Death) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaths = append(b.deaths, d)
	b.deaths = b.deaths[max(0, len(b.deaths)-keptDeaths):]
}

// trouble makes text the daemon's last error.
func (b *board) trouble(text string) { b.reporter.Trouble(errors.New(redact.Text(text))) }

// healthy says that a child is: what an earlier daemon complained of is over.
func (b *board) healthy() { b.reporter.Success() }

// store shows whether the store is there. A daemon that stops is past that.
func (b *board) store(gone error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closing:
	case gone != nil:
		b.reporter.Enter(status.Paused, redact.Text(gone.Error()))
	default:
		b.reporter.Enter(status.Running, "")
	}
}

// stop enters the state of a daemon that stops, or has stopped.
func (b *board) stop(state string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closing = true
	b.reporter.Enter(state, "")
}
