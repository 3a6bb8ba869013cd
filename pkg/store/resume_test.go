package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/pack"
)

// memory is a Memory that keeps the numbers of all messages, or, before the
// first file is finished, the greatest that is stored.
type memory struct {
	mu       sync.Mutex
	stored   []int
	recalled int
	cuts     []int
	early    bool
	saved    bool
}

func numberOf(line []byte) (n int) {
	_, _ = fmt.Sscanf(string(line), `{"seq":%d`, &n) // only messages come
	return n
}

func (m *memory) Stored(lines []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for line := range strings.Lines(string(lines)) {
		m.stored = append(m.stored, numberOf([]byte(line)))
	}
}

func (m *memory) Cut() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cuts = append(m.cuts, len(m.stored))
	return uint64(len(m.cuts))
}

func (m *memory) Position() string { return "" }

func (m *memory) Save(number uint64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.recalled
	if number > 0 {
		n = m.cuts[number-1]
	}
	m.saved = true
	return fmt.Append(nil, "all", m.stored[:n])
}

func (m *memory) Early() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saved || m.recalled > 0 || len(m.stored) == 0 {
		return nil
	}
	return fmt.Append(nil, "upto ", m.stored[len(m.stored)-1])
}

func (m *memory) load(data []byte) {
	list, all := strings.CutPrefix(string(data), "all[")
	if !all {
		_, _ = fmt.Sscanf(string(data), "upto %d", &m.recalled) // it has nothing else
		m.early = true
		return
	}
	for _, field := range strings.Fields(strings.TrimSuffix(list, "]")) {
		var n int
		_, _ = fmt.Sscan(field, &n) // they are numbers
		m.stored = append(m.stored, n)
	}
}

// remembered returns what the next process knows from .state/resume and from
// what lies about.
func remembered(t testing.TB, next *memFS) *memory {
	t.Helper()
	m := &memory{}
	s, err := newCapture(next).open()
	if err == nil {
		err = s.Resume(m.load, func(message []byte) { m.stored = append(m.stored, numberOf(message)) })
	}
	if err != nil {
		t.Fatalf("Resume: %v", err)
	}
	if !m.early {
		m.recalled = len(m.stored)
	}
	return m
}

// After a kill or a power cut at any operation the next process knows of all
// that is in the store, once, and of nothing else: what is not known would be
// stored twice, what is known and not there would be lost.
func TestWhatIsRemembered(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func() *memFS{"new": newMemFS, "old": oldStore, "packed": func() *memFS { return packedStore(pack.Zstd) }} {
		for delay, every := range map[time.Duration]int{0: 3, 700 * time.Millisecond: 7} {
			t.Run(fmt.Sprint(name, " store, fsync takes ", delay), func(t *testing.T) {
				t.Parallel()
				eachOperation(t, func(t *testing.T, n int) bool {
					step := every
					c := newCapture(begin())
					if name == "packed" { // it has more operations, and each is dear
						step += 4
						c.cfg.Compress, c.later = Compression{Method: pack.Gzip, Level: 1}, Compression{Method: pack.Zstd}
					}
					n *= step
					memory := remembered(t, c.m)
					c.cfg.Memory = memory
					c.m.syncDelay = delay
					c.m.dieAt(c.m.operations()+n, diesHalf)
					err := c.run(patience(t))
					cuts := c.m.powerCuts()
					cuts["kill"] = c.m.restart()
					for fate, next := range cuts {
						next.syncDelay = 0
						c.knows(t, next)
						if t.Failed() {
							t.Errorf("%s at operation %d, which said %v:\n%s", fate, n, err, c.m.trace())
							break
						}
					}
					return c.m.died()
				})
			})
		}
	}
}

// knows compares what is remembered with what is in the store.
func (c *capture) knows(t testing.TB, next *memFS) {
	t.Helper()
	before := remembered(t, next)
	recoveredBy(t, next, c.later)
	found := where(t, next)
	delete(found, 1) // was finished by somebody who remembered nothing
	if before.early {
		for n := range c.accepted {
			if n <= before.recalled && found[n] == "" {
				t.Errorf("message %d is lost, the position is %d", n, before.recalled)
			}
		}
		return
	}
	slices.Sort(before.stored)
	for i, n := range before.stored {
		if found[n] == "" {
			t.Errorf("message %d is remembered and not in the store", n)
		}
		if i > 0 && n == before.stored[i-1] {
			t.Errorf("message %d is remembered twice", n)
		}
		delete(found, n)
	}
	for n, name := range found {
		t.Errorf("message %d in %s is not remembered", n, name)
	}
}

// Names are told apart by their times: somebody may have changed the prefix.
func TestResumeUnderAnotherPrefix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(Config{Dir: dir, Prefix: "a-", WorkingName: "w", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const told, later = "b-20261125T010000.000000Z-000001.jsonl", "a-20261125T010001.000000Z-000002.jsonl"
	for name, content := range map[string]string{
		resumeName: told + "\nsaved", dotName(told): `{"seq":1}` + "\n", dotName(later): `{"seq":2}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []int
	if err := s.Resume(func([]byte) {}, func(message []byte) { got = append(got, numberOf(message)) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []int{2}) {
		t.Errorf("told of %v, want the message of the later file alone", got)
	}
}

// A kill, and then a power cut while the next process recovers: what is
// remembered of a file that waits for its turn is on the disk by then.
func TestWhatIsRememberedOfARecovery(t *testing.T) {
	t.Parallel()
	for _, first := range []int{40, 85} {
		t.Run(fmt.Sprint("killed at operation ", first), func(t *testing.T) {
			t.Parallel()
			eachOperation(t, func(t *testing.T, n int) bool {
				c := newCapture(oldStore())
				c.cfg.Memory = remembered(t, c.m)
				c.m.syncDelay = 700 * time.Millisecond
				c.m.dieAt(c.m.operations()+first, diesBefore)
				_ = c.run(patience(t))
				again := newCapture(c.m.restart())
				again.m.syncDelay = 0
				again.cfg.Memory = remembered(t, again.m)
				again.m.dieAt(again.m.operations()+3*n, diesBefore)
				w, err := again.writer()
				if err == nil {
					err = w.Close(patience(t))
				}
				for fate, next := range again.m.powerCuts() {
					c.knows(t, next)
					if t.Failed() {
						t.Errorf("%s at operation %d of the recovery, which said %v:\n%s", fate, 3*n, err, again.m.trace())
						break
					}
				}
				return again.m.died()
			})
		})
	}
}
