package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Receipt is one line of the ledger: the proof that a sink has a file, and the
// key without which an encrypting node's copy cannot be read.
type Receipt struct {
	Time     time.Time `json:"time"` // RFC 3339, UTC; Append fills in a zero one
	Name     string    `json:"name"`
	Size     int64     `json:"size"`     // bytes
	SHA256   string    `json:"sha256"`   // of the local file, lower-case hex
	Sink     string    `json:"sink"`     // kind of sink: "webnode", "directory"
	URL      string    `json:"url"`      // without userinfo and query
	FileHash string    `json:"filehash"` // what the sink knows the object by
	Key      string    `json:"key"`      // lower-case hex; empty where the node does not encrypt. A secret
	Attempts int       `json:"attempts"` // of this process
	By       string    `json:"by"`       // ByWatch or ByPush
	// Object is where a sink that has paths keeps it, below URL; "" is Name.
	Object string `json:"object,omitempty"`
	// Of a compressed file: what is in it.
	InflatedSize   int64  `json:"inflated_size,omitempty"`
	InflatedSHA256 string `json:"inflated_sha256,omitempty"`
}

// Who put a file: the watch loop, whose files leave the store, or push.
const (
	ByWatch = "watch"
	ByPush  = "push"
)

// Proves reports whether the receipt lets the watch loop remove a finished
// file that it has just read: the watch loop wrote it, about a file of that
// name, size and hash. Every configured sink must have one.
func (r Receipt) Proves(name string, size int64, sha256hex string) bool {
	return r.By == ByWatch && r.Name == name && r.Size == size && r.SHA256 == sha256hex
}

// Ledger appends receipts. Any process may have one, and any goroutine may use
// it: each append holds ledger.lock. Nothing stays open between appends, so
// that there is nothing to close.
type Ledger struct {
	store *Store
	cfg   LedgerConfig
	turn  chan struct{} // holds one value while nobody appends; guards book
	book  *book
}

// LedgerConfig says how a ledger behaves in trouble.
type LedgerConfig struct {
	// Reserve lets an append that meets a full disk give up .state/reserve. It
	// is for the process that holds RoleUploader alone.
	Reserve bool
	// Self is written into the lock's file while we hold it; zero: this process.
	Self Holder
	// Waiting is told every 30 s who holds the ledger's lock for how long.
	Waiting func(holder Holder, waited time.Duration)
}

// OpenLedger makes ledger/ and what it reads durable, cuts a torn last line
// and refills the reserve when it may. It waits for nobody: while another
// process holds the ledger's lock, the first Append looks at the tail.
//
// Only what was synced since this start may be believed (Recent): what a dead
// process wrote may be read from memory and yet be gone after a power cut.
func (s *Store) OpenLedger(cfg LedgerConfig) (*Ledger, error) {
	if cfg.Waiting == nil {
		cfg.Waiting = func(Holder, time.Duration) {}
	}
	if cfg.Self == (Holder{}) {
		cfg.Self = self()
	}
	l := &Ledger{store: s, cfg: cfg, turn: make(chan struct{}, 1), book: s.ledgerBook()}
	l.turn <- struct{}{}
	if err := l.mend(); err != nil {
		return nil, err
	}
	if err := l.book.sync(); err != nil {
		return nil, err
	}
	if cfg.Reserve {
		s.ship.reserve.keep(s)
	}
	return l, nil
}

func (s *Store) ledgerBook() *book {
	return &book{store: s, dir: ledgerDir, extension: ".jsonl"}
}

// mend looks at the tails under the lock, if nobody has it. A full disk does
// not matter yet.
func (l *Ledger) mend() error {
	held, err := l.tryLock()
	if errors.Is(err, errHeld) || isNoRoom(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer held.Close() //nolint:errcheck // the process's end would do
	if err := l.book.mendTails(); err != nil && !isNoRoom(err) {
		return err
	}
	return nil
}

// Append writes the receipts as lines of the month's file and returns when
// they are on disk. It waits for the ledger's lock as long as ctx lasts, and
// returns ctx's error then; what need not wait is done though ctx has ended.
// *FullError: nothing was written, offer them again. *Error: the ledger can
// not be written; nothing was, as far as can be told.
func (l *Ledger) Append(ctx context.Context, receipts []Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	batch, err := l.encode(receipts)
	if err != nil {
		return err
	}
	if err := l.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { l.turn <- struct{}{} }()

	err = l.append(ctx, batch)
	if isNoRoom(err) && l.cfg.Reserve && l.store.ship.reserve.giveUp() {
		err = l.append(ctx, batch)
	}
	if err == nil {
		l.store.ship.reserve.refill(false)
		l.store.cfg.Appended()
	}
	return err
}

// takeTurn waits for the other goroutines of this process. Like the lock, what
// is free is taken though ctx has ended: a proven receipt gets written.
func (l *Ledger) takeTurn(ctx context.Context) error {
	select {
	case <-l.turn:
		return nil
	default:
	}
	select {
	case <-l.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Ledger) append(ctx context.Context, batch []byte) error {
	held, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Close() //nolint:errcheck // the process's end would do
	return l.book.append(batch)
}

// encode makes the lines of a batch.
func (l *Ledger) encode(receipts []Receipt) ([]byte, error) {
	var batch bytes.Buffer
	enc := json.NewEncoder(&batch) // ends each value with a line end
	enc.SetEscapeHTML(false)
	for _, r := range receipts {
		if r.Time.IsZero() {
			r.Time = l.store.cfg.Now()
		}
		r.Time = r.Time.UTC()
		before := batch.Len()
		err := enc.Encode(r)
		if err == nil && batch.Len()-before > maxLine {
			err = fmt.Errorf("longer than %d bytes", maxLine)
		}
		if err != nil {
			return nil, fmt.Errorf("encode receipt of %.80q: %w", r.Name, err)
		}
	}
	return batch.Bytes(), nil
}

// decodeReceipt reads a line of the ledger. It accepts fields that it does not
// know: sinks add their own.
func decodeReceipt(line []byte) (Receipt, error) {
	var r Receipt
	if line == nil {
		return r, fmt.Errorf("longer than %d bytes", maxLine)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, errors.New("not a receipt: no JSON, or a field of another type") // err may quote what is secret
	}
	if r.Name == "" || r.Sink == "" || r.Time.IsZero() || r.Size < 0 || !isHash(r.SHA256) {
		return r, errors.New("not a receipt: name, size, sha256, sink or time is missing or wrong")
	}
	return r, nil
}

func isHash(s string) bool {
	return len(s) == 64 && !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'f')
	})
}

// Recent returns the last n receipts by by (ByWatch, ByPush, "" any), oldest
// first, reading from the end. It takes no lock and passes over what it cannot
// read: a last line that is still being written, damage further up.
func (s *Store) Recent(n int, by string) ([]Receipt, error) {
	var found []Receipt
	if n <= 0 {
		return nil, nil
	}
	err := s.ledgerBook().latest(func(line []byte) bool {
		if r, err := decodeReceipt(line); err == nil && (by == "" || r.By == by) {
			found = append(found, r)
		}
		return len(found) < n
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no ledger yet
	}
	slices.Reverse(found)
	return found, err
}

// ReceiptsSince calls each with the receipts by by (ByWatch, ByPush, "" any)
// that are not older than from, newest first, reading from the end: zero is all.
// It takes no lock and passes over what it cannot read, as Recent does.
func (s *Store) ReceiptsSince(from time.Time, by string, each func(Receipt)) error {
	err := s.ledgerBook().latest(func(line []byte) bool {
		r, err := decodeReceipt(line)
		if err != nil {
			return true
		}
		if r.Time.Before(from) {
			return false
		}
		if by == "" || r.By == by {
			each(r)
		}
		return true
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // no ledger yet
	}
	return err
}
