package logging

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// retryFile is how often a file that could not be had is tried again.
const retryFile = time.Second

// outputs is the one hook: it takes each entry to the console, the file and
// error.log. It never returns an error, which logrus would print to standard
// error by itself, over and over.
type outputs struct {
	console  *console // nil: none
	fallback *console
	errors   *errorLog // nil: none

	mu      sync.Mutex // guards what follows
	file    *file      // nil: none
	failing bool       // the file's trouble has been said
	silent  bool       // error.log's has
	tried   time.Time
	closed  bool
	hidden  bool // the console

	stop func() // ends the look at error.log and waits for it; nil: there is none
}

// Levels implements logrus.Hook.
func (*outputs) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook.
func (o *outputs) Fire(entry *logrus.Entry) error {
	r := recordOf(entry)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.hidden {
		o.console.write(r)
	}
	if o.closed || o.file == nil {
		return nil
	}
	line := r.json()
	if !o.toFile(line) && o.console == nil {
		o.fallback.write(r)
	}
	if r.level <= logrus.ErrorLevel {
		o.toErrors(line)
	}
	o.errors.rotateIfDue(r.time)
	return nil
}

func (o *outputs) hideConsole() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hidden = true
}

// open has the trouble with the file said at the start, not at the first entry.
func (o *outputs) open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		o.toFile(nil)
	}
}

// toFile writes a line to the file and reports whether that was done.
func (o *outputs) toFile(line []byte) bool {
	if o.failing && time.Since(o.tried) < retryFile {
		return false
	}
	if err := o.file.write(line); err != nil {
		o.tried = time.Now()
		if !o.failing {
			o.failing = true
			o.say("cannot write the log file; logging to standard error alone", err)
		}
		return false
	}
	o.failing = false
	return true
}

func (o *outputs) toErrors(line []byte) {
	err := o.errors.write(line)
	if err != nil && !o.silent {
		o.say("cannot write error.log", err)
	}
	o.silent = err != nil
}

// say tells about the logs themselves where a person or the daemon sees it.
func (o *outputs) say(message string, err error) {
	r := record{time: time.Now(), level: logrus.WarnLevel, message: message, fields: map[string]any{"err": err}, component: o.file.component}
	if o.console != nil {
		o.console.write(r)
		return
	}
	o.fallback.write(r)
}

// watchErrors looks at error.log's size until stop: others write it too, while
// this process may have nothing to say for months.
func (o *outputs) watchErrors() {
	end, ended := make(chan struct{}), make(chan struct{})
	o.stop = sync.OnceFunc(func() {
		close(end)
		<-ended
	})
	go func() {
		defer close(ended)
		tick := time.NewTicker(rotateEvery)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case now := <-tick.C:
				o.mu.Lock()
				o.errors.rotateIfDue(now)
				o.mu.Unlock()
			}
		}
	}()
}

func (o *outputs) close() error {
	if o.stop != nil {
		o.stop()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.file == nil {
		return nil
	}
	o.closed = true
	return o.file.close()
}

// console writes text for people.
type console struct {
	w     io.Writer
	style style
	level logrus.Level

	mu sync.Mutex // one line at a time
}

func (c *console) write(r record) {
	if c == nil || r.level > c.level {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.w, r.text(c.style)) // there is nowhere else to say that it failed
}

// errLocked says that another process writes the file.
var errLocked = errors.New("another process writes it")
