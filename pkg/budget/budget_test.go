package budget

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/stream"
)

// posts is a source of so many messages a second; every tenth is no post.
type posts struct {
	every    time.Duration // between two
	buffered int           // that have been read when it is told to end
	sent     int
	open     bool
	opened   int
}

func (p *posts) Next(ctx context.Context) ([]byte, error) {
	if ctx.Err() == nil && !p.open {
		p.open, p.opened = true, p.opened+1
	}
	if ctx.Err() == nil {
		timer := time.NewTimer(p.every)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			return p.message(), nil
		}
	}
	if p.open && p.buffered > 0 {
		p.buffered--
		return p.message(), nil
	}
	p.open = false
	return nil, ctx.Err()
}

func (p *posts) message() []byte {
	p.sent++
	if p.sent%10 == 0 {
		return []byte("note")
	}
	return []byte("post")
}

func (p *posts) Buffered() bool        { return p.buffered > 0 }
func (p *posts) Counts() stream.Counts { return stream.Counts{} }

// world is what is around a source.
type world struct {
	posts posts
	step  atomic.Int64 // of the wall clock, nanoseconds

	mu     sync.Mutex // guards what follows
	file   []byte
	fail   error
	writes int
	said   []string
}

func (w *world) config(price, limit int64) Config {
	say := func(text string) { w.mu.Lock(); w.said = append(w.said, text); w.mu.Unlock() }
	return Config{
		Price: price, Limit: limit,
		Post: func(message []byte) bool { return string(message) == "post" },
		Read: func() ([]byte, error) {
			if w.file == nil {
				return nil, fs.ErrNotExist
			}
			return w.file, nil
		},
		Save: func(data []byte) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.fail == nil {
				w.file, w.writes = data, w.writes+1
			}
			return w.fail
		},
		Hold: func(why string, _ bool) { say("hold: " + why) }, Release: func() { say("release") }, Warn: func(text string) { say("warn: " + text) },
		Busy: func(time.Duration) func() { return func() {} },
		Now:  func() time.Time { return time.Now().Add(time.Duration(w.step.Load())) },
	}
}

// count returns how often something was said that begins so.
func (w *world) count(begin string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.said {
		if strings.HasPrefix(text, begin) {
			n++
		}
	}
	return n
}

// heard returns what was said last.
func (w *world) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.said[max(0, len(w.said)-3):])
}

// onDisk returns the sum that a process after a kill would begin with.
func (w *world) onDisk(t *testing.T) uint64 {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	m, err := newMeter(w.file, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, n := range m.posts {
		sum += n
	}
	return sum
}

// open makes a source; it is closed at the test's end.
func (w *world) open(t *testing.T, cfg Config) *Source {
	t.Helper()
	s, err := New(&w.posts, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read reads n messages.
func read(t *testing.T, s *Source, n int) {
	t.Helper()
	for i := range n {
		if _, err := s.Next(t.Context()); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

// At every instant the sum on the disk is at least what was handed out, and
// not more than the reserve above it.
func TestSumIsNeverBehind(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Minute, time.Second, 10 * time.Millisecond, 100 * time.Microsecond} {
		t.Run(every.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{posts: posts{every: every}}
				s := w.open(t, w.config(1, 0))
				handed, rate := uint64(0), uint64(time.Second/every)
				for range 400 {
					message, err := s.Next(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if string(message) == "post" {
						handed++
					}
					synctest.Wait() // the keeper has done what it was asked
					if disk := w.onDisk(t); disk < handed || disk > handed+max(2*leastReserve, 2*rate)+leastReserve {
						t.Fatalf("%d handed out, %d on the disk", handed, disk)
					}
				}
				err := s.Close()
				if w.writes > 100 {
					t.Errorf("%d writes for %d messages", w.writes, 400)
				}
				if err != nil || w.onDisk(t) != handed {
					t.Errorf("after Close %d on the disk, %v, want %d", w.onDisk(t), err, handed)
				}
			})
		})
	}
}

func TestPauseAndNextMonth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The clock of a bubble begins at 2000-01-01 UTC.
		w := &world{posts: posts{every: time.Second, buffered: 7}}
		s := w.open(t, w.config(5_000_000, 1_000_000_000)) // 0.005 of 1: 200 posts
		handed := make(chan int, 1<<12)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			for n := 0; ; n++ {
				_, err := s.Next(ctx)
				if err != nil {
					ended <- err
					return
				}
				handed <- n
			}
		}()
		time.Sleep(10 * time.Minute)
		b := s.Status()
		// 200 posts are 222 messages; 7 more had been read and are paid for.
		if n := len(handed); n != 229 || b.Posts < 200 || b.Posts > 207 || b.Spent < 1 || b.Month != "2000-01" || w.posts.open {
			t.Errorf("%d messages, %+v, connected %v; want 222 and the 7 that had been read, and no connection", n, b, w.posts.open)
		}
		if w.count("warn: 80 % of this month's budget is spent: 0.8 of 1 for 160 posts") != 1 || w.count("warn") != 1 {
			t.Errorf("said %q, want one warning at 80 %%", w.heard())
		}
		if n := w.count("hold: the budget of 2000-01 is spent: 1.0"); n < 100 {
			t.Errorf("said %d times that it pauses, want each second", n)
		}
		w.step.Store(int64(31 * 24 * time.Hour)) // into February
		time.Sleep(10 * time.Minute)
		if n := w.count("release"); n != 1 || w.posts.opened != 2 {
			t.Errorf("went on %d times with %d connections, want once more in the next month", n, w.posts.opened)
		}
		if b := s.Status(); b.Month != "2000-02" || b.Posts != 200 {
			t.Errorf("in February: %+v, want its own 200 posts", b)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("asked to stop in a pause: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		again := w.open(t, w.config(5_000_000, 1_000_000_000))
		if b := again.Status(); b.Posts != 200 || !again.spent() {
			t.Errorf("the next process: %+v", b)
		}
		_ = again.Close()
		raised := w.open(t, w.config(5_000_000, 2_000_000_000))
		if raised.spent() {
			t.Error("a raised budget changes nothing")
		}
		_ = raised.Close()
	})
}

// A clock that steps has posts counted in the month that it shows.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{posts: posts{every: time.Second}}
		s := w.open(t, w.config(1, 0))
		read(t, s, 10)
		w.step.Store(int64(100 * 24 * time.Hour))
		read(t, s, 20)
		w.step.Store(0)
		read(t, s, 10)
		if b := s.Status(); b.Month != "2000-01" || b.Posts != 18 {
			t.Errorf("after a step and back: %+v, want the 18 posts of January", b)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if sum := w.onDisk(t); sum != 36 {
			t.Errorf("%d posts over all months, want 36", sum)
		}
	})
}

// A disk that takes no sum takes no post either: nothing is read meanwhile.
func TestSumCannotBeWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{posts: posts{every: time.Second}, fail: errors.New("no space left on device")}
		s := w.open(t, w.config(1, 0))
		got := make(chan error, 1)
		go func() { _, err := s.Next(t.Context()); got <- err }()
		time.Sleep(time.Minute)
		if len(got) > 0 || w.posts.opened > 0 || w.count("hold: the sum of the posts that are paid for cannot be written: no space") < 50 {
			t.Errorf("read on: %d connections, said %q", w.posts.opened, w.heard())
		}
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		if err := <-got; err != nil || w.count("release") != 1 {
			t.Errorf("with room again: %v, %q", err, w.heard())
		}
		_ = s.Close()
	})
}

func TestForecast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{posts: posts{every: time.Minute}}
		s := w.open(t, w.config(10_000_000, 0))
		read(t, s, 1000) // 900 posts in 1000 minutes, at 0.01
		b := s.Status()
		if want := 900 * 0.01 * 31 * 24 * 60 / 1000; b.Spent != 9 || b.Forecast < want*0.99 || b.Forecast > want*1.01 {
			t.Errorf("%+v, want 9 spent and %.1f in the end", b, want)
		}
		_ = s.Close()
	})
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	w := &world{file: []byte(`{"months":`)}
	if _, err := New(&w.posts, w.config(1, 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("half a file: %v, want %v", err, ErrDamaged)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"months":{"2026-11":{"posts":12,"since":"2026-11-01T00:00:00Z"}}}`))
	f.Add([]byte(`{"months":{"x":{"posts":-1}}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := newMeter(data, func([]byte) error { return nil }, time.Now)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			return
		}
		m.count()
		if err := m.raise(); err != nil {
			t.Error(err)
		}
		_ = fmt.Sprint(m.sum())
	})
}
