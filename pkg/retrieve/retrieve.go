// Package retrieve gets back what was captured: the files of a catalog, in the
// order of capture, from whichever place has them, deciphered (by the sinks),
// inflated and checked.
//
// It guarantees that
//   - nothing is believed: an object has the size and the SHA-256 that its
//     receipt says, and what is in a packed one those that the books say, before
//     it gets its name or a byte of it is passed on;
//   - a name in the directory is a whole file on the disk: temporary name, fsync,
//     rename without replacing, fsync of the directory, in this order. What is
//     there already with the right content is not got again, and what is there
//     with another stays as it is and is said;
//   - names come from a ledger and are foreign text: only one of the store's
//     grammar, or a safe one (sink.SafeName), becomes a file's, in one open
//     directory, and all others are said;
//   - where one place fails the next is asked, and where none has a file, all
//     others still come;
//   - memory does not depend on the files' sizes nor on how many there are:
//     files in flight lie in temporary ones.
//
// It must not know what storage is, where books lie, or who asks.
package retrieve

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/store"
)

// Config says how to get files and what becomes of them. The callbacks come
// from one goroutine at a time, but for Open, Local and Again; those after them
// may be nil.
type Config struct {
	// Open returns an object's content as it was put. A *sink.Error that says
	// Temporary or Pause is tried again.
	Open func(ctx context.Context, r store.Receipt) (io.ReadCloser, error)
	// Local returns a file that waits in its source's store; fs.ErrNotExist when
	// it has left it.
	Local func(f catalog.File) (io.ReadCloser, error)
	// Again returns the receipts that a file got since the catalog was opened.
	Again func(f catalog.File) ([]store.Receipt, error)

	Parallel int // files in flight
	Tries    int // of one object, at least 1
	Backoff  backoff.Policy
	Dedupe   *Dedupe // nil: all messages

	Done    func(o Output)                     // a file is where it belongs, in the order of capture
	Problem func(f catalog.File, reason error) // it is not, or is not what was captured
	Step    func(bytes int64)                  // a file is done with, for better or worse: so much of it was got
}

// Output is a file that was got, or was there already.
type Output struct {
	File     catalog.File
	Name     string // as it is now; "" where no message was left of it, and nothing was made
	Size     int64  // bytes
	SHA256   string // lower-case hex
	Messages uint64 // lines
	LeftOut  uint64 // messages that had been written already
	There    bool   // it was there already
}

// Sum is what became of all.
type Sum struct {
	Files, There      int // that are where they belong; those that were before
	Empty             int // of which no message was left, and which were not made
	Failed, Altered   int // that could not be got; that are not what was captured
	Bytes             int64
	Messages, LeftOut uint64
	Unreadable        int // lines of the books: what they tell of may be missing
}

// ErrIncomplete says that not all was got. Each file was told to Problem.
var ErrIncomplete = errors.New("not everything could be fetched")

// Run gets all files of the list. The error is ErrIncomplete, that of the place
// where files go, or ctx's.
func Run(ctx context.Context, list *catalog.Catalog, into Target, cfg Config) (Sum, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{
		cfg: cfg.defaults(), into: into, getter: getter{cfg: cfg.defaults(), temps: into.temps()},
		work: make(chan *job), ordered: make(chan *job, 2*max(cfg.Parallel, 1)),
	}
	var all sync.WaitGroup
	all.Go(func() {
		defer close(r.work)
		defer close(r.ordered)
		if err := r.offer(ctx, list); err != nil {
			cancel(err)
		}
	})
	for range max(cfg.Parallel, 1) {
		all.Go(func() {
			for j := range r.work {
				r.prepare(ctx, j)
				close(j.ready)
			}
		})
	}
	err := r.deliver(ctx)
	cancel(err)
	for j := range r.ordered { // what nobody waits for any more
		<-j.ready
		j.drop()
	}
	all.Wait()
	if err == nil {
		err = into.finish()
	}
	r.sum.Unreadable = list.Damaged()
	switch {
	case err != nil:
		return r.sum, err
	case r.sum.Failed > 0 || r.sum.Unreadable > 0 || r.sum.Altered > 0:
		return r.sum, ErrIncomplete
	}
	return r.sum, nil
}

func (cfg Config) defaults() Config {
	if cfg.Done == nil {
		cfg.Done = func(Output) {}
	}
	if cfg.Problem == nil {
		cfg.Problem = func(catalog.File, error) {}
	}
	if cfg.Step == nil {
		cfg.Step = func(int64) {}
	}
	if cfg.Local == nil {
		cfg.Local = func(catalog.File) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
	}
	cfg.Tries = max(cfg.Tries, 1)
	return cfg
}

// run is one Run under way.
type run struct {
	cfg     Config
	into    Target
	getter  getter
	names   namer
	work    chan *job
	ordered chan *job // those of work, and not more than may be in flight

	sum Sum // the deliverer's
}

// job is one file on its way.
type job struct {
	file  catalog.File
	name  string // as it will be
	ready chan struct{}

	// What prepare has made of it.
	there bool
	got   *temp // nil if there, or on err
	have  measure
	err   error
}

func (j *job) drop() {
	if j.got != nil {
		j.got.remove()
	}
}

// offer hands out the files in order; how many may be ahead of the one that is
// delivered, the channel's size says.
func (r *run) offer(ctx context.Context, list *catalog.Catalog) error {
	return list.Each(func(f catalog.File) error {
		j := &job{file: f, ready: make(chan struct{})}
		select {
		case r.ordered <- j:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if j.name, j.err = r.names.of(f); j.err != nil {
			close(j.ready)
			return nil
		}
		select {
		case r.work <- j:
		case <-ctx.Done():
			close(j.ready)
			return context.Cause(ctx)
		}
		return nil
	})
}

// prepare gets a file, unless it is there.
func (r *run) prepare(ctx context.Context, j *job) {
	want, known := j.file.Inflated()
	if !packed(j.file) {
		want, known = j.file.Put()
	}
	if known && r.cfg.Dedupe == nil {
		if j.there, j.have, j.err = r.into.has(j.name, want); j.there || j.err != nil {
			return
		}
	}
	if j.got, j.have, j.err = r.getter.get(ctx, j.file); j.err == nil {
		j.err = j.got.flush(r.into.lasts() && r.cfg.Dedupe == nil)
	}
	if j.err != nil {
		j.drop()
		j.got = nil
	}
}

// deliver takes the files in order. It returns the first error that concerns all
// of them.
func (r *run) deliver(ctx context.Context) error {
	for j := range r.ordered {
		select {
		case <-j.ready:
		case <-ctx.Done():
			<-j.ready
		}
		if ctx.Err() != nil {
			j.drop()
			return context.Cause(ctx)
		}
		err := j.err
		if err == nil {
			err = r.place(j)
		}
		var all *targetError
		if errors.As(err, &all) {
			return err
		}
		r.account(j, err)
	}
	if ctx.Err() != nil { // the list could not be read to its end
		return context.Cause(ctx)
	}
	return nil
}

// place passes a file on.
func (r *run) place(j *job) error {
	out := Output{File: j.file, Name: j.name, Size: j.have.size, SHA256: j.have.sum, Messages: j.have.lines, There: j.there}
	defer j.drop()
	if !j.there {
		got := j.got
		if r.cfg.Dedupe != nil && !j.file.Foreign {
			left, err := r.cfg.Dedupe.filter(r.getter.temps, j, r.into.lasts())
			if err != nil {
				return err
			}
			defer left.remove()
			got, out.LeftOut = left.temp, left.out
			out.Size, out.SHA256, out.Messages = left.have.size, left.have.sum, left.have.lines
			if left.have.size == 0 {
				out.Name = ""
				r.done(out)
				return nil
			}
		}
		there, err := r.into.take(got, j.name, measure{out.Size, out.SHA256, out.Messages})
		if err != nil {
			return err
		}
		out.There = there
	}
	r.done(out)
	return nil
}
