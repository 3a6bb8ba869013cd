package uploader

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/store"
)

const fakeURL = "http://node.test/api/upload"

// fakeSpool is a store in memory.
type fakeSpool struct {
	mu       sync.Mutex
	files    map[string]*fakeFile
	receipts []store.Receipt
	aside    map[string]store.Reason
	state    map[string][]byte
	events   chan struct{}
	books    map[string]string
	silent   bool // no events, and says so
	deaf     bool // no events, and does not say so
	scans    int
	appends  int   // that brought receipts
	room     int64 // on its disk

	captured  func(name string) time.Time
	openErr   map[string]error
	foreign   []string // names that never are quiet
	appendErr error
	removeErr map[string]error
}

type fakeFile struct{ content []byte }

func newSpool(names ...string) *fakeSpool {
	s := &fakeSpool{
		files: map[string]*fakeFile{}, aside: map[string]store.Reason{}, state: map[string][]byte{},
		room: 1 << 40, events: make(chan struct{}, 1), openErr: map[string]error{}, removeErr: map[string]error{},
	}
	for _, name := range names {
		s.files[name] = &fakeFile{[]byte("content of " + name)}
	}
	return s
}

func (s *fakeSpool) add(name, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = &fakeFile{[]byte(content)}
	if !s.silent && !s.deaf {
		select {
		case s.events <- struct{}{}:
		default:
		}
	}
}

func (s *fakeSpool) Scan(limit int, skip func(string) bool) (store.Backlog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scans++
	found := store.Backlog{Count: len(s.files), Foreign: slices.Clone(s.foreign)}
	for name, f := range s.files {
		found.Bytes += int64(len(f.content))
		if !skip(name) {
			found.Names = append(found.Names, name)
		}
	}
	slices.Sort(found.Names)
	found.Names = found.Names[:min(limit, len(found.Names))]
	return found, nil
}

func (s *fakeSpool) Watch() (<-chan struct{}, func(), error) {
	if s.silent {
		return s.events, func() {}, errors.ErrUnsupported
	}
	return s.events, func() {}, nil
}

func (s *fakeSpool) Captured(name string) bool { return strings.HasPrefix(name, "p-") }

func (s *fakeSpool) CapturedAt(name string) (time.Time, bool) {
	if s.captured == nil {
		return time.Time{}, false
	}
	return s.captured(name), true
}

func (s *fakeSpool) SyncRemovals() error  { return nil }
func (s *fakeSpool) CleanRejected() error { return nil }

func (s *fakeSpool) open(name string) (entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.openErr[name]; err != nil {
		return nil, err
	}
	f := s.files[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return &fakeEntry{bytes.NewReader(f.content), s, name, f, len(f.content)}, nil
}

func (s *fakeSpool) SetAside(name string, reason store.Reason) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[name] == nil {
		return "", fs.ErrNotExist
	}
	delete(s.files, name)
	s.aside[name] = reason
	return name, nil
}

func (s *fakeSpool) Rejected() ([]store.Reason, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []store.Reason
	for name := range s.aside {
		all = append(all, store.Reason{Name: name, Original: name})
	}
	return all, nil
}

func (s *fakeSpool) Recent(n int, by string) ([]store.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.receipts[max(0, len(s.receipts)-n):]), nil
}

func (s *fakeSpool) ReceiptsSince(from time.Time, by string, each func(store.Receipt)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.receipts) {
		if r.Time.Before(from) {
			break
		}
		if r.By == by {
			each(r)
		}
	}
	return nil
}

func (s *fakeSpool) Free() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room, nil
}

func (s *fakeSpool) BookFiles(bool, bool) (files []store.BookFile, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, text := range s.books {
		files = append(files, store.BookFile{Name: name, Size: int64(len(text))})
	}
	slices.SortFunc(files, func(a, b store.BookFile) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}

func (s *fakeSpool) OpenBook(name string) (interface {
	io.ReaderAt
	io.Closer
}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &fakeEntry{Reader: bytes.NewReader([]byte(s.books[name]))}, nil
}

// fakeScratch is a file in memory.
type fakeScratch struct{ bytes.Buffer }

func (f *fakeScratch) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.Bytes()).ReadAt(p, off)
}

func (s *fakeSpool) Scratch(string) (interface {
	io.Writer
	io.ReaderAt
}, func(), error) {
	return &fakeScratch{}, func() {}, nil
}

func (s *fakeSpool) openLedger(store.LedgerConfig) (ledger, error) { return s, nil }

func (s *fakeSpool) Append(_ context.Context, receipts []store.Receipt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.appends++
	if s.appendErr != nil {
		return s.appendErr
	}
	s.receipts = append(s.receipts, receipts...)
	return nil
}

func (s *fakeSpool) ReadState(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.state[name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (s *fakeSpool) WriteState(name string, data []byte, durable bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state[name] = data
	return nil
}

func (s *fakeSpool) RemoveState(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.state, name)
	return nil
}

func (s *fakeSpool) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *fakeSpool) booked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, r := range s.receipts {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

func (s *fakeSpool) setAsideNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.aside {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *fakeSpool) fill(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.appendErr = err
}

type fakeEntry struct {
	*bytes.Reader
	s    *fakeSpool
	name string
	file *fakeFile
	n    int
}

func (e *fakeEntry) size() int64         { return int64(e.n) }
func (e *fakeEntry) modified() time.Time { return time.Time{} }
func (e *fakeEntry) Close() error        { return nil }

func (e *fakeEntry) unchanged() error {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	return e.same()
}

// same is unchanged; e.s.mu is held.
func (e *fakeEntry) same() error {
	switch e.s.files[e.name] {
	case nil:
		return fs.ErrNotExist
	case e.file:
		return nil
	}
	return store.ErrChanged
}

func (e *fakeEntry) remove() error {
	e.s.mu.Lock()
	defer e.s.mu.Unlock()
	if err := e.s.removeErr[e.name]; err != nil {
		return err
	}
	err := e.same()
	if err == nil {
		delete(e.s.files, e.name)
	}
	return ignore(err, fs.ErrNotExist)
}

func config(n *fakeNode) Config {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return Config{
		Targets:     []Target{{Sink: n, Kind: "fake", URL: fakeURL, For: "us"}},
		Concurrency: 4, Retries: 5,
		Backoff: backoff.Policy{First: time.Second, Max: time.Minute},
		Timeout: time.Minute,
		Log:     logrus.NewEntry(log), Random: func() float64 { return 0.5 },
	}
}

// running is a Run in a goroutine.
type running struct {
	stop  context.CancelFunc
	ended chan struct{}
	err   error
	u     *Uploader
}

func start(t *testing.T, cfg Config, s *fakeSpool) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, ended: make(chan struct{}), u: newUploader(cfg, s)}
	go func() {
		defer close(r.ended)
		r.err = r.u.Run(ctx)
	}()
	return r
}

// over reports whether Run has returned.
func (r *running) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// end stops it and returns what Run returned.
func (r *running) end() error {
	r.stop()
	<-r.ended
	return r.err
}

func numbered(prefix string, from, to int) []string {
	var names []string
	for i := from; i <= to; i++ {
		names = append(names, prefix+string(rune('0'+i/100))+string(rune('0'+i/10%10))+string(rune('0'+i%10)))
	}
	return names
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
