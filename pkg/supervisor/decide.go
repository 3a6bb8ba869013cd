package supervisor

import (
	"context"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/status"
)

// The waits before a child is started again, where no ladder is climbed.
const (
	waitShort  = time.Second      // it has waited itself, and remembers how long
	waitPerson = 5 * time.Minute  // unless a file changes
	waitStore  = 30 * time.Second // for a lock, or a disk
)

// meaning is what the end of a life says.
type meaning int

const (
	renewed      meaning = iota // ended by us, to begin anew
	finished                    // its input was finite and has been taken whole
	gaveUp                      // of its own will; its waiting is in the store
	needsPerson                 // configuration or credentials
	storeTrouble                // locked, failing or gone
	crashed                     // anything else
)

// meaning reads the exit code as the exitcode package names it. Usage counts
// as a crash: Go's own crashes end so, and no person typed the arguments.
func (l *life) meaning() meaning {
	switch {
	case l.why == newCredentials:
		return renewed
	case l.why == hung || l.why == notStarted || !l.exit.exited():
		return crashed
	}
	switch l.exit.code {
	case exitcode.Done:
		if l.last.State == status.Done {
			return finished
		}
		return gaveUp
	case exitcode.Failed:
		return gaveUp
	case exitcode.Config, exitcode.Credentials:
		return needsPerson
	case exitcode.Store:
		return storeTrouble
	}
	return crashed
}

// verdict is what comes before the next life.
type verdict struct {
	wait     time.Duration
	onChange bool   // a changed file ends the wait
	onStore  bool   // a store that was gone and is back ends the wait
	forever  bool   // only ctx ends it
	state    string // of the child meanwhile
}

// decide turns the end of a life into the wait for the next one, and says it.
func (c *child) decide(ctx context.Context, l *life) verdict {
	c.loud = true
	v := verdict{state: status.Waiting}
	switch l.meaning() {
	case renewed:
		c.log.Info("credentials changed, child is restarted")
		return v
	case finished:
		c.log.Info("child has taken its whole input and is done")
		return verdict{forever: true, state: status.Done}
	case gaveUp:
		v.wait = c.jitter(waitShort)
	case needsPerson:
		v = verdict{wait: c.jitter(waitPerson), onChange: true, state: status.Failed}
	case storeTrouble:
		if c.freeLock(ctx) {
			return v
		}
		v.wait, v.onStore = c.jitter(waitStore), true
	case crashed:
		v.wait = c.jitter(c.ladder.Wait(c.crashes)) // none before the first restart
		c.crashes++
	}
	c.say(l, v)
	return v
}

func (c *child) jitter(wait time.Duration) time.Duration {
	return backoff.Jitter(wait, c.super.deps.Random)
}
