package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// shipper does with a store what the watch loop does, one step after the other.
type shipper struct {
	node map[string]string // what the node has, by content: it survives everything
	// wrongOrder removes before the receipt is written, which the test must see.
	wrongOrder bool
	refuse     string // the name of a file that the node never takes
	reserve    bool   // a megabyte to copy for each death
}

func (sh *shipper) run(m *memFS) error {
	s, err := Open(Config{Dir: "/mem", Prefix: shipPrefix, WorkingName: "grabber.dat", fs: m})
	if err != nil {
		return err
	}
	if err := s.CleanRejected(); err != nil {
		return err
	}
	l, err := s.OpenLedger(LedgerConfig{Reserve: sh.reserve, Self: Holder{PID: 1}})
	if err != nil {
		return err
	}
	old, err := s.Recent(1024, ByWatch)
	if err != nil {
		return err
	}
	for {
		b, err := s.Scan(2, nil)
		if err != nil {
			return err
		}
		if len(b.Names) == 0 {
			return s.SyncRemovals()
		}
		if err := sh.ship(s, l, old, b.Names); err != nil {
			return err
		}
	}
}

// ship sends some files and writes their receipts as one batch.
func (sh *shipper) ship(s *Store, l *Ledger, old []Receipt, names []string) error {
	var batch []Receipt
	var gone []*Entry
	for _, name := range names {
		if name == sh.refuse {
			if _, err := s.SetAside(name, Reason{Reason: "refused"}); err != nil {
				return err
			}
			continue
		}
		e, err := s.OpenEntry(name)
		if err != nil {
			return err
		}
		content, err := io.ReadAll(io.NewSectionReader(e, 0, e.Size))
		_ = e.Close()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		hash := hex.EncodeToString(sum[:])
		gone = append(gone, e)
		if slices.ContainsFunc(old, func(r Receipt) bool { return r.Proves(name, e.Size, hash) }) {
			continue
		}
		sh.node[string(content)] = hash
		r := receipt(name, ByWatch)
		r.Size, r.SHA256 = e.Size, hash
		batch = append(batch, r)
	}
	steps := []func() error{
		func() error { return l.Append(context.Background(), batch) },
		func() error {
			for _, e := range gone {
				if err := s.Remove(e); err != nil {
					return err
				}
			}
			return nil
		},
	}
	if sh.wrongOrder {
		slices.Reverse(steps)
	}
	if err := steps[0](); err != nil {
		return err
	}
	return steps[1]()
}

// shipFiles are the finished files of the scenario, by name.
func shipFiles(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%s20261123T120000.00000%dZ-00000%d.jsonl", shipPrefix, i, i)] = fmt.Sprintf("{\"n\":%d}\n", i)
	}
	return files
}

func shipScene(t testing.TB, files map[string]string) *memFS {
	t.Helper()
	m := newMemFS()
	shipStore(t, m)
	for name, content := range files {
		m.put(name, content)
	}
	return m
}

// receiptsIn returns how many receipts each name has, in what can be read.
func receiptsIn(t testing.TB, m *memFS) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, file := range m.names(ledgerDir) {
		for line := range strings.Lines(m.read(t, ledgerDir+"/"+file)) {
			if r, err := decodeReceipt([]byte(line)); err == nil && strings.HasSuffix(line, "\n") {
				count[r.Name]++
			}
		}
	}
	return count
}

// kept fails unless each file is whole in the store or in rejected/, or has
// its receipt.
func (sh *shipper) kept(t testing.TB, m *memFS, files map[string]string, what func() string) bool {
	t.Helper()
	receipts := receiptsIn(t, m)
	for name, content := range files {
		stored := 0
		for _, dir := range []string{".", rejectedDir} {
			for _, there := range m.names(dir) {
				if there == name && strings.HasSuffix(m.read(t, strings.TrimPrefix(dir+"/"+name, "./")), content) {
					stored++
				}
			}
		}
		switch {
		case stored > 1:
			t.Errorf("%s: %s is there twice", what(), name)
		case stored == 0 && receipts[name] == 0:
			t.Errorf("%s: %s is gone without a receipt", what(), name)
		case receipts[name] > 0 && sh.node[content] == "":
			t.Errorf("%s: %s has a receipt and the node has nothing", what(), name)
		default:
			continue
		}
		return false
	}
	return true
}

// settled fails unless everything is where it belongs after an undisturbed run.
func (sh *shipper) settled(t testing.TB, m *memFS, files map[string]string, what func() string) bool {
	t.Helper()
	receipts := receiptsIn(t, m)
	for name := range files {
		want := 1
		if name == sh.refuse {
			want = 0
		}
		if receipts[name] != want {
			t.Errorf("%s: %s has %d receipts, want %d", what(), name, receipts[name], want)
			return false
		}
	}
	var want []string
	if sh.refuse != "" {
		want = []string{sh.refuse, sh.refuse + reasonSuffix}
	}
	if got := m.names(rejectedDir); !slices.Equal(got, want) {
		t.Errorf("%s: rejected holds %q, want %q", what(), got, want)
		return false
	}
	if got := m.names("."); len(got) != 3 || m.opened != 0 {
		t.Errorf("%s: the store holds %q, %d files are open", what(), got, m.opened)
		return false
	}
	return sh.kept(t, m, files, what)
}

// afterwards lets another process look at what a death left: nothing is lost,
// it finds its way, and a power cut after that takes nothing back.
func (sh *shipper) afterwards(t testing.TB, next *memFS, files map[string]string, what func() string) bool {
	t.Helper()
	if !sh.kept(t, next, files, what) {
		return false
	}
	if err := sh.run(next); err != nil {
		t.Errorf("%s: the next run: %v", what(), err)
		return false
	}
	again := func() string { return what() + ", shipped, power cut" }
	return sh.settled(t, next, files, what) &&
		sh.kept(t, next.powerCut(namesLost, contentLost), files, again) &&
		sh.kept(t, next.powerCut(namesKept, contentLost), files, again)
}

var deaths = map[string]death{"before": diesBefore, "half": diesHalf, "after": diesAfter}

// Invariant 4: a finished file leaves the store only after its receipt is in
// the ledger and on disk, wherever the process or the machine dies.
func TestInvariant4(t *testing.T) {
	t.Parallel()
	files := shipFiles(4)
	const refused = shipPrefix + "20261123T120000.000002Z-000002.jsonl"
	for how, dies := range deaths {
		for n := 1; ; n++ {
			m := shipScene(t, files)
			sh := &shipper{node: map[string]string{}, refuse: refused}
			m.dieAt(n, dies)
			err := sh.run(m)
			if !m.died() {
				if err != nil {
					t.Fatalf("the run without a death: %v", err)
				}
				if n < 80 {
					t.Fatalf("only %d operations:\n%s", n, m.trace())
				}
				break
			}
			cuts := m.powerCuts()
			cuts["kill"] = m.restart()
			for cut, next := range cuts {
				what := func() string { return fmt.Sprintf("died %s operation %d, %s:\n%s", how, n, cut, m.trace()) }
				if !sh.afterwards(t, next, files, what) {
					return
				}
			}
		}
	}
}

// The same with a process that dies, is started again, and then the power goes:
// what the second believes must be on disk although the first wrote it.
func TestInvariant4DiesTwice(t *testing.T) {
	t.Parallel()
	files := shipFiles(1)
	for n := 1; ; n++ {
		for how, dies := range deaths {
			first := shipScene(t, files)
			sh := &shipper{node: map[string]string{}}
			first.dieAt(n, dies)
			if _ = sh.run(first); !first.died() {
				return
			}
			for n2 := 1; ; n2++ {
				second := first.restart()
				second.dieAt(n2, diesAfter)
				if _ = sh.run(second); !second.died() {
					break
				}
				for _, names := range []namesFate{namesLost, namesKept} {
					for _, content := range []contentFate{contentLost, contentNULs} {
						what := func() string {
							return fmt.Sprintf("died %s operation %d, killed; after %d, power cut (%d, %d):\n%s\n%s",
								how, n, n2, names, content, first.trace(), second.trace())
						}
						if !sh.kept(t, second.powerCut(names, content), files, what) {
							return
						}
					}
				}
			}
		}
	}
}

// One operation fails, and the process ends.
func TestInvariant4Errors(t *testing.T) {
	t.Parallel()
	files := shipFiles(3)
	const refused = shipPrefix + "20261123T120000.000001Z-000001.jsonl"
	for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; ; n++ {
			m := shipScene(t, files)
			sh := &shipper{node: map[string]string{}, refuse: refused, reserve: failure == syscall.ENOSPC}
			if sh.reserve {
				m.put(reserveName, strings.Repeat("r", reserveBytes))
			}
			m.failAt(n, failure)
			before := m.operations()
			err := sh.run(m)
			if m.operations()-before < n {
				break
			}
			what := func() string { return fmt.Sprintf("%v at operation %d (%v):\n%s", failure, n, err, m.trace()) }
			if errors.As(err, new(*FullError)) && failure != syscall.ENOSPC {
				t.Fatalf("%s: that is no full disk", what())
			}
			cuts := map[string]*memFS{"ended": m.restart()}
			if !sh.reserve {
				maps.Copy(cuts, m.powerCuts())
			}
			for cut, next := range cuts {
				if !sh.afterwards(t, next, files, func() string { return cut + ", " + what() }) {
					return
				}
			}
		}
	}
}

// The test above must be able to fail: receipts after the removal are seen.
func TestInvariant4SeesWrongOrder(t *testing.T) {
	t.Parallel()
	files := shipFiles(2)
	seen := &failures{TB: t}
	for n := 1; ; n++ {
		m := shipScene(t, files)
		sh := &shipper{node: map[string]string{}, wrongOrder: true}
		m.dieAt(n, diesBefore)
		if _ = sh.run(m); !m.died() {
			break
		}
		sh.kept(seen, m.restart(), files, func() string { return "" })
	}
	if seen.count == 0 {
		t.Error("files that left before their receipts were not missed")
	}
}

// failures counts what would have failed a test.
type failures struct {
	testing.TB
	count int
}

func (f *failures) Errorf(string, ...any) { f.count++ }

// A process that finds the ledger full must not send anything anew: the same
// batch goes in when there is room, and once.
func TestInvariant4FullDisk(t *testing.T) {
	t.Parallel()
	files := shipFiles(3)
	m := shipScene(t, files)
	s, err := Open(Config{Dir: "/mem", Prefix: shipPrefix, WorkingName: "grabber.dat", fs: m})
	if err != nil {
		t.Fatal(err)
	}
	watch := shipLedger(t, s, LedgerConfig{Reserve: true})
	push := shipLedger(t, s, LedgerConfig{})
	mustAppend(t, watch, receipt("before", ByWatch))
	m.capacity = m.root.size() + 100
	if err := push.Append(t.Context(), []Receipt{receipt("p", ByPush)}); !errors.As(err, new(*FullError)) {
		t.Errorf("push on a full disk: got %v, want *FullError", err)
	}
	if !slices.Contains(m.names(stateDir), "reserve") {
		t.Error("push took the reserve")
	}
	mustAppend(t, watch, receipt("a", ByWatch), receipt("b", ByWatch))
	if slices.Contains(m.names(stateDir), "reserve") {
		t.Error("the reserve is still there: with what room were receipts written?")
	}
	m.capacity = m.root.size() + 100 // others took it
	batch := []Receipt{receipt("c", ByWatch), receipt("d", ByWatch)}
	for range 3 {
		if err := watch.Append(t.Context(), batch); !errors.As(err, new(*FullError)) {
			t.Errorf("without a reserve: got %v, want *FullError", err)
		}
	}
	m.capacity = m.root.size() + 4<<20
	mustAppend(t, watch, batch...)
	if got := fmt.Sprint(recentNames(t, s, 99, "")); got != "[before a b c d]" {
		t.Errorf("recent %s", got)
	}
	if got := m.read(t, reserveName); len(got) != reserveBytes {
		t.Errorf("the reserve has %d bytes again, want %d", len(got), reserveBytes)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	s.ship.reserve.refill(false)
	if s.ship.reserve.giveUp() || slices.Contains(m.names(stateDir), "reserve") {
		t.Error("a store that does not ship keeps a reserve")
	}
	shipLedger(t, s, LedgerConfig{}) // writes the lock's text
	m.capacity = m.root.size() + reserveBytes + reserveSlack - 1
	shipLedger(t, s, LedgerConfig{Reserve: true})
	if slices.Contains(m.names(stateDir), "reserve") {
		t.Error("the last of the room was taken")
	}
	m.capacity++
	shipLedger(t, s, LedgerConfig{Reserve: true})
	text := []byte(m.read(t, reserveName))
	if len(text) != reserveBytes || bytes.Contains(text, make([]byte, 64)) || bytes.Equal(text[:1000], text[64<<10:64<<10+1000]) {
		t.Errorf("%d bytes, or such that compress", len(text))
	}
	if got := m.powerCut(namesKept, contentLost).read(t, reserveName); len(got) != reserveBytes {
		t.Errorf("%d bytes of the reserve are on disk", len(got))
	}
	before := m.operations()
	shipLedger(t, shipStore(t, m), LedgerConfig{Reserve: true})
	if strings.Contains(traceSince(m, before), "write "+reserveName) {
		t.Error("a whole reserve was written again")
	}
	m.put(reserveName, "short")
	m.capacity += int64(len("short"))
	shipLedger(t, shipStore(t, m), LedgerConfig{Reserve: true})
	if got := len(m.read(t, reserveName)); got != reserveBytes {
		t.Errorf("a short reserve has %d bytes after the next start", got)
	}
}

func traceSince(m *memFS, from int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprint(m.log[from:])
}

// A quota does not show in what is free: half a reserve is not kept, and not
// tried at every removal.
func TestReserveQuota(t *testing.T) {
	t.Parallel()
	var said []string
	m := newMemFS()
	s := shipStore(t, m, func(c *Config) { c.Notice = func(file, text string) { said = append(said, file+": "+text) } })
	writes := 0
	var failure error = syscall.EDQUOT
	m.fail = func(op memOp) error {
		if op.op == "write" && op.name == reserveName {
			if writes++; writes%5 == 0 {
				return failure
			}
		}
		return nil
	}
	shipLedger(t, s, LedgerConfig{Reserve: true})
	for range 100 {
		s.ship.reserve.refill(false)
	}
	if writes != 5 || slices.Contains(m.names(stateDir), "reserve") || len(said) != 0 {
		t.Errorf("%d writes, want 5; .state holds %q; said %q", writes, m.names(stateDir), said)
	}
	failure = syscall.EIO
	shipLedger(t, s, LedgerConfig{Reserve: true})
	s.ship.reserve.mu.Lock()
	s.ship.reserve.paused = s.ship.reserve.paused.Add(-reservePause)
	s.ship.reserve.mu.Unlock()
	s.ship.reserve.refill(false)
	if len(said) != 1 || !strings.HasPrefix(said[0], "/mem/"+reserveName+": ") {
		t.Errorf("said %q, want one sentence", said)
	}
}

var _ fs.FileInfo = memInfo{}
