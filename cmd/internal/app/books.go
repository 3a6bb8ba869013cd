package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/ledgercopy"
	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// StoreName is what a store's copies are named by: this machine's name, and what
// tells its stores apart, so that several may share a place.
func StoreName(cfg *config.Config) string {
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
	copy *ledgercopy.Copy
	from *Books
}

// NewBookCopy returns the copy that cfg asks for, nil for none. from's Store is
// filled in by Watch.
func NewBookCopy(cfg *config.Config, from Books, log *logrus.Entry) *BookCopy {
	if cfg.LedgerCopy == "" {
		return nil
	}
	c := &BookCopy{from: &from}
	c.copy = ledgercopy.New(ledgercopy.Config{Root: cfg.LedgerCopy, Name: StoreName(cfg), Source: c.from, Log: log})
	return c
}

// Appended is for store.Config.
func (c *BookCopy) Appended() {
	if c != nil && c.from.Store != nil {
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
	ctx, stop := context.WithCancel(context.Background()) // the last lines come after everything was asked to stop
	go c.copy.Run(ctx)
	return stop
}

// State is for the status.
func (c *BookCopy) State() *status.Copy {
	if c == nil {
		return nil
	}
	return c.copy.State()
}
