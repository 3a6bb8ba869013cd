package retrieve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// getter gets files into temporary ones. Its methods may be called from any
// goroutine.
type getter struct {
	cfg   Config
	temps *temps

	mu   sync.Mutex // guards down
	down map[string]*outage
}

// outage is what a place that does not answer has cost so far.
type outage struct {
	failures int // in a row
	last     time.Time
	why      error
}

const (
	// patient is after how many files in a row a place is tried once a file, and
	// impatient after how many it is let alone for a while.
	patient, impatient = 3, 20
	alone              = 30 * time.Second
)

// get asks one place after the other. It returns the whole, proven content.
func (g *getter) get(ctx context.Context, f catalog.File) (t *temp, have measure, err error) {
	places := f.Places
	var failed []error
	if f.Waits || len(places) == 0 && !f.Rejected { // what nobody knew of may have its name now
		t, have, err = g.one(ctx, f, func(context.Context) (io.ReadCloser, error) { return g.cfg.Local(f) })
		if err == nil || ctx.Err() != nil {
			return t, have, err
		}
		if errors.Is(err, fs.ErrNotExist) && len(places) == 0 && g.cfg.Again != nil {
			if places, err = g.cfg.Again(f); err == nil {
				f.Places = places
			}
		}
		if err != nil && (f.Waits || !errors.Is(err, fs.ErrNotExist)) {
			failed = append(failed, fmt.Errorf("in the store: %w", err))
		}
	}
	for _, place := range places {
		t, have, err = g.from(ctx, f, place)
		if err == nil || ctx.Err() != nil {
			return t, have, err
		}
		failed = append(failed, err)
	}
	return nil, have, nowhere(f, failed)
}

// nowhere says why no place has a file.
func nowhere(f catalog.File, failed []error) error {
	switch {
	case len(failed) > 0:
		return errors.Join(failed...)
	case f.Rejected:
		return errors.New("no storage took it, and it was set aside in the store: uploader retry puts it back in line")
	}
	return errors.New("it was captured, but there is no receipt of it and it is not in the store")
}

// from tries one place again and again.
func (g *getter) from(ctx context.Context, f catalog.File, place store.Receipt) (t *temp, have measure, err error) {
	if err := g.isDown(place.URL); err != nil {
		return nil, have, err
	}
	for try := 1; ; try++ {
		t, have, err = g.one(ctx, f, func(ctx context.Context) (io.ReadCloser, error) { return g.cfg.Open(ctx, place) })
		if ctx.Err() != nil {
			return t, have, err
		}
		failures := g.note(place.URL, err)
		if err == nil {
			return t, have, nil
		}
		var wrong *contentError
		if errors.As(err, &wrong) {
			err = fmt.Errorf("what %s has is not what was put there: %w", redact.URL(place.URL), err)
		}
		wait, again := g.again(err)
		if !again || try >= g.cfg.Tries || failures >= patient {
			return nil, have, err
		}
		if err := pause(ctx, max(wait, backoff.Jitter(g.cfg.Backoff.Wait(try-1), rand.Float64))); err != nil {
			return nil, have, err
		}
	}
}

// again reports whether another try may help, and when.
func (g *getter) again(err error) (wait time.Duration, again bool) {
	var wrong *contentError
	var e *sink.Error
	switch {
	case errors.As(err, &e):
		const most = time.Minute
		return min(e.RetryAfter, most), e.Kind == sink.Temporary || e.Kind == sink.Pause
	case errors.As(err, &wrong):
		return 0, wrong.short // it may have been the connection
	}
	return 0, false
}

// note counts how often in a row a place did not answer.
func (g *getter) note(place string, err error) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	var e *sink.Error
	if !errors.As(err, &e) || e.Kind == sink.Permanent {
		delete(g.down, place)
		return 0
	}
	if g.down == nil {
		g.down = map[string]*outage{}
	}
	o := g.down[place]
	if o == nil {
		o = &outage{}
		g.down[place] = o
	}
	o.failures, o.last, o.why = o.failures+1, time.Now(), err
	return o.failures / g.cfg.Tries
}

// isDown spares a place that has not answered for long.
func (g *getter) isDown(place string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.down[place]
	if o == nil || o.failures < impatient || time.Since(o.last) > alone {
		return nil
	}
	return fmt.Errorf("%s was not asked: it has failed %d times in a row, the last time so: %w", redact.URL(place), o.failures, o.why)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// contentError says that bytes are not those that they should be.
type contentError struct {
	text  string
	short bool // there are not enough of them
}

func (e *contentError) Error() string { return e.text }

// one makes one try.
func (g *getter) one(ctx context.Context, f catalog.File, open func(context.Context) (io.ReadCloser, error)) (*temp, measure, error) {
	from, err := open(ctx)
	if err != nil {
		return nil, measure{}, err
	}
	defer from.Close() //nolint:errcheck // what counts is what was read
	t, err := g.temps.make()
	if err != nil {
		return nil, measure{}, err
	}
	have, err := g.copy(t, from, f)
	if err != nil {
		t.remove()
		return nil, measure{}, err
	}
	return t, have, nil
}
