// Package sinktest is the suite that every sink passes, and what to run it
// against: a minimal web node with faults, and a real S3 server behind a proxy
// that makes them.
//
// The suite knows a sink only by what package sink promises: that a receipt is
// proof, that errors say what to do, that a try sends everything or nothing.
package sinktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// SizeVariable is the environment variable that sets the largest object of the
// suite, in bytes (8 MiB without it).
const SizeVariable = "TWITTER_STREAM_TEST_OBJECT"

// LargeVariable is the environment variable that, set to anything, makes the
// large object 1 GiB instead of 80 MiB.
const LargeVariable = "TWITTER_STREAM_TEST_LARGE"

// Putter is what a sink does.
type Putter interface {
	Put(ctx context.Context, obj sink.Object) (sink.Receipt, error)
}

// Node is a sink and the node behind it, which does wrong when told so.
type Node interface {
	Putter
	sink.Reader
	// Fail queues faults for the next puts, one each. A sink that is no network's
	// translates: a connection that is cut is a write that fails, a lie is
	// content that is not what was written.
	Fail(faults ...Fault)
	// Left returns how many of them have not come to pass.
	Left() int
	// Refusals are the refusals that the node knows, and what each means.
	Refusals() []Refusal
	// Content returns what the node has for a receipt, readable again.
	Content(r sink.Receipt) ([]byte, bool)
}

// Refusal is one way in which a node refuses an object. Its Fault may be Early.
type Refusal struct {
	Name       string
	Fault      Fault
	Kind       sink.Kind     // that the error must have
	Status     int           // likewise
	RetryAfter time.Duration // likewise
}

// Run runs the suite; newNode is called once a test.
func Run(t *testing.T, newNode func(t testing.TB) Node) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, n Node)
	}{
		{"sizes", testSizes}, {"repeated", testRepeated}, {"lost answer", testLostAnswer},
		{"cut", testCut}, {"refused", testRefused}, {"slow", testSlow},
		{"full", testFull}, {"lying", testLying}, {"changed", testChanged}, {"cancelled", testCancelled}, {"progress", testProgress},
		{"read back", testReadBack},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, newNode(t))
		})
	}
}

// Object returns an object of pseudo-random content.
func Object(name string, content []byte) sink.Object {
	return sink.Object{Name: name, Size: int64(len(content)), SHA256: sha256.Sum256(content), Content: bytes.NewReader(content)}
}

// Bytes returns size bytes that are the same for the same seed.
func Bytes(seed byte, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

// named returns an object whose name is its content's alone: a sink may keep
// the first that it gets of a name.
func named(content []byte) sink.Object {
	sum := sha256.Sum256(content)
	return Object(fmt.Sprintf("object-%x", sum[:8]), content)
}

func must(t *testing.T, n Node, content []byte) sink.Receipt {
	t.Helper()
	receipt, err := n.Put(t.Context(), named(content))
	if err != nil {
		t.Fatalf("put of %d bytes: %v", len(content), err)
	}
	if got, ok := n.Content(receipt); !ok || !bytes.Equal(got, content) {
		t.Fatalf("put of %d bytes: the node has %d bytes (%v), want the same", len(content), len(got), ok)
	}
	return receipt
}

// fails puts content and returns the error, which must be a *sink.Error.
func fails(t *testing.T, n Node, obj sink.Object, what string) *sink.Error {
	t.Helper()
	receipt, err := n.Put(t.Context(), obj)
	var e *sink.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: put = %+v, %v, want a *sink.Error", what, receipt.FileHash, err)
	}
	if left := n.Left(); left > 0 {
		t.Errorf("%s: %d faults have not come to pass", what, left)
	}
	return e
}

func testSizes(t *testing.T, n Node) {
	largest := 8 << 20
	if s, err := strconv.Atoi(os.Getenv(SizeVariable)); err == nil {
		largest = s
	}
	for _, size := range []int{0, 1, 15, 16, 17, 32<<10 - 1, 32 << 10, 32<<10 + 1, 1 << 20, largest} {
		must(t, n, Bytes(1, size))
	}
}

func testRepeated(t *testing.T, n Node) {
	content := Bytes(2, 70_000)
	first, second := must(t, n, content), must(t, n, content)
	if first != second {
		t.Errorf("same content put twice: hashes %s and %s, want the same receipt", first.FileHash, second.FileHash)
	}
}

func testLostAnswer(t *testing.T, n Node) {
	content := Bytes(3, 70_000)
	n.Fail(Fault{LoseAnswer: true})
	if e := fails(t, n, named(content), "lost answer"); e.Kind != sink.Temporary {
		t.Errorf("lost answer: kind %v (%v), want %v", e.Kind, e, sink.Temporary)
	}
	must(t, n, content)
}

func testCut(t *testing.T, n Node) {
	for tenth := 1; tenth <= 10; tenth++ {
		content := Bytes(40+byte(tenth), 2<<20)
		n.Fail(Fault{CutAt: float64(tenth) / 10})
		if e := fails(t, n, named(content), fmt.Sprintf("cut at %d/10", tenth)); e.Kind != sink.Temporary {
			t.Errorf("cut at %d/10: kind %v (%v), want %v", tenth, e.Kind, e, sink.Temporary)
		}
		must(t, n, content) // whole, from the first byte
	}
}

// testRefused: early, the refusal comes while most of the object is still to
// be sent (then a connection is reset).
func testRefused(t *testing.T, n Node) {
	for _, r := range n.Refusals() {
		content, times := Bytes(5, 70_000), 1
		if r.Fault.Early {
			content, times = Bytes(6, 16<<20), 5
		}
		for range times {
			n.Fail(r.Fault)
			e := fails(t, n, named(content), r.Name)
			if e.Kind != r.Kind || e.Status != r.Status || e.RetryAfter != r.RetryAfter {
				t.Errorf("%s: kind %v, status %d, retry after %v (%v), want kind %v, status %d, retry after %v",
					r.Name, e.Kind, e.Status, e.RetryAfter, e, r.Kind, r.Status, r.RetryAfter)
			}
		}
	}
	must(t, n, Bytes(5, 70_000))
}

func testSlow(t *testing.T, n Node) {
	n.Fail(Fault{Slow: 10 * time.Millisecond})
	must(t, n, Bytes(7, 500_000))
}

func testLying(t *testing.T, n Node) {
	content := Bytes(8, 70_000)
	for _, lie := range []Lie{LieHash, LieKey, LieEmpty, LieGarbage, LieShort, LieNothing} {
		n.Fail(Fault{Lie: lie})
		if e := fails(t, n, named(content), "lie "+string(lie)); e.Kind != sink.Temporary {
			t.Errorf("lie %s: kind %v (%v), want %v", lie, e.Kind, e, sink.Temporary)
		}
	}
	must(t, n, content)
}

func testChanged(t *testing.T, n Node) {
	content := Bytes(9, 70_000)
	other := named(content)
	other.SHA256[0] ^= 1
	short := named(content)
	short.Size++
	for what, obj := range map[string]sink.Object{"another hash": other, "shorter than said": short} {
		if e := fails(t, n, obj, what); e.Kind != sink.Changed {
			t.Errorf("%s: kind %v (%v), want %v", what, e.Kind, e, sink.Changed)
		}
	}
}

func testCancelled(t *testing.T, n Node) {
	ctx, cancel := context.WithCancel(t.Context())
	obj := named(Bytes(10, 2<<20))
	obj.Progress = func(int) { cancel() }
	n.Fail(Fault{Stall: 0.1})
	if _, err := n.Put(ctx, obj); !errors.Is(err, context.Canceled) {
		t.Errorf("put with a context cancelled while sending: %v, want %v", err, context.Canceled)
	}
}

func testProgress(t *testing.T, n Node) {
	obj := named(Bytes(11, 300_000))
	var sum int64
	obj.Progress = func(k int) { sum += int64(k) }
	if _, err := n.Put(t.Context(), obj); err != nil || sum != obj.Size {
		t.Errorf("progress of %d bytes: %d (%v)", obj.Size, sum, err)
	}
}

// testFull: a sink that has no room says so, and takes the same object when there is.
func testFull(t *testing.T, n Node) {
	content := Bytes(12, 70_000)
	for _, r := range n.Refusals() {
		if r.Kind == sink.Pause {
			n.Fail(r.Fault)
			if e := fails(t, n, named(content), "full: "+r.Name); e.Kind != sink.Pause {
				t.Errorf("full, %s: kind %v (%v), want %v", r.Name, e.Kind, e, sink.Pause)
			}
			must(t, n, content)
			content = append(content, '.')
		}
	}
}

// RunLarge runs what is too much for every run of every sink: what a sink sends
// in pieces, or for long, is whole or not there as all else. Objects have 80 MiB,
// with LargeVariable 1 GiB.
func RunLarge(t *testing.T, newNode func(t testing.TB) Node) {
	t.Run("large", func(t *testing.T) {
		t.Parallel()
		size := 80 << 20
		if os.Getenv(LargeVariable) != "" {
			size = 1 << 30
		}
		testLarge(t, newNode(t), size)
	})
}

func testLarge(t *testing.T, n Node, size int) {
	content := Bytes(13, size)
	for _, fault := range []Fault{{CutAt: 0.3}, {CutAt: 0.9}, {CutAt: 1}, {Lie: LieHash}, {LoseAnswer: true}} {
		n.Fail(fault)
		if e := fails(t, n, named(content), fmt.Sprintf("large, %+v", fault)); e.Kind != sink.Temporary {
			t.Errorf("large, %+v: kind %v (%v), want %v", fault, e.Kind, e, sink.Temporary)
		}
	}
	must(t, n, content)
}
