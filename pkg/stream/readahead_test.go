package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// fast makes a readAhead that has just seen a fast stretch.
func fast(from io.Reader) *readAhead {
	a := newReadAhead(from)
	a.fast = true
	a.start()
	return a
}

func TestReadAheadChangesNothing(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 3*stretchBytes+12345)
	for i := range text {
		text[i] = byte(random.Uint32())
	}
	broken := errors.New("broken")
	for range 5 {
		most, asked := random.IntN(40<<10)+1<<10, random.IntN(80<<10)+1<<10
		synctest.Test(t, func(t *testing.T) { // in which no time passes: so it is fast
			a := newReadAhead(&pieces{io.MultiReader(bytes.NewReader(text), iotest.ErrReader(broken)), most})
			got := bytes.NewBuffer(make([]byte, 0, len(text)))
			if _, err := io.CopyBuffer(onlyWriter{got}, a, make([]byte, asked)); !bytes.Equal(got.Bytes(), text) || !errors.Is(err, broken) {
				t.Fatalf("%d bytes, %v; want the %d that were sent, and then the error", got.Len(), err, len(text))
			}
			if n, err := a.Read(make([]byte, 1)); n != 0 || !errors.Is(err, broken) {
				t.Fatalf("after its end: %d, %v", n, err)
			}
			if a.ring == nil {
				t.Error("nothing was read ahead")
			}
			a.stop()
		})
	}
}

type onlyWriter struct{ io.Writer }

// pieces reads at most n bytes at a time.
type pieces struct {
	io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), p.n)]) }

func TestReadAheadHasBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var taken int
		a := fast(reader(func(p []byte) (int, error) { taken += len(p); return len(p), nil }))
		synctest.Wait()
		if taken != aheadBytes {
			t.Errorf("%d bytes were read ahead, want %d", taken, aheadBytes)
		}
		a.stop() // ends, or the bubble says that somebody waits for ever
	})
}

// A stream that is slow is read by who asks for it: one that was fast before,
// after a while.
func TestReadAheadLeavesSlowStreamsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pause := stretchTime / 8 // for an eighth of a stretch
		a := newReadAhead(reader(func(p []byte) (int, error) {
			time.Sleep(pause)
			return len(p), nil
		}))
		p := make([]byte, stretchBytes/8)
		for range 32 {
			_, _ = a.Read(p)
		}
		if a.ring != nil {
			t.Fatal("a slow stream is read ahead")
		}
		a.fast = true
		a.start()
		for range 32 {
			_, _ = io.ReadFull(a, p)
		}
		synctest.Wait()
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.running {
			t.Error("a stream that has become slow is still read ahead")
		}
	})
}

func TestReadAheadStopsInARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		a := fast(r)
		synctest.Wait()
		_ = w.CloseWithError(io.ErrUnexpectedEOF) // as the end of a connection does
		a.stop()
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	})
}

type reader func(p []byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

// A stream that never makes its reader wait is read ahead, and nothing of it is
// lost, added or out of order; one that is left in the middle leaves nobody.
func TestFastStream(t *testing.T) {
	t.Parallel()
	const messages = 8 * stretchBytes / 1000
	line := func(i int) string { return fmt.Sprintf(`{"id":%d,"text":%q}`, i, strings.Repeat("x", 970)) }
	for _, leave := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := bubble(t, 0, func(w io.Writer) {
				for i := 0; i < messages && write(w, line(i)+"\r\n"); i++ {
				}
			})
			n := 0
			for ; n < messages; n++ {
				if leave && n == messages*3/4 {
					break
				}
				if message, err := s.Next(t.Context()); err != nil || string(message) != line(n) {
					t.Fatalf("message %d: %.40q, %v", n, message, err)
				}
			}
			if s.conn.ahead == nil || s.conn.ahead.ring == nil {
				t.Error("nothing was read ahead")
			}
			if !leave {
				if _, err := s.Next(t.Context()); err == nil {
					t.Error("no end")
				}
			}
			_ = s.Close()
		})
	}
}

// What comes between two pauses of a fast stream is there at once, however little.
func TestFastStreamPauses(t *testing.T) {
	t.Parallel()
	const messages = 4 * stretchBytes / 1000
	line := `{"text":"` + strings.Repeat("x", 989) + `"}`
	synctest.Test(t, func(t *testing.T) {
		s := bubble(t, 0, func(w io.Writer) {
			for range messages {
				write(w, line+"\r\n")
			}
			time.Sleep(time.Second) // all of it is taken, and the next waited for
			write(w, line+"\r\n")
			time.Sleep(time.Minute)
		})
		began := time.Now()
		for n := range messages + 1 {
			if _, err := s.Next(t.Context()); err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
		}
		if s.conn.ahead.ring == nil {
			t.Error("nothing was read ahead")
		}
		if late := time.Since(began) - time.Second; late != 0 {
			t.Errorf("the last message came %v late", late)
		}
		_ = s.Close()
		time.Sleep(time.Minute) // the script's, in the bubble
	})
}
