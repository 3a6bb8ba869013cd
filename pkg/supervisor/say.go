package supervisor

import (
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/redact"
)

// crashLoop is the number of crashes in a row from which a person should look.
const crashLoop = 3

// say logs the end of a life and what comes next: one that repeats within
// seconds not each time, one that a person has to act upon not again until
// something has changed.
func (c *child) say(l *life, v verdict) {
	m := l.meaning()
	text := sentence(l, m)
	c.super.board.trouble(c.spec.Name + ": " + text + " (" + l.exit.String() + ")")
	var count int
	if c.loud, count = c.due(m, l.exit.String()); !c.loud {
		return
	}
	log := c.log.WithFields(logrus.Fields{
		"exit": l.exit.String(), "count": count,
		"ran": l.ran.Round(time.Millisecond).String(), "wait": v.wait.Round(time.Millisecond).String(),
	})
	if l.last.LastError != "" {
		log = log.WithField("last_error", redact.Text(l.last.LastError))
	}
	if lines := l.out.quote(); len(lines) > 0 {
		log = log.WithField("output", lines)
	}
	log.Log(c.level(m), text)
}

// due reports whether an end is to be said.
func (c *child) due(m meaning, exit string) (say bool, count int) {
	told := c.told
	c.told = ""
	switch m {
	case needsPerson:
		c.told = exit
		return told != exit, 1
	case gaveUp:
		return c.ends.Failed(exit)
	}
	return true, 1 // their waits are long enough
}

// afresh lets everything be said again: the child is well, or a person has
// changed something.
func (c *child) afresh() {
	c.told = ""
	c.ends.Recovered()
}

// level: an error is what a person should look at.
func (c *child) level(m meaning) logrus.Level {
	if m == gaveUp || m == crashed && c.crashes < crashLoop {
		return logrus.WarnLevel
	}
	return logrus.ErrorLevel
}

// sentence says for a person what an end means and what to do.
func sentence(l *life, m meaning) string {
	switch {
	case l.why == notStarted:
		return "child could not be started"
	case l.why == hung:
		return "child was hung and has been ended"
	case l.exit.code == exitcode.Config && m == needsPerson:
		return "child needs its configuration or authorisation put right, it is tried again when a file changes and every 5 minutes"
	case m == needsPerson:
		return "child was refused its credentials, it is tried again when a file changes and every 5 minutes"
	case m == storeTrouble:
		return "child cannot use the store, it is tried again every 30 seconds"
	case m == gaveUp && l.exit.code == exitcode.Done:
		return "child ended without being asked to"
	case m == gaveUp:
		return "child gave up after its retries"
	case l.exit.signal == signalKilled && !l.killed:
		return "child was killed from outside, perhaps by the kernel for want of memory (see dmesg)"
	}
	return "child crashed"
}
