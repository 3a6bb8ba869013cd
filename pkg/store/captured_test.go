package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
)

// batchOf returns lines of 2.5 KB, as Twitter's are, that make about n bytes.
func batchOf(n int) []byte {
	line := fmt.Sprintf("{\"text\":%q}\n", strings.Repeat("a tweet, ", 277))
	return []byte(strings.Repeat(line, n/len(line)))
}

// BenchmarkBook compares what the book costs while a capture writes with all
// that writing costs, in one run: "book-%" is the share of the time of Append.
func BenchmarkBook(b *testing.B) {
	batch := batchOf(320 << 10)
	b.Run("append", func(b *testing.B) {
		s := openTemp(b)
		w := newWriter(b, s, WriterConfig{CutBytes: 1 << 20, SyncInterval: time.Second, Finished: func(name string, _ int64) {
			_ = os.Remove(filepath.Join(s.Dir(), name)) // as when it has been shipped
		}})
		b.SetBytes(int64(len(batch)))
		b.ReportAllocs()
		for b.Loop() {
			appendAll(b, w, batch)
		}
		per := b.Elapsed() / time.Duration(b.N)
		f := &working{sum: sha256.New()}
		began := time.Now()
		for range 100 {
			f.note(batch, began)
		}
		b.ReportMetric(float64(time.Since(began)/100)/float64(per)*100, "book-%")
	})
	b.Run("hash while writing", func(b *testing.B) {
		f := &working{sum: sha256.New()}
		b.SetBytes(int64(len(batch)))
		b.ReportAllocs()
		for b.Loop() {
			f.note(batch, time.Time{})
		}
	})
	b.Run("hash by reading again", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "file")
		if err := os.WriteFile(path, batch, 0o600); err != nil {
			b.Fatal(err)
		}
		block := make([]byte, windowSize)
		b.SetBytes(int64(len(batch)))
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			sum := sha256.New()
			for n := 1; n > 0; {
				n, _ = f.Read(block)
				sum.Write(block[:n])
				countLines(block[:n])
			}
			_ = f.Close()
		}
	})
}

// What the book keeps up for each message allocates nothing.
func TestBookAllocatesNothing(t *testing.T) {
	line := []byte(message(1) + "\n")
	f := &working{sum: sha256.New()}
	now := time.Now()
	if got := testing.AllocsPerRun(1000, func() { f.note(line, now) }); got != 0 {
		t.Errorf("%v allocations a message", got)
	}
}

// The two books in ledger/ do not take each other's files for their own, and
// who asks for receipts gets no lines of files.
func TestBooksAreApart(t *testing.T) {
	t.Parallel()
	s := openTemp(t)
	w := newWriter(t, s, WriterConfig{CutBytes: 1 << 20, SyncInterval: time.Second})
	appendAll(t, w, []byte(message(1)+"\n"))
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := s.OpenLedger(LedgerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r := Receipt{Name: "n", SHA256: strings.Repeat("a", 64), Sink: "x", By: ByWatch}
	if err := l.Append(t.Context(), []Receipt{r}); err != nil {
		t.Fatal(err)
	}
	receipts, damage, err := s.CheckLedger()
	if receipts != 1 || len(damage) != 0 || err != nil {
		t.Errorf("ledger: %d receipts, %v, %v; want 1", receipts, damage, err)
	}
	files, damage, err := s.CheckCaptured()
	if files != 1 || len(damage) != 0 || err != nil {
		t.Errorf("captured book: %d files, %v, %v; want 1", files, damage, err)
	}
	recent, err := s.Recent(10, "")
	if len(recent) != 1 || err != nil {
		t.Errorf("%d recent receipts, %v; want 1", len(recent), err)
	}
}

// Damage further up in the book is counted and said; a last line that is still
// being written is none.
func TestCheckCaptured(t *testing.T) {
	t.Parallel()
	line := string(coverage.File{Name: "n", SHA256: strings.Repeat("a", 64), First: time.Unix(1, 0), Last: time.Unix(2, 0)}.Line())
	m := newMemFS()
	m.put(versionFile, "1\n")
	m.put("ledger/captured-2026-10.ndjson", line+"not JSON\n"+line)
	m.put("ledger/captured-2026-11.ndjson", line+`{"kind":"newer"}`+"\n"+`{"kind":"span"}`+"\n"+line[:20])
	s, err := Open(Config{Dir: "/mem", Prefix: capturePrefix, WorkingName: "grabber.dat", fs: m, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	files, damage, err := s.CheckCaptured()
	if files != 3 || err != nil {
		t.Errorf("%d files, %v; want 3", files, err)
	}
	var got []string
	for _, d := range damage {
		got = append(got, fmt.Sprintf("%s:%d", d.File, d.Line))
	}
	if want := "[ledger/captured-2026-10.ndjson:2 ledger/captured-2026-11.ndjson:3]"; fmt.Sprint(got) != want {
		t.Errorf("damage at %v, want %s", got, want)
	}
}

// Only the months that are asked for are read.
func TestCapturedSince(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	m.put(versionFile, "1\n")
	for _, month := range []string{"2026-09", "2026-10", "2026-11", "2026-12"} {
		m.put("ledger/captured-"+month+".ndjson", month+"\n"+month+"\ntorn")
	}
	m.put("ledger/2026-10.jsonl", "a receipt\n")
	s, err := Open(Config{Dir: "/mem", Prefix: capturePrefix, WorkingName: "grabber.dat", fs: m, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from, stop string
		older      bool
		want       string
	}{
		{"", "", false, "[2026-09 2026-09 2026-10 2026-10 2026-11 2026-11 2026-12 2026-12]"},
		{"2026-10-31T23:59:59Z", "", true, "[2026-10 2026-10 2026-11 2026-11 2026-12 2026-12]"},
		{"2026-10-01T01:00:00+02:00", "2026-10", false, "[2026-09 2026-09 2026-10 2026-10]"},
		{"2027-01-01T00:00:00Z", "", true, "[]"},
	} {
		from, _ := time.Parse(time.RFC3339, test.from)
		var got []string
		older, err := s.CapturedSince(from, func(line []byte) bool {
			got = append(got, string(line))
			return string(line) != test.stop
		})
		if fmt.Sprint(got) != test.want || older != test.older || err != nil {
			t.Errorf("since %q: %v, older %v, %v; want %s, %v", test.from, got, older, err, test.want, test.older)
		}
	}
}

// A file that somebody dropped in under the name of ours: the line that holds
// is that of the name which ours got, and it takes back the other.
func TestBookOfAFileThatGotAnotherName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.add(w, 1); err != nil {
			t.Fatal(err)
		}
		c.m.syncDelay = time.Second
		if err := w.Cut(); err != nil {
			t.Fatal(err)
		}
		var name string
		for _, entry := range c.m.names(".") {
			if f, ok := parseDot(entry); ok {
				name = f.String()
			}
		}
		c.m.put(name, "somebody else's\n")
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines := bookLines(t, c.m)
		got := c.finished[len(c.finished)-1]
		if got == name || lines[got].Instead != name {
			t.Errorf("finished as %s, the book says %+v", got, lines[got])
		}
		entered(t, lines, got, message(1000)+"\n")
	})
}

// A disk that is full to the last byte: the reserve holds the lines without
// which nothing could be finished, shipped and removed.
func TestBookOnAFullDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(newMemFS())
		w, err := c.writer()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.add(w, 20); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := len(c.m.read(t, capturedReserveName)); got != capturedReserveBytes {
			t.Fatalf("the reserve has %d bytes", got)
		}
		synctest.Wait()
		before := len(c.finished)
		if err := c.add(w, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.m.capacity = c.m.root.size()
		c.m.fail = func(op memOp) error {
			if op.op == "remove" && op.name == capturedReserveName && !w.stopped() {
				t.Error("the reserve goes while the capture may take its room")
			}
			return nil
		}
		if err := w.Cut(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(c.finished) <= before {
			t.Error("nothing is finished on a full disk")
		}
		if slices.Contains(c.m.names(stateDir), path.Base(capturedReserveName)) {
			t.Fatal("the reserve was not needed")
		}
		w.s.captured.reserve.paused = time.Now().Add(reservePause) // as after a try that the full disk refused
		c.m.capacity += 3 << 20
		if err := w.Room(); err != nil {
			t.Fatal(err)
		}
		if got := len(c.m.read(t, capturedReserveName)); got != capturedReserveBytes {
			t.Errorf("when capture may go on the reserve has %d bytes: it takes the room first", got)
		}
		c.m.capacity = 0
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkBook(t, c.m)
	})
}

// The book's trouble: without room nothing of a batch is there and it can be
// offered again; a disk that fails is final.
func TestCapturedBookErrors(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{syscall.ENOSPC, syscall.EIO} {
		m := newMemFS()
		s, err := (&capture{m: m}).open()
		if err != nil {
			t.Fatal(err)
		}
		m.fail = func(op memOp) error {
			if op.op == "sync" && strings.Contains(op.name, capturedPrefix) {
				return failure
			}
			return nil
		}
		err = s.CapturedBook().Append([]byte("{}\n"))
		if isFull(err) != (failure == syscall.ENOSPC) || err == nil {
			t.Errorf("%v: %v", failure, err)
		}
		m.fail = nil
		err = s.CapturedBook().Append([]byte("{}\n"))
		if (err == nil) != errors.Is(failure, syscall.ENOSPC) {
			t.Errorf("again after %v: %v", failure, err)
		}
		month := time.Now().UTC().Format(monthLayout)
		if text := m.read(t, "ledger/"+capturedPrefix+month+capturedExtension); bytes.Count([]byte(text), []byte("\n")) > 1 {
			t.Errorf("after %v the book holds %q", failure, text)
		}
	}
}
