package main

import (
	"sync"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// readers opens each place that receipts name once. Its methods may be called
// from any goroutine.
type readers struct {
	cfg   *config.Config
	spool *store.Store // nil where there is none

	mu   sync.Mutex // guards open
	open map[place]opened
}

// place is where receipts say that their objects are.
type place struct{ kind, url string }

type opened struct {
	reader sink.Reader
	err    error
	close  func()
}

func newReaders(cfg *config.Config, spool *store.Store) *readers {
	return &readers{cfg: cfg, spool: spool, open: map[place]opened{}}
}

// of returns what reads a receipt's object back.
func (r *readers) of(receipt store.Receipt) (sink.Reader, error) {
	return r.at(receipt.Sink, receipt.URL)
}

func (r *readers) at(kind, url string) (sink.Reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, ok := r.open[place{kind, url}]
	if !ok {
		o.reader, o.close, o.err = reader(r.cfg, r.spool, kind, url)
		r.open[place{kind, url}] = o
	}
	return o.reader, o.err
}

// Close ends all of them.
func (r *readers) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.open {
		if o.close != nil {
			o.close()
		}
	}
	clear(r.open)
}

// refTo is how a receipt's object is asked for.
func refTo(receipt store.Receipt) sink.Ref {
	key := receipt.Object
	if key == "" {
		key = receipt.Name
	}
	return sink.Ref{Key: key, FileHash: receipt.FileHash, Secret: receipt.Key, Size: receipt.Size, SHA256: receipt.SHA256}
}
