package budget

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/stream"
)

const (
	// unit is that of money, in which Price and Limit are billionths.
	unit = 1e9
	// warnAt is the part of the budget, in percent, at which a person is warned.
	warnAt = 80
	// lookEvery is how often a pause looks whether it is over, and workLimit
	// what one such step may rightly take.
	lookEvery = time.Second
	workLimit = time.Minute
	// awaitEvery is how often it is looked whether the sum has been written.
	awaitEvery = 10 * time.Millisecond
)

// source is what is read from. *stream.Source is one. When ctx ends, Next closes
// the connection and still yields, one by one, what had been read from it.
type source interface {
	Next(ctx context.Context) ([]byte, error)
	Buffered() bool
	Counts() stream.Counts
}

// Config says what posts cost and whom to tell.
type Config struct {
	Price, Limit int64 // of a post and of a month, in billionths of one unit of money; Limit 0 is none
	Post         func(message []byte) bool
	// Read and Save have the sum's file: whole and durable, fs.ErrNotExist where
	// there is none.
	Read func() ([]byte, error)
	Save func([]byte) error
	// Hold is told once a second why nothing is read, and whether there may be a
	// connection meanwhile, and Release when reading goes on. Warn is told once a month that most of the budget is spent.
	Hold    func(why string, connected bool)
	Release func()
	Warn    func(text string)
	// Busy announces a step and until when it may rightly take.
	Busy func(limit time.Duration) (done func())
	Now  func() time.Time // wall clock; nil means time.Now
}

// Source hands on what another source yields, counts the posts in it, and when
// the month's budget is spent disconnects and waits for the next month. Next
// and Buffered are for one goroutine, all else for any.
type Source struct {
	source
	cfg    Config
	meter  *meter
	over   context.Context // one that has ended: what had been read is still to be had
	warned string          // the month that was warned of
	held   bool

	stop chan struct{}
	done chan struct{}
}

// New returns a source over inner, with the sum that a process before this one
// left. Close it in the end. The error wraps ErrDamaged, or is that of Read.
func New(inner source, cfg Config) (*Source, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	saved, err := found(cfg.Read)
	if err != nil {
		return nil, fmt.Errorf("read the sum of the posts: %w", err)
	}
	m, err := newMeter(saved, cfg.Save, cfg.Now)
	if err != nil {
		return nil, err
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	s := &Source{source: inner, cfg: cfg, meter: m, over: over, stop: make(chan struct{}), done: make(chan struct{})}
	go s.keep()
	return s, nil
}

// keep raises the sum on the disk whenever the posts come near it, so that the
// reader of the socket does not wait for the disk.
func (s *Source) keep() {
	defer close(s.done)
	pace := time.NewTicker(paceEvery)
	defer pace.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-pace.C:
			s.meter.pace()
		case <-s.meter.progress:
			_ = s.meter.raise() // the reader asks for it and says it
		}
	}
}

// Close writes the exact sum. What counted after it would be lost: nothing may
// be read any more.
func (s *Source) Close() error {
	close(s.stop)
	<-s.done
	return s.meter.settle()
}

// Next returns the next message, as the source beneath does. It blocks while the
// budget is spent.
func (s *Source) Next(ctx context.Context) ([]byte, error) {
	for {
		ask, spent := ctx, s.spent()
		if spent { // what has been read already is paid for, and handed out
			ask = s.over
		} else {
			s.await(ctx)
		}
		message, err := s.source.Next(ask)
		switch {
		case err == nil:
			s.take(message)
			return message, nil
		case !spent || ctx.Err() != nil:
			return nil, err
		}
		if err := s.pause(ctx); err != nil {
			return nil, err
		}
	}
}

// take counts a message if it is a post.
func (s *Source) take(message []byte) {
	if !s.cfg.Post(message) {
		return
	}
	s.meter.count()
	month, posts, _ := s.meter.sum()
	if most := s.most(); most > 0 && posts >= most/100*warnAt+(most%100*warnAt+99)/100 && s.warned != month {
		s.warned = month
		s.cfg.Warn(fmt.Sprintf("%d %% of this month's budget is spent: %s", posts*100/most, s.account(posts)))
	}
}

// most returns how many posts a month may have, 0 where there is no limit.
func (s *Source) most() uint64 { return uint64(s.cfg.Limit / s.cfg.Price) }

// spent reports whether the next post would be one too many.
func (s *Source) spent() bool {
	_, posts, _ := s.meter.sum()
	return s.cfg.Limit > 0 && posts >= s.most()
}

// account says what is spent.
func (s *Source) account(posts uint64) string {
	return fmt.Sprintf("%s of %s for %d posts", amount(s.money(posts)), amount(float64(s.cfg.Limit)/unit), posts)
}

// await returns when the sum on the disk holds the next post. Nothing is read
// meanwhile: on a disk that takes no sum no post could be stored either.
func (s *Source) await(ctx context.Context) {
	ok, _ := s.meter.ready()
	if ok {
		return
	}
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for said := time.Now(); s.rest(ctx, tick.C); {
		ok, unsaved := s.meter.ready()
		if ok {
			s.release()
			return
		}
		if unsaved != nil && time.Since(said) >= lookEvery {
			said = time.Now()
			s.hold("the sum of the posts that are paid for cannot be written: "+unsaved.Error(), true)
		}
	}
}

// pause returns nil when there is money again.
func (s *Source) pause(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for s.spent() {
		month, posts, _ := s.meter.sum()
		s.hold(fmt.Sprintf("the budget of %s is spent: %s; it goes on in the next month, or when stream_budget is raised", month, s.account(posts)), false)
		if !s.rest(ctx, tick.C) {
			return ctx.Err()
		}
	}
	s.release()
	return nil
}

// rest waits for the next tick and reports whether to go on.
func (s *Source) rest(ctx context.Context, tick <-chan time.Time) bool {
	defer s.cfg.Busy(workLimit)()
	select {
	case <-ctx.Done():
		return false
	case <-tick:
		return true
	}
}

func (s *Source) hold(why string, connected bool) {
	s.held = true
	s.cfg.Hold(why, connected)
}

func (s *Source) release() {
	if s.held {
		s.held = false
		s.cfg.Release()
	}
}

func (s *Source) money(posts uint64) float64 {
	return rounded(float64(posts) * float64(s.cfg.Price) / unit)
}

// Status returns what is spent and what the month will have cost at its end, if
// posts go on coming as they did since counting began in it.
func (s *Source) Status() *status.Budget {
	month, posts, since := s.meter.sum()
	spent := s.money(posts)
	b := &status.Budget{
		Month: month, Posts: posts, Spent: spent, Forecast: spent,
		Price: rounded(float64(s.cfg.Price) / unit), Limit: rounded(float64(s.cfg.Limit) / unit),
	}
	now := s.cfg.Now().UTC()
	end := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	if counted := now.Sub(since); !since.IsZero() && counted >= time.Minute { // of less, nothing follows
		b.Forecast = rounded(spent + spent/counted.Seconds()*end.Sub(now).Seconds())
	}
	return b
}

// rounded takes off what floats add to decimals.
func rounded(a float64) float64 { return math.Round(a*unit) / unit }

// amount prints money.
func amount(a float64) string {
	text := strings.TrimRight(strconv.FormatFloat(a, 'f', 9, 64), "0")
	return strings.TrimSuffix(text, ".")
}
