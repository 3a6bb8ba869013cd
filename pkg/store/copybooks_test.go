package store

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The books are listed by their whole lines, and read.
func TestBookFiles(t *testing.T) {
	t.Parallel()
	told := 0
	s := shipStore(t, newMemFS(), func(cfg *Config) { cfg.Appended = func() { told++ } })
	if files, err := s.BookFiles(true, true); err != nil || len(files) != 0 {
		t.Errorf("books of a new store: %v (%v)", files, err)
	}
	l := shipLedger(t, s, LedgerConfig{})
	if err := l.Append(t.Context(), []Receipt{receipt("tw-1", ByWatch), receipt("tw-2", ByPush)}); err != nil {
		t.Fatal(err)
	}
	if err := s.CapturedBook().Append([]byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	if told != 2 {
		t.Errorf("told of %d appends, want 2", told)
	}
	m := s.fs.(*memFS)
	m.put("ledger/2026-10.jsonl", "{}\n{}\ntorn")
	m.put("ledger/notes.txt", "a person's own")
	for _, tt := range []struct {
		receipts, captured bool
		want               string
	}{
		{true, true, "2026-10.jsonl 6, 2026-11.jsonl , captured-2026-11.ndjson 3"},
		{true, false, "2026-10.jsonl 6, 2026-11.jsonl "},
		{false, true, "captured-2026-11.ndjson 3"},
		{false, false, ""},
	} {
		files, err := s.BookFiles(tt.receipts, tt.captured)
		var got []string
		for _, file := range files {
			size := fmt.Sprint(file.Size)
			if file.Name == "2026-11.jsonl" {
				if file.Size < 400 {
					t.Errorf("%s has %d bytes", file.Name, file.Size)
				}
				size = ""
			}
			got = append(got, file.Name+" "+size)
		}
		if strings.Join(got, ", ") != tt.want || err != nil {
			t.Errorf("books %v, %v: %v (%v), want %s", tt.receipts, tt.captured, got, err, tt.want)
		}
	}
	f, err := s.OpenBook("2026-10.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 6))
	if err != nil || string(text) != "{}\n{}\n" || f.Close() != nil {
		t.Errorf("read %q (%v)", text, err)
	}
	for _, bad := range []string{"notes.txt", "../x", "ledger/2026-10.jsonl", "", "2026-13.jsonl"} {
		if _, err := s.OpenBook(bad); err == nil {
			t.Errorf("OpenBook(%q) opened something", bad)
		}
	}
}

func TestScratch(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	f, done, err := s.Scratch("books")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("packed")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 6)
	if n, err := f.ReadAt(buf, 0); n != 6 || string(buf) != "packed" {
		t.Errorf("read %q (%v)", buf[:n], err)
	}
	temp := tempName(stateDir + "/books")
	if _, err := m.Lstat(temp); err != nil {
		t.Errorf("it does not have the name by which the next start removes it: %v", err)
	}
	done()
	if _, err := m.Lstat(temp); err == nil {
		t.Error("it is still there")
	}
	if _, _, err := s.Scratch("../x"); err == nil {
		t.Error("a scratch file was made outside")
	}
}

// Receipts are read from the newest back to a time.
func TestReceiptsSince(t *testing.T) {
	t.Parallel()
	s := shipStore(t, newMemFS())
	read := func(from time.Time, by string) (names string) {
		t.Helper()
		if err := s.ReceiptsSince(from, by, func(r Receipt) { names += r.Name + " " }); err != nil {
			t.Fatal(err)
		}
		return names
	}
	if got := read(time.Time{}, ""); got != "" {
		t.Errorf("receipts of a new store: %s", got)
	}
	l := shipLedger(t, s, LedgerConfig{})
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5 {
		r := receipt(fmt.Sprint(i), ByWatch)
		if i == 3 {
			r.By = ByPush
		}
		r.Time = at.Add(time.Duration(i) * time.Hour)
		if err := l.Append(t.Context(), []Receipt{r}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		from     time.Time
		by, want string
	}{
		{time.Time{}, "", "4 3 2 1 0 "}, {time.Time{}, ByWatch, "4 2 1 0 "}, {at.Add(2 * time.Hour), ByWatch, "4 2 "},
		{at.Add(2 * time.Hour), "", "4 3 2 "}, {at.Add(9 * time.Hour), "", ""},
	} {
		if got := read(tt.from, tt.by); got != tt.want {
			t.Errorf("receipts since %v by %q: %s, want %s", tt.from, tt.by, got, tt.want)
		}
	}
}

// Of two who look in turns, and pass over each other's names, neither makes a
// file wait longer for the other.
func TestForeignOfTwo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		s := shipStore(t, m)
		m.put("tw-copy", "1")
		none := func(string) bool { return false }
		all := func(string) bool { return true }
		for range 10 {
			mustScan(t, s, 9, none)
			mustScan(t, s, 9, all)
			time.Sleep(300 * time.Millisecond)
		}
		if b := mustScan(t, s, 9, none); len(b.Names) != 1 {
			t.Errorf("after three seconds: %+v, want the file", b)
		}
		delete(m.root.entries, "tw-copy")
		mustScan(t, s, 9, all)
		if len(s.ship.looks.files) != 0 {
			t.Errorf("%d names that are gone are remembered", len(s.ship.looks.files))
		}
	})
}
