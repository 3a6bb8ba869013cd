// Package audit asks the storages whether they have what receipts say that they
// have, unaltered, and what else they have.
//
// It guarantees that
//   - an object is missing only when its storage answered and said so; whatever
//     cannot be asked is told apart, after tries with a back-off;
//   - it is altered when its size, a hash that the storage tells, or what was
//     read of it differs from the receipt; what a storage does not tell is not
//     counted as compared;
//   - it is unknown when a storage lists it and no receipt names it, and it has
//     been there for a while: what is just being put has no receipt yet;
//   - memory depends on how many are asked at a time, not on how many there are;
//     for the unknown ones it is 8 bytes a receipt;
//   - an audit that was interrupted goes on where it was (Question).
//
// Nothing that a storage says becomes a path or a name of ours. The package must
// not know which storages there are, nor the captured book (pkg/balance does).
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// Config says what is asked, and how.
type Config struct {
	Store    *store.Store
	Question Question
	From, To time.Time // of the capture, zero is without a bound; a resumed audit keeps its own
	// Open returns the reader of a place that receipts name. One that is a
	// sink.Lister is asked for unknown objects too.
	Open func(kind, url string) (sink.Reader, error)
	// Also are places, by kind and URL, that are asked for unknown objects
	// though no receipt may name them.
	Also [][2]string
	// Ref is how a receipt's object is asked for.
	Ref      func(store.Receipt) sink.Ref
	Parallel int            // objects asked for at a time
	Tries    int            // of each
	Backoff  backoff.Policy // between them
	// Progress is told how many of all receipts are done, by one goroutine at a
	// time; nil is fine.
	Progress func(done, all int)
	// Notice is told what an audit goes on without; nil is fine.
	Notice func(sentence string)
}

// Question is what makes two audits the same: one that was interrupted goes on
// when the same is asked again.
type Question struct {
	From     string  `json:"from"` // as a person gave them
	To       string  `json:"to"`
	Percent  float64 `json:"percent"` // of the receipts; 100 is all
	Download bool    `json:"download"`
}

// job is one receipt on its way.
type job struct {
	index   int // among those that the question is about
	receipt store.Receipt
	place   *place
}

// auditor is one Run under way.
type auditor struct {
	ctx    context.Context
	cfg    Config
	saved  saved
	places map[string]*place // by kind and URL
	all    int
	seed   maphash.Seed // of keys' hashes

	mu      sync.Mutex // guards what follows, and saved
	waiting map[int]answer
	told    time.Time // when progress was saved last
	room    chan struct{}
}

// window is how many answers may wait for an earlier one.
const window = 4096

// Run asks. The error is that the ledger cannot be read, or the context's:
// then the same question goes on where it was.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(int, int) {}
	}
	if cfg.Notice == nil {
		cfg.Notice = func(string) {}
	}
	a := &auditor{ctx: ctx, cfg: cfg, places: map[string]*place{}, waiting: map[int]answer{}, room: make(chan struct{}, window), seed: maphash.MakeSeed()}
	a.resume()
	for _, also := range cfg.Also {
		a.place(store.Receipt{Sink: also[0], URL: also[1]})
	}
	upTo, err := cfg.Store.LedgerExtent()
	if err == nil {
		err = cfg.Store.LedgerLines(upTo, a.survey)
	}
	if err == nil {
		err = a.askAll(upTo)
	}
	if err == nil {
		err = a.listAll()
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		a.save()
		return a.saved.Report, err
	}
	a.finish()
	return a.saved.Report, nil
}

// survey counts what there is to ask, and notes what is known of each place.
func (a *auditor) survey(line store.BookLine) {
	r, ok := a.decode(line)
	if !ok {
		return
	}
	p := a.place(r)
	if p.lister != nil {
		p.known = append(p.known, a.hash(r.ObjectKey()))
	}
	if a.concerns(r) {
		a.all++
	}
}

func (a *auditor) decode(line store.BookLine) (r store.Receipt, ok bool) {
	if line.Err != nil || a.ctx.Err() != nil {
		return r, false // 'uploader verify' names it
	}
	r, err := store.DecodeReceipt(line.Text)
	return r, err == nil
}

// concerns reports whether the question is about a receipt; always the same.
func (a *auditor) concerns(r store.Receipt) bool {
	at, ok := a.cfg.Store.CapturedAt(r.Name)
	if !ok {
		at = r.Time
	}
	if !a.within(at) {
		return false
	}
	if a.cfg.Question.Percent >= 100 {
		return true
	}
	sum := sha256.Sum256([]byte(a.saved.Seed + "\x00" + r.Name + "\x00" + r.URL))
	share := float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
	return share*100 < a.cfg.Question.Percent
}

func (a *auditor) within(at time.Time) bool {
	return (a.saved.From.IsZero() || !at.Before(a.saved.From)) && (a.saved.To.IsZero() || at.Before(a.saved.To))
}

// askAll asks for every receipt that is not done yet.
func (a *auditor) askAll(upTo store.Extent) error {
	jobs := make(chan job)
	var workers sync.WaitGroup
	for range max(a.cfg.Parallel, 1) {
		workers.Go(func() {
			w := newWorker(a)
			for j := range jobs {
				if answer, ok := w.ask(j); ok {
					a.settle(j.index, answer)
				}
			}
		})
	}
	a.cfg.Progress(a.saved.Done, a.all)
	index := -1
	err := a.cfg.Store.LedgerLines(upTo, func(line store.BookLine) {
		r, ok := a.decode(line)
		if !ok || !a.concerns(r) {
			return
		}
		if index++; index < a.saved.skip {
			return
		}
		select {
		case a.room <- struct{}{}:
		case <-a.ctx.Done():
			return
		}
		select {
		case jobs <- job{index, r, a.place(r)}:
		case <-a.ctx.Done():
		}
	})
	close(jobs)
	workers.Wait()
	if err == nil {
		err = a.ctx.Err()
	}
	return err
}

// saveEvery is how often progress is saved.
const saveEvery = 5 * time.Second

// settle takes answers in the order of the ledger, so that what is saved is
// true of a beginning of it.
func (a *auditor) settle(index int, got answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting[index] = got
	for {
		next, ok := a.waiting[a.saved.Done]
		if !ok {
			break
		}
		delete(a.waiting, a.saved.Done)
		a.saved.Done++
		a.saved.Report.take(next)
		<-a.room
	}
	a.cfg.Progress(a.saved.Done, a.all)
	if now := time.Now(); now.Sub(a.told) > saveEvery {
		a.told = now
		a.save()
	}
}

// finish makes the report whole and forgets that there was a question.
func (a *auditor) finish() {
	r := &a.saved.Report
	r.Right = r.Missing.Count == 0 && r.Altered.Count == 0 && r.Unasked.Count == 0 && r.Unknown.Count == 0
	for _, p := range r.Places {
		r.Right = r.Right && p.Unlisted == ""
	}
	if err := a.cfg.Store.RemoveState(a.cfg.Question.file()); err != nil {
		a.cfg.Notice("the state of the audit could not be removed: " + err.Error())
	}
}
