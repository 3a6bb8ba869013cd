package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/ledgercopy"
	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// NewStoreName is what a store that is made now is called, and the copies of its
// books are named by: by this machine and the store's path, for people, and by
// chance, since another machine may have both.
func NewStoreName(cfg *config.Config) string {
	chance := make([]byte, 4)
	_, _ = rand.Read(chance) // never fails
	return OldStoreName(cfg) + "-" + hex.EncodeToString(chance)
}

// StoreName is what a store's copies are named by, so that several may share a
// place.
func StoreName(cfg *config.Config, spool *store.Store) string {
	if name, err := spool.Name(); err == nil && name != "" && sink.SafeName(name) == name {
		return name
	}
	return OldStoreName(cfg)
}

// OldStoreName is what a store is called that an older version made, and what
// the name of one that is made now begins with.
func OldStoreName(cfg *config.Config) string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	sum := sha256.Sum256([]byte(cfg.StoreDir))
	return objectkey.Field(host) + "-" + hex.EncodeToString(sum[:4])
}

// Books are the store's books as ledgercopy has them.
type Books struct {
	Store *store.Store
	// Receipts and Captured say which. The captured book is another process's to
	// copy while there is a grabber.
	Receipts, Captured, Idle bool
}

// Files implements ledgercopy.Source.
func (b Books) Files() ([]ledgercopy.File, error) {
	captured := b.Captured
	if b.Idle {
		_, held, err := b.Store.Holder(store.RoleGrabber)
		captured = captured || err == nil && !held
	}
	books, err := b.Store.BookFiles(b.Receipts, captured)
	var files []ledgercopy.File
	for _, book := range books {
		files = append(files, ledgercopy.File(book))
	}
	return files, err
}

// Open implements ledgercopy.Source.
func (b Books) Open(name string) (interface {
	io.ReaderAt
	io.Closer
}, error) {
	return b.Store.OpenBook(name)
}

// BookCopy is the copy of the books that ledger_copy asks for; nil is none.
type BookCopy struct {
	cfg  *config.Config
	log  *logrus.Entry
	from *Books
	copy *ledgercopy.Copy // nil before Watch
}

// NewBookCopy returns the copy that cfg asks for, nil for none. from's Store is
// filled in by Watch.
func NewBookCopy(cfg *config.Config, from Books, log *logrus.Entry) *BookCopy {
	if cfg.LedgerCopy == "" {
		return nil
	}
	return &BookCopy{cfg: cfg, log: log, from: &from}
}

// Appended is for store.Config.
func (c *BookCopy) Appended() {
	if c != nil && c.copy != nil {
		c.copy.Appended()
	}
}

// Watch looks after the copy of a store's books until stop is called. It is to
// be called before anything is appended.
func (c *BookCopy) Watch(spool *store.Store) (stop func()) {
	if c == nil {
		return func() {}
	}
	c.from.Store = spool
	c.copy = ledgercopy.New(ledgercopy.Config{Root: c.cfg.LedgerCopy, Name: StoreName(c.cfg, spool), Source: c.from, Log: c.log})
	ctx, stop := context.WithCancel(context.Background()) // the last lines come after everything was asked to stop
	go c.copy.Run(ctx)
	return stop
}

// State is for the status.
func (c *BookCopy) State() *status.Copy {
	if c == nil || c.copy == nil {
		return nil
	}
	return c.copy.State()
}
