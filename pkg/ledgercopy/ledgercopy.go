// Package ledgercopy keeps a second copy of append-only books in another
// directory, on another disk or a file server: they hold the only keys of what
// is on a web node.
//
// It guarantees that
//   - what Appended has returned for is in the copy and on its disk, unless the
//     copy fails or takes too long, which is said once and shown;
//   - nobody ever waits longer than Wait for the copy, and while it fails or
//     hangs nobody waits at all;
//   - what the copy lacks is made up for, at the start and when it is back;
//   - nothing in the copy is ever overwritten or cut: a file that does not begin
//     as the book does is kept under another name, and the book is copied anew;
//     where another store of the same name does the same, both soon leave it at
//     that and say so.
//
// Several processes may copy the same books: each writes the same bytes at the
// same place.
//
// It must not know what stands in the books.
package ledgercopy

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/status"
)

const (
	// wait is how long an append may be held up, unless Config says otherwise.
	wait = time.Second
	// every is how often it is looked whether the copy lacks anything, after
	// failures and for what another process has appended.
	every = 5 * time.Second
)

// File is one of the books' files: its name, and up to where it is whole lines.
type File struct {
	Name string
	Size int64 // bytes
}

// Source are the books.
type Source interface {
	Files() ([]File, error)
	Open(name string) (interface {
		io.ReaderAt
		io.Closer
	}, error)
}

// Config says what is copied, and where to.
type Config struct {
	Root   string // exists: where it does not, its disk may not be mounted
	Name   string // of the directory below, which is this store's own
	Source Source
	Wait   time.Duration // how long Appended waits at most; 0 is a second
	Every  time.Duration // how often the copy is looked after; 0 is five seconds
	Log    *logrus.Entry
}

// Copy looks after one copy. Its methods may be called from any goroutine.
type Copy struct {
	cfg  Config
	kick chan struct{}
	sure map[string]int64 // by file: bytes of the copy that are the book's; the passes' own
	anew map[string]int   // by file: how often it was begun anew; the passes' own

	mu      sync.Mutex // guards what follows
	asked   int        // appends that were told of
	copied  int        // of these, how many the last good pass has seen
	changed chan struct{}
	began   time.Time // of the pass under way; zero: none
	failed  bool      // the last pass
	warned  bool
	shown   status.Copy
}

// New returns a copy that nobody looks after before Run.
func New(cfg Config) *Copy {
	if cfg.Wait <= 0 {
		cfg.Wait = wait
	}
	if cfg.Every <= 0 {
		cfg.Every = every
	}
	return &Copy{
		cfg: cfg, kick: make(chan struct{}, 1), sure: map[string]int64{}, anew: map[string]int{}, changed: make(chan struct{}),
		shown: status.Copy{Directory: directory(cfg.Root, cfg.Name)},
	}
}

// Run looks after the copy until ctx ends. A call on a dead file server may
// never return: then one goroutine is left behind, and never two.
func (c *Copy) Run(ctx context.Context) {
	passes := make(chan struct{})
	go func() {
		for range passes {
			c.pass()
		}
	}()
	defer close(passes)
	tick := time.NewTicker(c.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case passes <- struct{}{}:
		case <-ctx.Done():
			return
		}
		select {
		case <-c.kick:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Appended is to be called after each append: it returns when the copy has it
// too, or when that fails or takes too long.
func (c *Copy) Appended() {
	c.mu.Lock()
	c.asked++
	mine := c.asked
	c.mu.Unlock()
	select {
	case c.kick <- struct{}{}:
	default:
	}
	timer := time.NewTimer(c.cfg.Wait)
	defer timer.Stop()
	for {
		over, changed := c.settled(mine)
		if over {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		}
	}
}

// settled reports whether an append is copied, or is not worth a wait.
func (c *Copy) settled(mine int) (over bool, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hangs := !c.began.IsZero() && time.Since(c.began) >= c.cfg.Wait
	return c.copied >= mine || c.failed || hangs, c.changed
}

// pass brings the copy up to date.
func (c *Copy) pass() {
	c.mu.Lock()
	asked := c.asked
	c.began = time.Now()
	c.mu.Unlock()

	behind, err := c.sync()

	c.mu.Lock()
	defer c.mu.Unlock()
	c.began, c.failed, c.shown.Behind = time.Time{}, err != nil, behind
	if err == nil {
		c.copied = asked
		c.shown.Error, c.shown.Since, c.shown.LastGood = "", time.Time{}, time.Now().UTC()
		if c.warned {
			c.warned = false
			c.cfg.Log.Info("the copy of the books is complete again")
		}
	} else {
		if c.shown.Since.IsZero() {
			c.shown.Since = time.Now().UTC()
		}
		c.shown.Error = err.Error()
		if !c.warned { // once, whatever comes of it; the status has the rest
			c.warned = true
			c.cfg.Log.WithField("err", err).Warn("the books could not be copied: it goes on without the copy, and makes up for it later")
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// State is for the status.
func (c *Copy) State() *status.Copy {
	c.mu.Lock()
	defer c.mu.Unlock()
	shown := c.shown
	if !c.began.IsZero() && time.Since(c.began) >= 2*c.cfg.Wait && shown.Error == "" {
		shown.Error, shown.Since = "its disk does not answer", c.began.UTC()
	}
	return &shown
}
