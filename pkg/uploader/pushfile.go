package uploader

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// try puts one file once and books it. The file must be the same afterwards.
func (p *pusher) try(ctx context.Context, path string, w *way, try int) error {
	file, before, err := openRegular(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum, err := hash(ctx, file, before.Size(), make([]byte, 64<<10), func() {})
	if err != nil {
		return err
	}
	it := content{ReaderAt: file, name: filepath.Base(path), size: before.Size(), sum: sum, by: store.ByPush}
	if _, captured := p.cfg.CapturedAt(it.name); captured && isPacked(it.name) {
		it.in, err = inflate(ctx, file, it.size, it.name, make([]byte, 64<<10), func() {})
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.WithFields(logrus.Fields{"file": path, "err": err}).Warn("a compressed file does not inflate: it is uploaded as it is")
		}
	}
	proof, err := p.put(ctx, path, w, it.object(w.target.pushedKey(it.name, p.cfg.CapturedAt), p.cfg.Now()))
	if err != nil {
		return err
	}
	after, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(before, after) || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return store.ErrChanged
	}
	receipt := it.receipt(proof, try, p.cfg.Now())
	if err := p.book(ctx, receipt); err != nil {
		return fmt.Errorf("it is on the node, but its receipt could not be booked: %w", err)
	}
	p.call(func() {
		if p.cfg.Receipt != nil {
			p.cfg.Receipt(path, receipt)
		}
	})
	return nil
}

// put waits until no file of that name is in flight: on a node, two that come
// at once under one name corrupt each other.
func (p *pusher) put(ctx context.Context, path string, w *way, obj sink.Object) (sink.Receipt, error) {
	if err := w.names.take(ctx, obj.Name); err != nil {
		return sink.Receipt{}, err
	}
	defer w.names.free(obj.Name)
	p.call(func() {
		if p.cfg.Started != nil {
			p.cfg.Started(path, obj.Size)
		}
	})
	sent := 0
	obj.Progress = func(n int) {
		sent += n
		p.sent(n)
	}
	obj.Content = p.limit.slowed(ctx, obj.Content)
	receipt, err := w.target.Sink.Put(ctx, obj)
	if err != nil {
		p.sent(-sent) // the next try sends all of it again
	}
	return receipt, err
}

func (p *pusher) sent(n int) {
	if p.cfg.Sent == nil || n == 0 {
		return
	}
	p.call(func() { p.cfg.Sent(n) })
}

func (p *pusher) call(f func()) {
	p.calls.Lock()
	defer p.calls.Unlock()
	f()
}

// book waits for room in the ledger as long as ctx lasts, and a little longer:
// the proof holds the key to what the node has.
func (p *pusher) book(ctx context.Context, receipt store.Receipt) error {
	booking, cancel := outliving(ctx, stopGrace)
	defer cancel()
	for {
		err := p.cfg.Ledger.Append(booking, []store.Receipt{receipt})
		var full *store.FullError
		if !errors.As(err, &full) {
			return err
		}
		p.repeats.say("ledger", logrus.Fields{"err": err}, "no room for receipts: the uploads pause")
		select {
		case <-booking.Done():
			return err
		case <-time.After(bookRetry):
		}
	}
}

// outliving returns a context that ends when cancelled, or grace after ctx.
func outliving(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

// openRegular opens a regular file; it asks first, for opening a FIFO waits.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = store.ErrNotRegular
	}
	if err != nil {
		return nil, nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = store.ErrNotRegular
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// claims are the names in flight.
type claims struct {
	mu   sync.Mutex // guards held
	held map[string]chan struct{}
}

// take waits until nobody else holds the name.
func (c *claims) take(ctx context.Context, name string) error {
	for {
		c.mu.Lock()
		busy, ok := c.held[name]
		if !ok {
			c.held[name] = make(chan struct{})
		}
		c.mu.Unlock()
		if !ok {
			return nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *claims) free(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.held[name])
	delete(c.held, name)
}
