package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const shipPrefix = "tw-"

// shipStore opens a store on a file system in memory, or with nil on a
// directory of the test's own.
func shipStore(t testing.TB, m *memFS, change ...func(*Config)) *Store {
	t.Helper()
	cfg := Config{Dir: "/mem", Prefix: shipPrefix, WorkingName: "grabber.dat", Create: true,
		Now: func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }}
	if m != nil {
		cfg.fs = m
	} else {
		cfg.Dir = filepath.Join(t.TempDir(), "store")
	}
	for _, change := range change {
		change(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func shipLedger(t testing.TB, s *Store, cfg LedgerConfig) *Ledger {
	t.Helper()
	if cfg.Self == (Holder{}) {
		cfg.Self = Holder{PID: 4711, Started: "today"}
	}
	l, err := s.OpenLedger(cfg)
	if err != nil {
		t.Fatalf("open ledger: %v", err)
	}
	return l
}

func receipt(name, by string) Receipt {
	return Receipt{
		Time: time.Date(2026, 11, 23, 13, 0, 0, 5, time.FixedZone("", 3600)), Name: name, Size: 3,
		SHA256: strings.Repeat("ab", 32), Sink: "webnode", URL: "http://node/api/upload",
		FileHash: strings.Repeat("cd", 32), Key: strings.Repeat("ef", 32), Attempts: 1, By: by,
	}
}

func mustAppend(t testing.TB, l *Ledger, receipts ...Receipt) {
	t.Helper()
	if err := l.Append(t.Context(), receipts); err != nil {
		t.Fatalf("append: %v", err)
	}
}

func recentNames(t testing.TB, s *Store, n int, by string) []string {
	t.Helper()
	found, err := s.Recent(n, by)
	if err != nil {
		t.Fatalf("recent: %v", err)
	}
	var names []string
	for _, r := range found {
		names = append(names, r.Name)
	}
	return names
}

func TestReceiptLine(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	l := shipLedger(t, s, LedgerConfig{})
	want := receipt("tw-<a>&\"\n", ByWatch)
	mustAppend(t, l, want)
	line := m.read(t, "ledger/2026-11.jsonl")
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		t.Fatalf("line %q: %v", line, err)
	}
	for _, field := range []string{"time", "name", "size", "sha256", "sink", "url", "filehash", "key", "attempts", "by"} {
		if _, ok := fields[field]; !ok {
			t.Errorf("line %q has no %q", line, field)
		}
	}
	if got := fields["time"]; got != "2026-11-23T12:00:00.000000005Z" {
		t.Errorf("time %v is not RFC 3339 in UTC", got)
	}
	if strings.Count(line, "\n") != 1 || line[len(line)-1] != '\n' {
		t.Errorf("%q is not one line", line)
	}
	got, err := s.Recent(1, ByWatch)
	want.Time = want.Time.UTC()
	if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("recent: got %+v, %v; want %+v", got, err, want)
	}
	if !got[0].Proves(want.Name, 3, want.SHA256) || got[0].Proves(want.Name, 4, want.SHA256) ||
		got[0].Proves("x", 3, want.SHA256) || got[0].Proves(want.Name, 3, "") || receipt(want.Name, ByPush).Proves(want.Name, 3, want.SHA256) {
		t.Error("Proves: only the same name, size and hash by watch does")
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	line := func(name, by string) string {
		text, _ := json.Marshal(receipt(name, by))
		return string(text) + "\n"
	}
	long := strings.Repeat("x", maxLine+1) + "\n"
	huge := strings.Repeat("x", 3*maxLine+17) + "\n"
	tests := []struct {
		name  string
		files map[string]string
		n     int
		by    string
		want  string
	}{
		{"empty", nil, 5, ByWatch, ""},
		{"empty file", map[string]string{"2026-01": ""}, 5, "", ""},
		{"fewer than asked for", map[string]string{"2026-01": line("a", ByWatch)}, 5, "", "a"},
		{"the last ones, oldest first", map[string]string{"2026-01": line("a", ByWatch) + line("b", ByWatch) + line("c", ByWatch)}, 2, "", "b c"},
		{"push in between does not count", map[string]string{"2026-01": line("a", ByWatch) + line("b", ByPush) + line("c", ByWatch) + line("d", ByPush)}, 2, ByWatch, "a c"},
		{"across months", map[string]string{"2025-12": line("a", ByWatch) + line("b", ByWatch), "2026-01": "", "2026-02": line("c", ByWatch)}, 2, ByWatch, "b c"},
		{"a torn last line", map[string]string{"2026-01": line("a", ByWatch) + line("b", ByWatch)[:20]}, 2, "", "a"},
		{"a last line without its end is still being written", map[string]string{"2026-01": line("a", ByWatch) + strings.TrimSpace(line("b", ByWatch))}, 2, "", "a"},
		{"damage", map[string]string{"2026-01": line("a", ByWatch) + "\n\x00\x00\n{}\nnull\n[]\n{\"name\":7}\n" + line("b", ByWatch)}, 2, "", "a b"},
		{"a long line", map[string]string{"2026-01": line("a", ByWatch) + long + line("b", ByWatch)}, 2, "", "a b"},
		{"a huge line", map[string]string{"2026-01": line("a", ByWatch) + huge + huge + line("b", ByWatch)}, 2, "", "a b"},
		{"a huge line that begins well", map[string]string{"2026-01": line("a", ByWatch) + strings.TrimSpace(line("x", ByWatch)) + strings.Repeat(" ", 2*maxLine+30_000) + "\n" + line("b", ByWatch)}, 2, "", "a b"},
		{"a huge torn line", map[string]string{"2026-01": line("a", ByWatch) + strings.TrimSpace(huge)}, 2, "", "a"},
		{"nothing but a huge line", map[string]string{"2026-01": huge, "2025-01": line("a", ByWatch)}, 2, "", "a"},
		{"foreign files", map[string]string{"2026-01": line("a", ByWatch), "2026-13": line("x", ByWatch), "captured-2026-01": line("y", ByWatch), "2026-1": line("z", ByWatch)}, 5, "", "a"},
		{"none asked for", map[string]string{"2026-01": line("a", ByWatch)}, 0, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMemFS()
			s := shipStore(t, m)
			for month, text := range test.files {
				m.put("ledger/"+month+".jsonl", text)
			}
			if got := strings.Join(recentNames(t, s, test.n, test.by), " "); got != test.want {
				t.Errorf("Recent(%d, %q): got %q, want %q", test.n, test.by, got, test.want)
			}
		})
	}
}

// Lines of any length must come back whole wherever the blocks end.
func TestRecentBlocks(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	var text bytes.Buffer
	var want []string
	for i := range 2000 {
		r := receipt(fmt.Sprintf("f%d-%s", i, strings.Repeat("y", i*37%1500)), ByWatch)
		if i == 1000 {
			r.URL = strings.Repeat("u", maxLine-len(r.Name)-400)
		}
		line, _ := json.Marshal(r)
		text.Write(append(line, '\n'))
		want = append(want, r.Name)
	}
	m.put("ledger/2026-01.jsonl", text.String())
	if got := recentNames(t, s, 5000, ""); !reflect.DeepEqual(got, want) {
		t.Errorf("got %d names, want %d, all the same", len(got), len(want))
	}
	before := m.operations()
	if got := recentNames(t, s, 10, ""); !reflect.DeepEqual(got, want[1990:]) {
		t.Errorf("the last 10: got %.60q", got)
	}
	if ops := m.operations() - before; ops > 10 {
		t.Errorf("the last 10 of a long ledger took %d operations:\n%s", ops, m.trace())
	}
}

func TestTailIsMended(t *testing.T) {
	t.Parallel()
	whole, _ := json.Marshal(receipt("whole", ByWatch))
	tests := []struct {
		name, tail string
		keeps      bool
	}{
		{"half a line", string(whole[:len(whole)/2]), false},
		{"all but the end of the object", string(whole[:len(whole)-1]), false},
		{"NULs", strings.Repeat("\x00", 5000), false},
		{"a huge one", strings.Repeat("z", 5*maxLine), false},
		{"an object that lacks only its line end", string(whole), true},
		{"no object", "7", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var said []string
			m := newMemFS()
			s := shipStore(t, m, func(c *Config) { c.Notice = func(file, text string) { said = append(said, file+": "+text) } })
			first := string(whole) + "\n"
			m.put("ledger/2026-11.jsonl", first+test.tail)
			l := shipLedger(t, s, LedgerConfig{})
			want := first
			if test.keeps {
				want += test.tail + "\n"
			}
			if got := m.read(t, "ledger/2026-11.jsonl"); got != want {
				t.Errorf("after the start: got %d bytes, want %d", len(got), len(want))
			}
			if len(said) != 1 || !strings.HasPrefix(said[0], "/mem/ledger/2026-11.jsonl: ") {
				t.Errorf("said %q, want one sentence about the file", said)
			}
			if synced := m.powerCut(namesLost, contentLost).read(t, "ledger/2026-11.jsonl"); synced != want {
				t.Error("what was mended is not on disk")
			}
			// and when another process has died since
			m.put("ledger/2026-11.jsonl", want+test.tail)
			mustAppend(t, l, receipt("next", ByWatch))
			if names := recentNames(t, s, 1, ""); names[0] != "next" || len(said) != 2 {
				t.Errorf("recent %q, said %q", names, said)
			}
		})
	}
}

func TestMonthBegins(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC)
	var said []string
	m := newMemFS()
	s := shipStore(t, m, func(c *Config) {
		c.Now = func() time.Time { return now }
		c.Notice = func(file, text string) { said = append(said, file+": "+text) }
	})
	l := shipLedger(t, s, LedgerConfig{})
	mustAppend(t, l, receipt("a", ByWatch))
	november := m.read(t, "ledger/2026-11.jsonl")
	m.put("ledger/2026-11.jsonl", november+`{"torn`)
	now = now.Add(time.Minute)
	mustAppend(t, l, receipt("b", ByWatch))
	if got := m.read(t, "ledger/2026-11.jsonl"); got != november || len(said) != 1 {
		t.Errorf("the month before ends in %q, said %q", got[len(got)-20:], said)
	}
	now = now.AddDate(0, -7, 0) // the clock steps back
	mustAppend(t, l, receipt("c", ByWatch))
	if got := strings.Count(m.read(t, "ledger/2026-12.jsonl"), "\n"); got != 2 {
		t.Errorf("december has %d lines, want 2", got)
	}
	if got := fmt.Sprint(m.names("ledger")); got != "[2026-11.jsonl 2026-12.jsonl]" {
		t.Errorf("ledger holds %s", got)
	}
	if got := fmt.Sprint(recentNames(t, s, 5, "")); got != "[a b c]" {
		t.Errorf("recent %s", got)
	}
	now = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := receipt("d", ByWatch)
	r.Time = time.Time{}
	if err := l.Append(t.Context(), []Receipt{r}); err == nil {
		t.Error("a receipt of the year 12026 was written")
	}
}

// The order of an append, and that a name is made durable once a process.
func TestAppendOrder(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	l := shipLedger(t, s, LedgerConfig{})
	order := func() string {
		before := m.operations()
		mustAppend(t, l, receipt("a", ByWatch), receipt("b", ByWatch))
		var ops []string
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, op := range m.log[before:] {
			if op.op == "write" && !strings.HasPrefix(op.name, "ledger/") {
				continue // the lock's text
			}
			if op.op == "write" || op.op == "sync" || op.op == "syncdir" {
				ops = append(ops, op.op+" "+op.name)
			}
		}
		return strings.Join(ops, ", ")
	}
	file := "write ledger/2026-11.jsonl, sync ledger/2026-11.jsonl"
	if got, want := order(), file+", syncdir ledger"; got != want {
		t.Errorf("new file: got %s, want %s", got, want)
	}
	if got := order(); got != file {
		t.Errorf("then: got %s, want %s", got, file)
	}
	// A process that finds the file does not know whether its name is durable.
	l = shipLedger(t, shipStore(t, m), LedgerConfig{})
	if got, want := order(), file+", syncdir ledger"; got != want {
		t.Errorf("another process: got %s, want %s", got, want)
	}
	if m.opened != 0 {
		t.Errorf("%d files were left open", m.opened)
	}
}

func TestFailedAppend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, op string
		err      error
		final    bool
		full     bool
	}{
		{"write", "write", syscall.EIO, false, false},
		{"write, full", "write", syscall.ENOSPC, false, true},
		{"create, quota", "create", syscall.EDQUOT, false, true},
		{"fsync", "sync", syscall.EIO, true, false},
		{"fsync, full", "sync", syscall.ENOSPC, false, true},
		{"fsync of the directory", "syncdir", syscall.EIO, true, false},
		{"read only", "create", syscall.EROFS, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMemFS()
			s := shipStore(t, m)
			mustAppend(t, shipLedger(t, s, LedgerConfig{}), receipt("before", ByWatch))
			l := shipLedger(t, s, LedgerConfig{})
			m.fail = func(op memOp) error {
				if op.op == test.op && strings.HasPrefix(op.name, "ledger") {
					return test.err
				}
				return nil
			}
			batch := []Receipt{receipt("a", ByWatch), receipt("b", ByWatch)}
			err := l.Append(t.Context(), batch)
			var full *FullError
			var trouble *Error
			if errors.As(err, &full) != test.full || errors.As(err, &trouble) == test.full || !errors.Is(err, test.err) {
				t.Errorf("got %#v, want full %v, cause %v", err, test.full, test.err)
			}
			if got := fmt.Sprint(recentNames(t, shipStore(t, m.restart()), 9, "")); got != "[before]" {
				t.Errorf("the next process finds %s", got)
			}
			m.fail = nil
			err = l.Append(t.Context(), batch)
			if test.final != (err != nil) {
				t.Errorf("second append: got %v, want it to fail: %v", err, test.final)
			}
			if !test.final && fmt.Sprint(recentNames(t, s, 9, "")) != "[before a b]" {
				t.Errorf("then recent is %v", recentNames(t, s, 9, ""))
			}
			if m.opened != 0 {
				t.Errorf("%d files were left open", m.opened)
			}
		})
	}
}

// A short write whose beginning cannot be taken back: never offer it again.
func TestAppendCannotBeTakenBack(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	l := shipLedger(t, s, LedgerConfig{})
	mustAppend(t, l, receipt("before", ByWatch))
	m.capacity = m.root.size() + 500 // the first of two lines
	m.fail = func(op memOp) error {
		if op.op == "truncate" {
			return syscall.EIO
		}
		return nil
	}
	batch := []Receipt{receipt("a", ByWatch), receipt("b", ByWatch)}
	for range 2 {
		var trouble *Error
		if err := l.Append(t.Context(), batch); !errors.As(err, &trouble) || errors.As(err, new(*FullError)) {
			t.Errorf("got %#v, want *Error and no *FullError", err)
		}
	}
	m.capacity, m.fail = 0, nil
	if got := fmt.Sprint(recentNames(t, s, 9, "")); got != "[before a]" {
		t.Errorf("recent %s", got)
	}
}

func TestAppendTooLong(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	l := shipLedger(t, shipStore(t, m), LedgerConfig{})
	if err := l.Append(t.Context(), []Receipt{receipt(strings.Repeat("n", maxLine), ByPush)}); err == nil {
		t.Error("a receipt that no reader takes was written")
	}
	if err := l.Append(t.Context(), nil); err != nil || len(m.names("ledger")) != 0 {
		t.Errorf("no receipts: %v, %q", err, m.names("ledger"))
	}
}

func TestLedgerWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemFS()
		s := shipStore(t, m)
		other := shipLedger(t, s, LedgerConfig{Self: Holder{PID: 7}})
		held, err := other.tryLock()
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		l := shipLedger(t, s, LedgerConfig{Waiting: func(h Holder, waited time.Duration) {
			told = append(told, fmt.Sprintf("%d %v", h.PID, waited.Round(time.Second)))
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 65*time.Second)
		defer cancel()
		if err := l.Append(ctx, []Receipt{receipt("a", ByWatch)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("append: got %v, want the context's error", err)
		}
		if got := fmt.Sprint(told); got != "[7 30s 7 1m0s]" {
			t.Errorf("told %s", got)
		}
		// Goroutines of one process wait for each other as long as ctx lasts too.
		go func() { _ = l.Append(t.Context(), []Receipt{receipt("b", ByWatch)}) }()
		synctest.Wait()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel() // and it has ended below
		if err := l.Append(ctx, []Receipt{receipt("c", ByWatch)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("second append: got %v", err)
		}
		_ = held.Close()
		mustAppend(t, l, receipt("d", ByWatch))
		// Who asked us to stop does not mean what is proven and need not wait.
		for i := range 20 {
			if err := l.Append(ctx, []Receipt{receipt(fmt.Sprint("late", i), ByPush)}); err != nil {
				t.Fatalf("append with a context that has ended: %v", err)
			}
		}
		if got := fmt.Sprint(recentNames(t, s, 9, ByWatch)); got != "[b d]" {
			t.Errorf("recent %s", got)
		}
	})
}

func TestTwoLedgersAtOnce(t *testing.T) {
	t.Parallel()
	s := shipStore(t, nil)
	const each = 60
	var all sync.WaitGroup
	for _, by := range []string{ByWatch, ByPush} {
		open := shipStore(t, nil, func(c *Config) { c.Dir = s.Dir() })
		l := shipLedger(t, open, LedgerConfig{Self: Holder{PID: len(by)}})
		for g := range 2 {
			all.Go(func() {
				for i := range each {
					if err := l.Append(t.Context(), []Receipt{receipt(fmt.Sprintf("%s-%d-%d", by, g, i), by)}); err != nil {
						t.Errorf("append: %v", err)
						return
					}
				}
			})
		}
	}
	all.Wait()
	receipts, damage, err := s.CheckLedger()
	if receipts != 4*each || len(damage) != 0 || err != nil {
		t.Errorf("got %d receipts, damage %v, %v; want %d whole ones", receipts, damage, err, 4*each)
	}
	if got := len(recentNames(t, s, 1000, ByPush)); got != 2*each {
		t.Errorf("got %d by push, want %d", got, 2*each)
	}
}

func TestCheckLedger(t *testing.T) {
	t.Parallel()
	line, _ := json.Marshal(receipt("a", ByWatch))
	good := string(line) + "\n"
	m := newMemFS()
	s := shipStore(t, m)
	if n, damage, err := s.CheckLedger(); n != 0 || damage != nil || err != nil {
		t.Errorf("empty: %d, %v, %v", n, damage, err)
	}
	m.put("ledger/2026-01.jsonl", good+"{\n"+good+strings.Repeat("x", 3*maxLine)+"\n"+good+string(line)) // over, and torn
	m.put("ledger/2026-02.jsonl", good)
	m.putMode("ledger/2026-03.jsonl", "", os.ModeDir|0o700)
	m.put("ledger/2026-04.jsonl", good+`{"time":`) // still being written
	n, damage, err := s.CheckLedger()
	var got []string
	for _, d := range damage {
		got = append(got, fmt.Sprintf("%s:%d", d.File, d.Line))
	}
	want := "[ledger/2026-01.jsonl:2 ledger/2026-01.jsonl:4 ledger/2026-01.jsonl:6 ledger/2026-03.jsonl:0]"
	if n != 5 || fmt.Sprint(got) != want || err != nil {
		t.Errorf("got %d, %v, %v; want 5, %s", n, got, err, want)
	}
	m.put("ledger/2025-01.jsonl", strings.Repeat("?\n", 10_000))
	_, damage, _ = s.CheckLedger()
	if len(damage) != maxDamage+1 || !strings.Contains(damage[maxDamage].Err.Error(), "9904 more") {
		t.Errorf("10,004 damaged lines: got %d, the last %v", len(damage), damage[len(damage)-1])
	}
}

// A secret that stands where it should not must not come back in an error.
func TestDamageHidesContent(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`{"key":123456789}`, `{"size":"123456789"}`, `123456789`, `"123456789`, `{"time":"123456789"}`} {
		if _, err := decodeReceipt([]byte(line)); err == nil || strings.Contains(err.Error(), "123456789") {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

// The file may become shorter while a reader goes through it.
func TestBackwardsOfShrunkenFile(t *testing.T) {
	t.Parallel()
	f := strings.NewReader("a\nb\nto")
	back := newBackwards(readerFile{ReaderAt: f}, 20)
	var got []string
	for {
		line, begin, err := back.prev()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d%s", begin, line))
	}
	if want := "[4to 2b 0a]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// readerFile is a file of which only ReadAt is asked.
type readerFile struct {
	file
	io.ReaderAt
}

func (r readerFile) ReadAt(p []byte, off int64) (int, error) { return r.ReaderAt.ReadAt(p, off) }

// Whatever a month's file holds: what was whole stays, and appends go on.
func FuzzLedgerTail(f *testing.F) {
	line, _ := json.Marshal(receipt("a", ByWatch))
	f.Add([]byte(""))
	f.Add(append(line, '\n'))
	f.Add(append(append(line, '\n'), line[:30]...))
	f.Add([]byte("\n\n{}\n\x00\x00"))
	f.Add(bytes.Repeat([]byte("x"), 70_000))
	f.Add([]byte(`{"name":"` + strings.Repeat("n", 70_000) + `"}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		m := newMemFS()
		s := shipStore(t, m)
		m.put("ledger/2026-11.jsonl", string(content))
		l := shipLedger(t, s, LedgerConfig{})
		mustAppend(t, l, receipt("new", ByWatch))
		text := m.read(t, "ledger/2026-11.jsonl")
		whole := content[:bytes.LastIndexByte(content, '\n')+1]
		if !strings.HasPrefix(text, string(whole)) {
			t.Fatalf("%q became %q: a whole line has changed", content, text)
		}
		tail := content[len(whole):]
		added := text[len(whole):]
		if isObject(tail) && len(tail) <= maxLine {
			kept := string(tail) + "\n"
			if !strings.HasPrefix(added, kept) {
				t.Fatalf("%q became %q: a whole object is gone", content, text)
			}
			added = added[len(kept):]
		}
		if strings.Count(added, "\n") != 1 || !strings.HasPrefix(added, `{"time":`) {
			t.Fatalf("%q became %q", content, text)
		}
		if got := recentNames(t, s, 1, ByWatch); len(got) != 1 || got[0] != "new" {
			t.Fatalf("recent after %q: %q", content, got)
		}
	})
}
