package grabber

import (
	"bytes"
	"context"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// fakeWriter stores lines in memory.
type fakeWriter struct {
	mu      sync.Mutex // guards what follows
	stored  bytes.Buffer
	appends []time.Time
	most    int   // bytes that one Append takes; 0 any
	refuse  error // Append's
	noRoom  error // Room's
	broken  error // Tick's
	rooms   int
	hurried bool
	closed  int
	closing error
	hang    chan struct{} // Append blocks until it is closed, or for ever
	entered chan struct{}
}

func (w *fakeWriter) Append(lines []byte) (int, error) {
	w.mu.Lock()
	hang := w.hang
	w.mu.Unlock()
	if hang != nil {
		select {
		case w.entered <- struct{}{}:
		default:
		}
		<-hang
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.appends = append(w.appends, time.Now())
	if w.refuse != nil {
		return 0, w.refuse
	}
	n := len(lines)
	if w.most > 0 && n > w.most {
		n = bytes.LastIndexByte(lines[:w.most], '\n') + 1
	}
	w.stored.Write(lines[:n])
	return n, nil
}

func (w *fakeWriter) Tick() error { w.mu.Lock(); defer w.mu.Unlock(); return w.broken }
func (w *fakeWriter) Room() error { w.mu.Lock(); defer w.mu.Unlock(); w.rooms++; return w.noRoom }
func (w *fakeWriter) Hurry()      { w.mu.Lock(); defer w.mu.Unlock(); w.hurried = true }
func (w *fakeWriter) Damaged() uint64 {
	return 3
}

func (w *fakeWriter) Close(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed++
	return w.closing
}

func (w *fakeWriter) set(change func(w *fakeWriter)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// writes returns when Append was called.
func (w *fakeWriter) writes() []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.appends)
}

func (w *fakeWriter) lines() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stored.String()
}

// fakeState is .state in memory.
type fakeState struct {
	mu      sync.Mutex // guards what follows
	files   map[string][]byte
	durable []string // names written durably, in order
	saved   []time.Time
	fail    error
	hang    chan struct{} // WriteState blocks until it is closed
}

func (s *fakeState) ReadState(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.files[name]; ok {
		return slices.Clone(data), nil
	}
	return nil, fs.ErrNotExist
}

func (s *fakeState) WriteState(name string, data []byte, durable bool) error {
	if s.hang != nil {
		<-s.hang
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.files == nil {
		s.files = map[string][]byte{}
	}
	s.files[name] = slices.Clone(data)
	if durable {
		s.durable, s.saved = append(s.durable, name), append(s.saved, time.Now())
	}
	return nil
}

func (s *fakeState) RemoveState(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, name)
	return nil
}

func (s *fakeState) status(t *testing.T) status.Grabber {
	t.Helper()
	data, err := s.ReadState(store.StateGrabber)
	if err != nil {
		t.Fatal(err)
	}
	got, err := status.DecodeGrabber(data)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// entries records what is logged.
type entries struct {
	mu  sync.Mutex // guards all
	all []*logrus.Entry
}

func (e *entries) Levels() []logrus.Level { return logrus.AllLevels }

func (e *entries) Fire(entry *logrus.Entry) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, entry)
	return nil
}

// of returns the entries with this sentence.
func (e *entries) of(sentence string) (found []*logrus.Entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, entry := range e.all {
		if entry.Message == sentence {
			found = append(found, entry)
		}
	}
	return found
}
