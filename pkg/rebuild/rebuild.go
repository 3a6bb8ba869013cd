// Package rebuild makes a ledger again that was lost: from copies of the books,
// and from what storages that can be listed say and hold.
//
// It guarantees that
//   - nothing that is in the books is changed, and nothing gets in twice, so that
//     it can be run again after a kill, and over a ledger of which a part is left;
//   - a receipt that it makes is one of a copy, of the place that it names or of
//     the one that a person says it has moved to; or is of an object that its
//     storage has named, by the metadata that was put with it, or by its bytes,
//     all of which were read; one that differs from what the captured book says of that name is not made;
//   - a name from a storage or a copy becomes no path: objects are asked for by
//     their keys (sink.ValidKey), and the store's own files are named by months;
//   - a line of a packed copy is believed only when the copy's end has proven it,
//     or nothing else tells of its file;
//   - copies of two stores that have one name are both taken, and that is said;
//   - while the books are half made again, also by a run that was killed or that
//     a place did not answer, store.Rebuilding says so;
//   - what cannot be made again is said: what is on a place that lists nothing (a
//     web node's hashes and keys) is in copies of the books alone.
//
// The caller holds the roles of grabber and uploader. The package must not know
// which storages there are.
package rebuild

import (
	"context"
	"hash/maphash"
	"io"
	"strconv"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// Config says what is made again, and from what.
type Config struct {
	Store  *store.Store
	Prefix string // of files that the watch loop ships
	// Copies are files of the books, the oldest first.
	Copies []Copy
	Places []Place
	// Moved are places, by the URLs that copies of receipts name, whose objects
	// are at the one place of the same kind in Places now, under the same keys.
	Moved  []string
	DryRun bool // nothing is written
	Tries  int  // of each question to a place
	// Backoff is how long to wait between them.
	Backoff backoff.Policy
	// Progress is told what is being done; nil is fine.
	Progress func(sentence string)
}

// Copy is a copy of one of the books' files. Its lines say which book they are
// of.
type Copy struct {
	Name  string // for people
	Month string // of the captured book, such as 2026-11; "" where the name does not say
	// Before is the copy of the same file before this one, which is read where
	// this one cannot be; nil for none.
	Before *Copy
	Open   func(ctx context.Context) (io.ReadCloser, error)

	begins string // its first line, of a daily copy
}

// Place is a storage to ask.
type Place struct {
	Kind, URL string // as receipts name it
	Reader    sink.Reader
}

// batch is how many receipts are written at a time.
const batch = 256

// rebuilder is one Run under way.
type rebuilder struct {
	ctx    context.Context
	cfg    Config
	ledger *store.Ledger // nil in a dry run
	report Report

	seed     maphash.Seed
	receipts map[uint64]struct{} // there, by what they are about
	keys     map[uint64]struct{} // there, by place and key
	names    map[uint64]struct{} // there, by the file's
	lines    map[uint64]struct{} // of the captured book that are there
	files    map[uint64]content  // captured files, by name
	pending  []store.Receipt

	unsound []Copy            // that are read when all else has been
	starts  map[string]uint64 // of the copies of each of the books' files: a hash of the first line
}

// content is what the captured book says of a file: hashes of its SHA-256 as it
// is shipped, and of that of what is in it; 0 where that is the same.
type content struct{ sum, inflated uint64 }

// Run makes again what can be. The error is that the books cannot be read or
// written, or the context's; what could not be asked is in the report.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	r := &rebuilder{
		ctx: ctx, cfg: cfg, report: newReport(), seed: maphash.MakeSeed(),
		receipts: map[uint64]struct{}{}, keys: map[uint64]struct{}{}, names: map[uint64]struct{}{}, lines: map[uint64]struct{}{}, files: map[uint64]content{},
		starts: map[string]uint64{},
	}
	r.report.DryRun = cfg.DryRun
	for _, step := range []func() error{r.begin, r.copies, r.places, r.salvage, r.write, r.end} {
		if err := step(); err != nil {
			return r.report, err
		}
		if ctx.Err() != nil {
			return r.report, ctx.Err()
		}
	}
	r.report.NoBook = len(r.lines) == 0
	return r.report, nil
}

// begin mends what is there, and learns it.
func (r *rebuilder) begin() (err error) {
	if !r.cfg.DryRun {
		if err := r.cfg.Store.WriteState(store.StateRebuild, nil, true); err != nil {
			return err
		}
		if r.ledger, err = r.cfg.Store.OpenLedger(store.LedgerConfig{}); err != nil {
			return err
		}
	}
	err = r.cfg.Store.LedgerLines(nil, func(line store.BookLine) {
		if line.Err != nil {
			return // 'uploader verify' names it
		}
		if receipt, err := store.DecodeReceipt(line.Text); err == nil {
			r.report.Known++
			r.learn(receipt)
		}
	})
	if err != nil {
		return err
	}
	return r.cfg.Store.CapturedLines(func(line store.BookLine) {
		if line.Err == nil {
			r.lines[maphash.Bytes(r.seed, line.Text)] = struct{}{}
			r.learnFile(line.Text)
		}
	})
}

// end says that the books are whole again, as far as they can be. Where a place
// did not answer they are not: another run may get more.
func (r *rebuilder) end() error {
	if r.cfg.DryRun || r.ctx.Err() != nil || r.report.Half {
		return nil
	}
	return r.cfg.Store.RemoveState(store.StateRebuild)
}

// learn notes a receipt, and reports whether it is new.
func (r *rebuilder) learn(receipt store.Receipt) bool {
	key := receipt.ObjectKey()
	about := r.hash(receipt.Sink, receipt.URL, key, receipt.SHA256, receipt.FileHash, receipt.Key, strconv.FormatInt(receipt.Size, 10))
	_, known := r.receipts[about]
	r.receipts[about] = struct{}{}
	r.keys[r.hash(receipt.Sink, receipt.URL, key)] = struct{}{}
	r.names[r.hash(receipt.Name)] = struct{}{}
	return !known
}

// learnFile notes what the captured book says of a file.
func (r *rebuilder) learnFile(text []byte) {
	l, err := coverage.Decode(text)
	if err != nil || l.File == nil {
		return
	}
	f := l.File
	c := content{sum: r.hash(f.SHA256)}
	if f.PackedSHA256 != "" {
		c = content{r.hash(f.PackedSHA256), r.inflated(f.Bytes, f.SHA256)}
	}
	delete(r.files, r.hash(f.Instead))
	r.files[r.hash(f.Name)] = c
}

func (r *rebuilder) inflated(size int64, sum string) uint64 {
	return r.hash(strconv.FormatInt(size, 10), sum)
}

func (r *rebuilder) hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	for _, part := range parts {
		_, _ = h.WriteString(part) // never fails
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// add takes a receipt that is to be made, if it is new.
func (r *rebuilder) add(receipt store.Receipt) error {
	if !r.learn(receipt) {
		return nil
	}
	r.report.Made++
	r.pending = append(r.pending, receipt)
	if len(r.pending) < batch {
		return nil
	}
	return r.write()
}

// write appends what is pending.
func (r *rebuilder) write() error {
	receipts := r.pending
	r.pending = nil
	if r.cfg.DryRun || len(receipts) == 0 {
		return nil
	}
	return r.ledger.Append(r.ctx, receipts)
}
