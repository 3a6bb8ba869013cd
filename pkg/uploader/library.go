package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

const (
	// booksFirst is how long after a start the books are copied for the first
	// time ever, and booksSoon where they were on another day.
	booksFirst = 10 * time.Minute
	booksSoon  = time.Minute
	// booksAgain is how long it waits after a copy that failed.
	booksAgain = time.Hour
	// smallBook is what may be packed however little room there is, and spare what
	// else is left to the capture: its files, and what it pauses at. Bytes.
	smallBook, spare = 1 << 20, 256 << 20
	// byBooks is the metadata's by of a copy.
	byBooks = "books"
)

// library copies the books to the targets that know paths, once a day (UTC) as
// far as they have grown, so that a machine that has nothing but the bucket gets
// them back. objectkey.Book says what a copy is. It holds nothing up: what fails
// is said, and tried again an hour later.
type library struct {
	u     *Uploader
	begun time.Time // monotonic
	wait  map[string]time.Time
}

// shelf is what a target has: .state/books.json holds one a target, by
// targetID. A lost file costs a copy more.
type shelf struct {
	Day   string           `json:"day"`   // of the last copy of all that had grown, UTC
	Sizes map[string]int64 `json:"sizes"` // by file
}

func newLibrary(u *Uploader) *library {
	return &library{u: u, begun: time.Now(), wait: map[string]time.Time{}}
}

// run copies whenever a copy is due, until ctx ends.
func (l *library) run(ctx context.Context) {
	if l.u.cfg.Books == "" {
		return
	}
	tick := time.NewTicker(booksSoon)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.copy(ctx, time.Since(l.begun) >= booksFirst)
		}
	}
}

// copy brings each target up to date; ever: also one that never had a copy.
func (l *library) copy(ctx context.Context, ever bool) {
	if l.u.cfg.Books == "" {
		return
	}
	for _, target := range l.u.cfg.Targets {
		now, id := l.u.cfg.Now().UTC(), target.id()
		has := l.has(id)
		if target.Key == nil || ctx.Err() != nil || has.Day == now.Format(time.DateOnly) || has.Day == "" && !ever || time.Now().Before(l.wait[id]) {
			continue
		}
		if err := l.fill(ctx, target, has, now); err != nil && ctx.Err() == nil {
			l.wait[id] = time.Now().Add(booksAgain)
			l.u.cfg.Log.WithError(err).WithField("url", target.URL).Warn("the books could not be copied to a target: it is tried again in an hour")
		}
	}
}

// fill puts the files that have grown since the last copy. One that cannot be
// put holds no other up.
func (l *library) fill(ctx context.Context, target Target, has shelf, now time.Time) error {
	files, err := l.u.spool.BookFiles(true, true)
	if err != nil {
		return err
	}
	var failed error
	for _, file := range files {
		if file.Size == 0 || has.Sizes[file.Name] == file.Size {
			continue
		}
		copied := objectkey.Book{Store: l.u.cfg.Books, Day: now, File: file.Name, Size: file.Size}
		if err := l.put(ctx, target, copied); err != nil {
			failed = errors.Join(failed, fmt.Errorf("copy %s: %w", file.Name, err))
			var e *sink.Error
			if ctx.Err() != nil || errors.As(err, &e) && e.Kind != sink.Permanent {
				return failed // the next would meet the same
			}
			continue
		}
		has.Sizes[file.Name] = file.Size
		if err := l.keep(target.id(), has); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	has.Day = now.Format(time.DateOnly)
	return l.keep(target.id(), has)
}

// put packs the beginning of a book's file and puts it. What is packed lies on
// the store's disk meanwhile: an object's size and hash come before its bytes.
func (l *library) put(ctx context.Context, target Target, copied objectkey.Book) error {
	if err := l.room(copied.Size); err != nil {
		return err
	}
	book, err := l.u.spool.OpenBook(copied.File)
	if err != nil {
		return err
	}
	defer book.Close() //nolint:errcheck // only read
	packed, done, err := l.u.spool.Scratch("books")
	if err != nil {
		return err
	}
	defer done()
	word := &word{stage: l.u.uploading}
	defer word.end()
	sum, size, err := compress(packed, io.NewSectionReader(book, 0, copied.Size), func() error {
		word.renew(diskLimit)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	word.give(l.u.cfg.Timeout + slack)
	_, err = target.Sink.Put(ctx, sink.Object{
		Name: copied.Name(), Key: copied.Key(), Size: size, SHA256: sum, Content: l.u.limit.slowed(ctx, packed), Private: true,
		Meta: map[string]string{
			sink.MetaName: url.PathEscape(copied.File), sink.MetaSHA256: hex.EncodeToString(sum[:]), sink.MetaSize: strconv.FormatInt(size, 10),
			sink.MetaTime: l.u.cfg.Now().UTC().Format(time.RFC3339Nano), sink.MetaBy: byBooks, sink.MetaInflatedSize: strconv.FormatInt(copied.Size, 10),
		},
		Progress: func(int) { word.renew(l.u.cfg.Timeout + slack + time.Minute) },
	})
	return err
}

// room is an error where a book's copy, packed on the store's disk, might take
// what the capture needs.
func (l *library) room(size int64) error {
	free, err := l.u.spool.Free()
	if size <= smallBook || err != nil || free >= size+spare { // some systems do not tell
		return nil
	}
	return fmt.Errorf("the store's disk has %d MiB left, which is too little to pack it there", free>>20)
}

// compress writes one frame with a checksum, and returns its hash and size.
func compress(w io.Writer, r io.Reader, alive func() error) (sum [sha256.Size]byte, size int64, err error) {
	hashed := sha256.New()
	counted := &counter{w: io.MultiWriter(w, hashed)}
	enc, err := zstd.NewWriter(counted, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(512<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return sum, 0, err
	}
	buf := make([]byte, 64<<10)
	for err == nil {
		if err = alive(); err != nil {
			break
		}
		var n int
		n, err = r.Read(buf)
		if _, wrong := enc.Write(buf[:n]); wrong != nil {
			err = wrong
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	err = errors.Join(err, enc.Close())
	return [sha256.Size]byte(hashed.Sum(nil)), counted.n, err
}

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (l *library) shelves() map[string]shelf {
	all := map[string]shelf{}
	data, err := l.u.spool.ReadState(store.StateBooks)
	if err == nil && json.Unmarshal(data, &all) != nil || all == nil {
		all = map[string]shelf{}
	}
	return all
}

func (l *library) has(id string) shelf {
	has := l.shelves()[id]
	if has.Sizes == nil {
		has.Sizes = map[string]int64{}
	}
	return has
}

func (l *library) keep(id string, has shelf) error {
	all := l.shelves()
	all[id] = has
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return l.u.spool.WriteState(store.StateBooks, append(data, '\n'), false)
}
