package uploader

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/sink"
)

// shelved is a place that knows paths and keeps what it gets.
type shelved struct {
	place
	mu   sync.Mutex
	all  map[string]string // by key
	open int               // puts that others could have read
	err  error
	only string // what err is about; "" all copies
}

func (s *shelved) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	data, err := io.ReadAll(io.NewSectionReader(obj.Content, 0, obj.Size))
	if err != nil {
		return sink.Receipt{}, err
	}
	r, err := s.place.Put(ctx, obj)
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(obj.Key, objectkey.Books+"/") && s.err != nil && strings.Contains(obj.Key, s.only) {
		return sink.Receipt{}, s.err
	}
	if err == nil {
		s.all[obj.Key] = string(data)
		if strings.HasPrefix(obj.Key, objectkey.Books+"/") && !obj.Private {
			s.open++
		}
	}
	return r, err
}

// books returns the keys of copies, each checked to be what it says.
func (s *shelved) books(t *testing.T, from map[string]string) (keys []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, data := range s.all {
		book, ok := objectkey.ParseBook(key)
		if !ok {
			continue
		}
		keys = append(keys, key)
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		got, err := dec.DecodeAll([]byte(data), nil)
		dec.Close()
		if want := from[book.File][:book.Size]; err != nil || string(got) != want {
			t.Errorf("%s holds %.40q (%v), want %.40q", key, got, err, want)
		}
	}
	slices.Sort(keys)
	return keys
}

func withShelf(cfg Config) (Config, *shelved) {
	s := &shelved{place: cfg.Targets[0].Sink.(place), all: map[string]string{}}
	cfg.Targets[0].Sink = s
	cfg.Targets[0].Key = func(name string, at time.Time) string { return "k/" + name }
	cfg.Books = "host-1"
	cfg.StatusPace = time.Minute // it is about days
	return cfg, s
}

// Once a day what has grown is copied to who knows paths, and a month that is
// over once more.
func TestBooksAreCopied(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a, b := newSpool("p-001"), newNode(nil), newNode(nil)
		s.books = map[string]string{"2000-01.jsonl": strings.Repeat("receipt\n", 50_000), "captured-2000-01.ndjson": "x\n"}
		cfg, shelf := withShelf(mirror(a, b)) // the clock of a bubble begins in 2000
		r := start(t, cfg, s)
		pass(5 * time.Minute)
		if keys := shelf.books(t, s.books); len(keys) != 0 {
			t.Errorf("copies at once: %v", keys)
		}
		pass(10 * time.Minute)
		first := []string{"_books/host-1/2000-01-01/2000-01.jsonl.400000.zst", "_books/host-1/2000-01-01/captured-2000-01.ndjson.2.zst"}
		equal(t, "copies", shelf.books(t, s.books), first)
		s.mu.Lock()
		s.books["2000-01.jsonl"] += "another\n"
		s.mu.Unlock()
		pass(time.Hour)
		equal(t, "copies on the same day", shelf.books(t, s.books), first)
		if err := r.end(); err != nil {
			t.Error(err)
		}
		r = start(t, cfg, s) // another process knows, and only what has grown is copied
		pass(24 * time.Hour)
		second := append(slices.Clone(first), "_books/host-1/2000-01-02/2000-01.jsonl.400008.zst")
		equal(t, "copies on the next day", shelf.books(t, s.books), second)
		pass(24 * time.Hour)
		equal(t, "copies while nothing grows", shelf.books(t, s.books), second) // nor a month that is over
		s.mu.Lock()
		s.books["2000-02.jsonl"] = "new\n"
		s.mu.Unlock()
		pass(24 * time.Hour)
		if keys := shelf.books(t, s.books); len(keys) != 4 || !strings.HasSuffix(keys[3], "2000-02.jsonl.4.zst") {
			t.Errorf("copies of the next month: %v", keys)
		}
		if err := r.end(); err != nil || shelf.open > 0 {
			t.Errorf("%v, %d copies that others could read", err, shelf.open)
		}
		for _, call := range b.seen() {
			if strings.Contains(call.name, ".zst") {
				t.Errorf("a web node got %s", call.name)
			}
		}
		if len(s.receipts) != 2 {
			t.Errorf("%d receipts, want those of the one file", len(s.receipts))
		}
	})
}

// A target that refuses the books still gets its files; the books come later.
func TestBooksAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a, b := newSpool(numbered("p-", 1, 9)...), newNode(nil), newNode(nil)
		s.books = map[string]string{"2000-01.jsonl": "receipt\n"}
		cfg, shelf := withShelf(mirror(a, b))
		shelf.err = refusal("x", sink.Permanent, 403)
		r := start(t, cfg, s)
		pass(5 * time.Hour)
		equal(t, "left in the store", s.names(), nil)
		if n := a.tries("2000-01.jsonl.8.zst"); n < 3 || n > 6 {
			t.Errorf("the books were tried %d times in five hours", n)
		}
		shelf.mu.Lock()
		shelf.err = nil
		shelf.mu.Unlock()
		pass(2 * time.Hour)
		if keys := shelf.books(t, s.books); len(keys) != 1 {
			t.Errorf("copies %v", keys)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// A file of the books that is refused keeps no other from being copied.
func TestOneBookIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, a, b := newSpool(numbered("p-", 1, 9)...), newNode(nil), newNode(nil)
		s.books = map[string]string{"2000-01.jsonl": "receipt\n", "2000-02.jsonl": "another\n", "captured-2000-01.ndjson": "line\n"}
		cfg, shelf := withShelf(mirror(a, b))
		shelf.err, shelf.only = refusal("x", sink.Permanent, 412), "2000-01.jsonl"
		r := start(t, cfg, s)
		pass(2 * time.Hour)
		if keys := shelf.books(t, s.books); len(keys) != 2 {
			t.Errorf("copies %v", keys)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// Who only ever drains has copies too.
func TestBooksAreCopiedByADrain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool("p-001")
		s.books = map[string]string{"2000-01.jsonl": "receipt\n"}
		cfg, shelf := withShelf(mirror(newNode(nil)))
		cfg.Drain = true
		for range 3 {
			if err := newUploader(cfg, s).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "copies", shelf.books(t, s.books), []string{"_books/host-1/2000-01-01/2000-01.jsonl.8.zst"})
		if n := len(shelf.seen()); n != 2 {
			t.Errorf("%d puts, want the file and the book once", n)
		}
	})
}

// A disk that is nearly full is left to the capture.
func TestBooksLeaveRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool()
		s.room = spare
		s.books = map[string]string{"2000-01.jsonl": strings.Repeat("receipt\n", 200_000), "2000-02.jsonl": "x\n"}
		cfg, shelf := withShelf(mirror(newNode(nil)))
		r := start(t, cfg, s)
		pass(3 * time.Hour)
		if keys := shelf.books(t, s.books); len(keys) != 1 || !strings.Contains(keys[0], "2000-02") {
			t.Errorf("copies %v, and only what is small has room", keys)
		}
		s.mu.Lock()
		s.room *= 2
		s.mu.Unlock()
		pass(2 * time.Hour)
		if keys := shelf.books(t, s.books); len(keys) != 2 {
			t.Errorf("copies %v when there is room", keys)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// What is packed is the same for the same lines.
func TestPack(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`{"name":"x","key":"0123456789abcdef"}`+"\n", 100_000)
	var sums [2][32]byte
	for i := range sums {
		var packed bytes.Buffer
		sum, size, err := compress(&packed, strings.NewReader(text), func() error { return nil })
		if err != nil || size != int64(packed.Len()) || size > int64(len(text))/10 {
			t.Errorf("%d bytes packed to %d (%v)", len(text), size, err)
		}
		sums[i] = sum
	}
	if sums[0] != sums[1] {
		t.Error("packed twice it is not the same")
	}
}
