package uploader

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// PushConfig is how to push files that are not the store's. Its callbacks come
// from several goroutines, but one at a time; nil is fine.
type PushConfig struct {
	Targets     []Target // at least one: a file goes to all of them
	Ledger      ledger   // *store.Ledger, without the reserve
	Concurrency int      // files in flight
	Retries     int      // how often a file is tried, at least once
	Backoff     backoff.Policy
	Timeout     time.Duration // as the sinks have it; with Bandwidth alone
	Bandwidth   int64         // bytes a second that all uploads together send at most; 0 no limit
	// CapturedAt is the time in a name of the capture's; nil knows none.
	CapturedAt func(name string) (at time.Time, ok bool)
	Log        *logrus.Entry

	Started func(path string, size int64)
	// Sent is told of bytes of content on their way; negative when a file
	// starts over.
	Sent func(n int)
	// Receipt is told of each file that is proven and booked.
	Receipt func(path string, r store.Receipt)

	Now    func() time.Time // wall clock; nil means time.Now
	Random func() float64   // in [0,1), for jitter; nil means math/rand
}

// Push puts files, and the regular files below directories, to all targets, and
// books a receipt for each. It removes nothing. A link that is given is
// followed, one that is found below a directory is not. A file that fails does
// not hold up the others: all failures are in the error. Nothing more is put to
// a target whose URL or credentials are wrong, or where two files in a row ran
// out of tries while it took no other; when none is left it stops early. When
// ctx ends it returns ctx's error at once, but what is proven by then is booked.
func Push(ctx context.Context, cfg PushConfig, paths []string) error {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	if cfg.CapturedAt == nil {
		cfg.CapturedAt = func(string) (at time.Time, ok bool) { return at, false }
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &pusher{cfg: cfg, stop: stop, limit: newLimit(cfg.Bandwidth, cfg.Concurrency, cfg.Timeout), repeats: repeated{log: cfg.Log}}
	for _, target := range cfg.Targets {
		p.ways = append(p.ways, &way{target: target, names: claims{held: map[string]chan struct{}{}}})
	}
	files := make(chan string)
	var workers sync.WaitGroup
	for range max(cfg.Concurrency, 1) {
		workers.Go(func() { p.work(work, files) })
	}
	err := walk(work, paths, func(path string) { offer(work, files, path) }, p.skipped, p.failed)
	close(files)
	workers.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return p.sum(work, err)
}

func offer(ctx context.Context, files chan<- string, path string) {
	select {
	case files <- path:
	case <-ctx.Done():
	}
}

// maxErrors is how many failures an error holds.
const maxErrors = 100

// pusher is one Push.
type pusher struct {
	cfg     PushConfig
	stop    context.CancelCauseFunc
	ways    []*way
	limit   *limit
	repeats repeated
	calls   sync.Mutex // one callback at a time

	mu   sync.Mutex // guards what follows, and the ways
	errs []error
	more int // errors beyond maxErrors
}

// way is the way to one target.
type way struct {
	target Target
	names  claims
	dead   int   // files in a row that ran out of tries, without one that was taken
	closed error // why nothing more is put to it
}

func (p *pusher) work(ctx context.Context, files <-chan string) {
	for path := range files {
		if ctx.Err() != nil {
			continue
		}
		for _, w := range p.ways {
			if err := p.push(ctx, path, w); err != nil && ctx.Err() == nil {
				p.failed(fmt.Errorf("push %s: %w", redact.Text(path), err))
			}
		}
	}
}

// push tries one file until it is booked, or has had its tries.
func (p *pusher) push(ctx context.Context, path string, w *way) error {
	if err := p.isClosed(w); err != nil {
		return fmt.Errorf("not tried at %s: %w", w.target.URL, err)
	}
	for try := 1; ; try++ {
		err := p.try(ctx, path, w, try)
		if err == nil {
			p.accepted(w)
			return nil
		}
		var refused *sink.Error
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &refused) && (refused.Kind == sink.Credentials || refused.Kind == sink.Misdirected):
			p.close(w, fmt.Errorf("push %s: %w", redact.Text(path), err)) // no other file would fare better
			return err
		case !worthAnotherTry(err):
			return err
		case try >= p.cfg.Retries:
			p.ranOut(w, err)
			return err
		}
		wait := p.wait(err, try)
		p.repeats.say("push", logrus.Fields{"file": path, "attempt": try, "err": err, "wait": wait.Round(time.Millisecond).String()}, "an upload has failed")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// worthAnotherTry: trouble of the network or the node, a node that is full, and
// a file that changed while it was read.
func worthAnotherTry(err error) bool {
	var e *sink.Error
	return isChanged(err) || errors.As(err, &e) && (e.Kind == sink.Temporary || e.Kind == sink.Pause)
}

func (p *pusher) wait(err error, try int) time.Duration {
	var e *sink.Error
	if errors.As(err, &e) && e.Kind == sink.Pause {
		try = 64 // a node that is full is asked as seldom as may be
	}
	return max(backoff.Jitter(p.cfg.Backoff.Wait(try), p.cfg.Random), serverWait(err))
}

// accepted notes that the target takes files.
func (p *pusher) accepted(w *way) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.dead = 0
	p.repeats.over("uploads work again")
}

// ranOut ends it all for a target where a second file in a row has had its tries.
func (p *pusher) ranOut(w *way, err error) {
	if !isNodes(err) {
		return
	}
	p.mu.Lock()
	w.dead++
	dead := w.dead > 1
	p.mu.Unlock()
	if dead {
		p.close(w, errors.New("the node takes no file"))
	}
}

func (p *pusher) isClosed(w *way) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.closed
}

// close ends it all for a target, and all when it was the last.
func (p *pusher) close(w *way, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.closed == nil {
		w.closed = why
	}
	for _, other := range p.ways {
		if other.closed == nil {
			return
		}
	}
	p.stop(why)
}

func (p *pusher) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) >= maxErrors {
		p.more++
		return
	}
	p.errs = append(p.errs, err)
}

func (p *pusher) skipped(path string) {
	p.cfg.Log.WithField("file", redact.Text(path)).Info("not a regular file: it is passed over")
}

// sum is all that went wrong; what stopped it comes first and decides the exit
// code.
func (p *pusher) sum(work context.Context, walked error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := p.errs
	if work.Err() != nil {
		errs = append([]error{context.Cause(work)}, errs...)
		walked = nil // it was us who stopped it
	}
	if p.more > 0 {
		errs = append(errs, fmt.Errorf("and %d files more", p.more))
	}
	return errors.Join(append(errs, walked)...)
}
