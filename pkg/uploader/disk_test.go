package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
	"github.com/storj/twitter-stream/pkg/sink/webnode"
	"github.com/storj/twitter-stream/pkg/store"
)

// A node is a Putter.
var _ Putter = (*webnode.Node)(nil)

const prefix = "Sodefaksd231-"

// realStore is a store on disk with count finished files; it returns their
// content by name.
func realStore(t *testing.T, count int) (*store.Store, map[string][]byte) {
	t.Helper()
	st, err := store.Open(store.Config{Dir: filepath.Join(t.TempDir(), "store"), Prefix: prefix, WorkingName: "grabber.dat", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	files := map[string][]byte{}
	for i := range count {
		name := fmt.Sprintf("%s20260102T030405.%06dZ-%06d.jsonl", prefix, i, i+1)
		files[name] = sinktest.Bytes(byte(i), 1000+137*i)
		if err := os.WriteFile(filepath.Join(st.Dir(), name), files[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return st, files
}

func realConfig(t *testing.T, n *sinktest.WebNode) Config {
	t.Helper()
	node, err := webnode.New(webnode.Config{URL: n.URL, Timeout: 30 * time.Second, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Close)
	cfg := config(nil)
	cfg.Targets = []Target{{Sink: node, Kind: webnode.Kind, URL: node.URL()}}
	cfg.Backoff = backoff.Policy{First: time.Millisecond, Max: 20 * time.Millisecond}
	cfg.Timeout = 30 * time.Second
	cfg.Retries = 50
	return cfg
}

// checkBooks compares receipts, node and files: each file once, readable again.
func checkBooks(t *testing.T, st *store.Store, n *sinktest.WebNode, files map[string][]byte) {
	t.Helper()
	receipts, err := st.Recent(1<<20, store.ByWatch)
	if err != nil {
		t.Fatal(err)
	}
	if len(receipts) != len(files) {
		t.Errorf("%d receipts for %d files", len(receipts), len(files))
	}
	for _, r := range receipts {
		sum := sha256.Sum256(files[r.Name])
		if r.SHA256 != hex.EncodeToString(sum[:]) || r.Size != int64(len(files[r.Name])) {
			t.Errorf("receipt of %s: %s, %d bytes, not the file's", r.Name, r.SHA256, r.Size)
		}
		if got, ok := n.Content(r.FileHash); !ok || !slices.Equal(got, files[r.Name]) {
			t.Errorf("%s: the node has %d bytes (%v), want %d", r.Name, len(got), ok, len(files[r.Name]))
		}
	}
	left, err := st.Scan(10, nil)
	if err != nil || left.Count != 0 {
		t.Errorf("%d files left (%v)", left.Count, err)
	}
	if clashes := n.Clashes(); len(clashes) > 0 {
		t.Errorf("in flight twice at a time: %v", clashes)
	}
}

// faulty does anything wrong, with a probability of two in three.
func faulty(random *rand.Rand) sinktest.Fault {
	faults := []sinktest.Fault{
		{Status: 503}, {Status: 500}, {Status: 502, Early: true}, {CutAt: 0.5}, {CutAt: 1}, {LoseAnswer: true},
		{Lie: sinktest.LieHash}, {Lie: sinktest.LieKey}, {Lie: sinktest.LieGarbage}, {Lie: sinktest.LieShort},
	}
	if i := random.IntN(len(faults) * 3 / 2); i < len(faults) {
		return faults[i]
	}
	return sinktest.Fault{}
}

func TestNodeThatDoesEverythingWrong(t *testing.T) {
	t.Parallel()
	st, files := realStore(t, 100)
	n := sinktest.NewWebNode(t)
	random := rand.New(rand.NewPCG(1, 2)) // the node asks one at a time
	n.Rule(func(string, int64) sinktest.Fault { return faulty(random) })
	cfg := realConfig(t, n)
	cfg.Drain, cfg.Concurrency = true, 8
	for _, lie := range []sinktest.Lie{sinktest.LieHash, sinktest.LieNothing} {
		n.Fail(sinktest.Fault{Lie: lie})
	}
	if err := New(cfg, st).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, st, n, files)
}

// A node that says 201 and does not have it keeps nothing from being tried
// again: the file stays.
func TestLyingNodeKeepsTheFile(t *testing.T) {
	t.Parallel()
	st, files := realStore(t, 3)
	n := sinktest.NewWebNode(t)
	n.Rule(func(string, int64) sinktest.Fault { return sinktest.Fault{Lie: sinktest.LieHash} })
	cfg := realConfig(t, n)
	cfg.Drain, cfg.Retries = true, 3
	if err := New(cfg, st).Run(t.Context()); err == nil {
		t.Error("Run = nil, want an error")
	}
	left, err := st.Scan(10, nil)
	if err != nil || left.Count != len(files) {
		t.Errorf("%d files left (%v), want %d", left.Count, err, len(files))
	}
	receipts, err := st.Recent(10, "")
	if err != nil || len(receipts) != 0 {
		t.Errorf("%d receipts (%v), want none", len(receipts), err)
	}
}

// Stopped at any moment and started again, nothing is lost nor booked twice.
func TestStoppedAgainAndAgain(t *testing.T) {
	t.Parallel()
	st, files := realStore(t, 200)
	n := sinktest.NewWebNode(t)
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		cfg := realConfig(t, n)
		if left, err := st.Scan(1, nil); err != nil || left.Count == 0 {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(5+random.IntN(40))*time.Millisecond)
		if err := New(cfg, st).Run(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	checkBooks(t, st, n, files)
}

// killed is a spool whose process dies at a step: from then on nothing works.
type killed struct {
	spool
	at string // "append", "remove"
}

type killedEntry struct{ entry }

func (k killed) open(name string) (entry, error) {
	e, err := k.spool.open(name)
	if err == nil && k.at == "remove" {
		e = killedEntry{e}
	}
	return e, err
}

func (killedEntry) remove() error {
	return &store.Error{Op: "remove", Path: "x", Err: os.ErrProcessDone}
}

func (k killed) openLedger(cfg store.LedgerConfig) (ledger, error) {
	l, err := k.spool.openLedger(cfg)
	return killedLedger{l, k.at}, err
}

type killedLedger struct {
	ledger
	at string
}

func (l killedLedger) Append(ctx context.Context, receipts []store.Receipt) error {
	if l.at == "append" {
		return &store.Error{Op: "append to", Path: "x", Err: os.ErrProcessDone}
	}
	return l.ledger.Append(ctx, receipts)
}

// Invariant 4: dead between proof and receipt, the file is put again, and the
// node answers with the same hash; dead between receipt and removal, it is not.
func TestInvariant4KilledBetweenTheSteps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at   string
		puts int
	}{{"append", 2}, {"remove", 1}} {
		t.Run(tt.at, func(t *testing.T) {
			t.Parallel()
			st, files := realStore(t, 1)
			n := sinktest.NewWebNode(t)
			cfg := realConfig(t, n)
			cfg.Drain = true
			if err := newUploader(cfg, killed{onDisk{st}, tt.at}).Run(t.Context()); err == nil {
				t.Fatal("Run = nil, want the death")
			}
			if left, err := st.Scan(1, nil); err != nil || left.Count != 1 {
				t.Fatalf("%d files left (%v), want 1", left.Count, err)
			}
			if err := New(cfg, st).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(n.Puts()); got != tt.puts {
				t.Errorf("%d puts, want %d", got, tt.puts)
			}
			checkBooks(t, st, n, files)
		})
	}
}

// Whatever is in the directory: only finished files go, nothing blocks.
func TestForeignThingsInTheStore(t *testing.T) {
	t.Parallel()
	st, files := realStore(t, 5)
	dir := st.Dir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, prefix+"dir"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "other.txt"), []byte("mine"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "."+prefix+"x"), []byte("mine"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "grabber.dat"), []byte("mine"), 0o600))
	must(os.Symlink("/etc/passwd", filepath.Join(dir, prefix+"link")))
	old := prefix + "1398000000.12-3.txt" // as the original named them
	files[old] = []byte(`{"a":1}{"b":2}`)
	must(os.WriteFile(filepath.Join(dir, old), files[old], 0o600))
	odd := prefix + "a\nb"
	files[odd] = []byte("x")
	must(os.WriteFile(filepath.Join(dir, odd), files[odd], 0o600))
	n := sinktest.NewWebNode(t)
	cfg := realConfig(t, n)
	cfg.Drain = true
	if err := New(cfg, st).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, st, n, files)
	for _, name := range []string{prefix + "dir", "other.txt", "." + prefix + "x", "grabber.dat", prefix + "link"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s was touched: %v", name, err)
		}
	}
	for _, put := range n.Puts() {
		if put.Name != sink.SafeName(put.Name) {
			t.Errorf("the node was told the name %q", put.Name)
		}
	}
}
