// Package uploader is the ship loop: it takes finished files from the store,
// puts them to one sink or several, books the proofs and forgets the file. It
// also pushes files that are not in the store.
//
// It guarantees, in this order for each file and sink: hash → (an old receipt:
// no put) → put, proven by the sink → receipt in the ledger and on disk; and
// when all sinks have it: the name still means the same file → unlink. Killed
// between any two of them, the next start neither loses the file nor books it
// twice: a receipt that is there is checked against the file, hashed again, and
// only what is missing is made up for.
//
// One goroutine a sink owns all that is planned for it (lane, plan, trouble), so
// that one that is down holds up no other; workers hash and put; one goroutine
// books and settles for all. What an answer means is decided by pure functions
// (judge). Memory depends on neither the backlog nor the size of a file; of
// several sinks it is remembered who has what of up to a million files, in a few
// bytes each (holdings).
//
// It must not know how a sink proves anything, nor how the store names, syncs
// or locks its files.
package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// Putter proves that a node has an object. *webnode.Node and
// *directory.Archive are.
type Putter interface {
	Put(ctx context.Context, obj sink.Object) (sink.Receipt, error)
}

// Target is a sink and what its receipts name it by: an old receipt counts
// only if it is this one's.
type Target struct {
	Sink      Putter
	Kind, URL string
	// Key is where an object goes of a file that was captured at a time; nil where
	// the sink knows no paths.
	Key func(name string, at time.Time) string
	// For is a short hash of URL and credentials: waits are for them alone.
	For string
}

// Config is how to ship.
type Config struct {
	Targets     []Target // at least one, at most 16: a file goes to all of them
	Concurrency int      // files in flight to each
	// Retries is how often a file is tried, at least once, before the question
	// is asked whether it is the file or the node.
	Retries int
	Backoff backoff.Policy // between tries; its Max between probes of a full node
	Timeout time.Duration  // without progress the sink fails a try after this
	Drain   bool           // ship what waits, then end
	Version string
	// StatusPace is how often the status is written; 0 means status.Every.
	StatusPace time.Duration

	// Books is the store's name by which copies of the books are put to the targets
	// that know paths, once a day; "" puts none.
	Books string
	// Bandwidth is how many bytes a second all uploads together send at most; 0 no
	// limit.
	Bandwidth int64
	// Copy is for the status: how the copy of the ledger fares; nil without one.
	Copy func() *status.Copy

	Log *logrus.Entry
	// Check is called once a second; its error (the store is gone) ends the
	// work. nil is fine.
	Check  func() error
	Now    func() time.Time // wall clock; nil means time.Now
	Random func() float64   // in [0,1), for jitter; nil means math/rand
}

// Uploader ships what is in one store.
type Uploader struct {
	cfg      Config
	spool    spool
	reporter *status.Reporter
	old      oldReceipts // of a single target
	held     *holdings   // of several, or of one that was one of several, else nil
	buffers  sync.Pool   // of *[]byte
	limit    *limit      // of what is sent; nil without

	scanning          []*status.Stage // by lane
	uploading, ledger *status.Stage

	counts  counts
	repeats repeated

	mu     sync.Mutex // guards what follows
	lanes  []*lane
	ending bool
}

// counts is what the status shows of the work as a whole.
type counts struct {
	uploaded, bytes       atomic.Uint64 // of files that have left the store
	waiting, waitingBytes atomic.Int64
	lastUpload            atomic.Int64 // Unix nanoseconds, 0 none
	rejected              atomic.Int64
	blocked               atomic.Pointer[string]
}

// spool is the store as the loop sees it.
type spool interface {
	Scan(limit int, skip func(name string) bool) (store.Backlog, error)
	Watch() (changed <-chan struct{}, stop func(), err error)
	Captured(name string) bool
	CapturedAt(name string) (at time.Time, ok bool)
	SyncRemovals() error
	open(name string) (entry, error)

	SetAside(name string, reason store.Reason) (string, error)
	Rejected() ([]store.Reason, error)
	CleanRejected() error

	Recent(n int, by string) ([]store.Receipt, error)
	ReceiptsSince(from time.Time, by string, each func(store.Receipt)) error
	openLedger(cfg store.LedgerConfig) (ledger, error)

	Free() (int64, error)
	BookFiles(receipts, captured bool) ([]store.BookFile, error)
	OpenBook(name string) (interface {
		io.ReaderAt
		io.Closer
	}, error)
	Scratch(name string) (f interface {
		io.Writer
		io.ReaderAt
	}, done func(), err error)

	ReadState(name string) ([]byte, error)
	WriteState(name string, data []byte, durable bool) error
	RemoveState(name string) error
}

// entry is an open finished file.
type entry interface {
	io.ReaderAt
	io.Closer
	size() int64
	modified() time.Time
	// unchanged is store.ErrChanged, or fs.ErrNotExist, if it is not what was opened
	// any more; it may be closed.
	unchanged() error
	// remove unlinks it if it is still what was opened; it may be closed.
	remove() error
}

// ledger books receipts. *store.Ledger is one.
type ledger interface {
	Append(ctx context.Context, receipts []store.Receipt) error
}

// New returns an uploader for the store, whose role the caller holds. It takes
// over the last error of the status that it finds.
func New(cfg Config, st *store.Store) *Uploader { return newUploader(cfg, onDisk{st}) }

func newUploader(cfg Config, sp spool) *Uploader {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	if cfg.Copy == nil {
		cfg.Copy = func() *status.Copy { return nil }
	}
	cfg.Concurrency, cfg.Retries = max(cfg.Concurrency, 1), max(cfg.Retries, 1)
	u := &Uploader{
		cfg: cfg, spool: sp,
		uploading: status.NewStage("upload"),
		ledger:    status.NewStage("ledger"),
		repeats:   repeated{log: cfg.Log},
	}
	for range cfg.Targets {
		u.scanning = append(u.scanning, status.NewStage("scan"))
	}
	if len(cfg.Targets) > 1 {
		u.held = newHoldings(len(cfg.Targets))
	}
	u.limit = newLimit(cfg.Bandwidth, cfg.Concurrency*len(cfg.Targets), cfg.Timeout)
	u.buffers.New = func() any { b := make([]byte, 64<<10); return &b }
	u.newReporter()
	return u
}

// Run ships until ctx ends (nil), with Drain until nothing is left to ship, or
// until it has to give up: a *sink.Error when the node takes nothing, a
// *store.Error (or that of Config.Check) when the store fails. When ctx ends
// nothing new is started; what is in flight gets eight seconds, and what is
// proven by then its receipt.
func (u *Uploader) Run(ctx context.Context) error {
	end := u.publish(ctx)
	err := u.ship(ctx)
	end(ctx.Err() == nil, err)
	return err
}

func (u *Uploader) ship(ctx context.Context) error {
	book, err := u.openLedger(ctx)
	if err != nil || book == nil {
		return err
	}
	if err := u.spool.CleanRejected(); err != nil {
		return err
	}
	if err := u.recall(); err != nil {
		return err
	}
	crew := newCrew(u, book)
	u.begin(crew.lanes)
	return crew.run(ctx)
}

// recall learns from the ledger which of the files in the store are somewhere
// already.
func (u *Uploader) recall() error {
	defer u.ledger.Idle()
	u.ledger.Begin(recallLimit)
	if u.held == nil {
		enough, err := u.old.load(u.spool, u.cfg.Targets[0])
		if err != nil || enough {
			return err
		}
		u.held = newHoldings(1)
	}
	return u.held.load(u.spool, u.cfg.Targets)
}

// recallLimit is how long that may take: months of receipts, from a slow disk.
const recallLimit = 10 * time.Minute

// backoffFile is where a target's wait survives restarts.
func (c Config) backoffFile(target int) string {
	if len(c.Targets) == 1 {
		return store.StateUploaderBackoff
	}
	return store.StateUploaderBackoffOf(c.Targets[target].id())
}

// id names a target in the names of state files.
func (t Target) id() string {
	sum := sha256.Sum256([]byte(t.Kind + " " + t.URL))
	return hex.EncodeToString(sum[:6])
}

// onDisk is the real spool.
type onDisk struct{ *store.Store }

func (d onDisk) open(name string) (entry, error) {
	e, err := d.OpenEntry(name)
	if err != nil {
		return nil, err
	}
	return onDiskEntry{e, d.Store}, nil
}

func (d onDisk) openLedger(cfg store.LedgerConfig) (ledger, error) {
	l, err := d.OpenLedger(cfg)
	if err != nil {
		return nil, err
	}
	return l, nil
}

type onDiskEntry struct {
	*store.Entry
	st *store.Store
}

func (e onDiskEntry) size() int64         { return e.Size }
func (e onDiskEntry) modified() time.Time { return e.ModTime }
func (e onDiskEntry) unchanged() error    { return e.st.Unchanged(e.Entry) }
func (e onDiskEntry) remove() error       { return e.st.Remove(e.Entry) }
