// Package sinktest is the suite that every sink passes, and a minimal web node
// with faults to run it against.
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

// Putter is what a sink does.
type Putter interface {
	Put(ctx context.Context, obj sink.Object) (sink.Receipt, error)
}

// Node is a sink and the node behind it, which does wrong when told so.
type Node interface {
	Putter
	// Fail queues faults for the next puts, one each. Status codes are HTTP's;
	// a sink of another protocol translates.
	Fail(faults ...Fault)
	// Content returns what the node has for a receipt, readable again.
	Content(r sink.Receipt) ([]byte, bool)
}

// Run runs the suite; newNode is called once a test.
func Run(t *testing.T, newNode func(t testing.TB) Node) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, n Node)
	}{
		{"sizes", testSizes}, {"repeated", testRepeated}, {"lost answer", testLostAnswer},
		{"cut", testCut}, {"refused", testRefused}, {"early refusal", testEarly}, {"slow", testSlow},
		{"lying", testLying}, {"changed", testChanged}, {"cancelled", testCancelled}, {"progress", testProgress},
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

func must(t *testing.T, n Node, content []byte) sink.Receipt {
	t.Helper()
	receipt, err := n.Put(t.Context(), Object("object-1", content))
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
	if e := fails(t, n, Object("object-1", content), "lost answer"); e.Kind != sink.Temporary {
		t.Errorf("lost answer: kind %v (%v), want %v", e.Kind, e, sink.Temporary)
	}
	must(t, n, content)
}

func testCut(t *testing.T, n Node) {
	content := Bytes(4, 2<<20)
	for tenth := 1; tenth <= 10; tenth++ {
		n.Fail(Fault{CutAt: float64(tenth) / 10})
		if e := fails(t, n, Object("object-1", content), fmt.Sprintf("cut at %d/10", tenth)); e.Kind != sink.Temporary {
			t.Errorf("cut at %d/10: kind %v (%v), want %v", tenth, e.Kind, e, sink.Temporary)
		}
		must(t, n, content) // whole, from the first byte
	}
}

func testRefused(t *testing.T, n Node) {
	content := Bytes(5, 70_000)
	for status, want := range map[int]sink.Kind{
		400: sink.Permanent, 413: sink.Permanent,
		401: sink.Credentials, 403: sink.Credentials,
		402: sink.Pause,
		404: sink.Misdirected, 301: sink.Misdirected,
		408: sink.Temporary, 429: sink.Temporary, 500: sink.Temporary, 502: sink.Temporary, 503: sink.Temporary,
	} {
		n.Fail(Fault{Status: status, Header: map[string]string{"Retry-After": "7"}})
		e := fails(t, n, Object("object-1", content), strconv.Itoa(status))
		if e.Kind != want || e.Status != status {
			t.Errorf("answer %d: kind %v, status %d (%v), want kind %v", status, e.Kind, e.Status, e, want)
		}
		if want == sink.Temporary && e.RetryAfter != 7*time.Second {
			t.Errorf("answer %d with Retry-After 7: %v, want 7s", status, e.RetryAfter)
		}
	}
	must(t, n, content)
}

// testEarly: the refusal comes while most of the object is still to be sent,
// then the connection is reset.
func testEarly(t *testing.T, n Node) {
	content := Bytes(6, 16<<20)
	for range 5 {
		n.Fail(Fault{Status: 413, Body: "too large", Early: true})
		if e := fails(t, n, Object("object-1", content), "early 413"); e.Kind != sink.Permanent || e.Status != 413 {
			t.Errorf("413 while sending, then a reset: kind %v, status %d (%v), want the 413", e.Kind, e.Status, e)
		}
	}
}

func testSlow(t *testing.T, n Node) {
	n.Fail(Fault{Slow: 10 * time.Millisecond})
	must(t, n, Bytes(7, 500_000))
}

func testLying(t *testing.T, n Node) {
	content := Bytes(8, 70_000)
	for _, lie := range []Lie{LieHash, LieKey, LieEmpty, LieGarbage, LieShort, LieNothing} {
		n.Fail(Fault{Lie: lie})
		if e := fails(t, n, Object("object-1", content), "lie "+string(lie)); e.Kind != sink.Temporary {
			t.Errorf("lie %s: kind %v (%v), want %v", lie, e.Kind, e, sink.Temporary)
		}
	}
	must(t, n, content)
}

func testChanged(t *testing.T, n Node) {
	content := Bytes(9, 70_000)
	other := Object("object-1", content)
	other.SHA256[0] ^= 1
	short := Object("object-1", content)
	short.Size++
	for what, obj := range map[string]sink.Object{"another hash": other, "shorter than said": short} {
		if e := fails(t, n, obj, what); e.Kind != sink.Changed {
			t.Errorf("%s: kind %v (%v), want %v", what, e.Kind, e, sink.Changed)
		}
	}
}

func testCancelled(t *testing.T, n Node) {
	ctx, cancel := context.WithCancel(t.Context())
	obj := Object("object-1", Bytes(10, 2<<20))
	obj.Progress = func(int) { cancel() }
	n.Fail(Fault{Stall: 0.1})
	if _, err := n.Put(ctx, obj); !errors.Is(err, context.Canceled) {
		t.Errorf("put with a context cancelled while sending: %v, want %v", err, context.Canceled)
	}
}

func testProgress(t *testing.T, n Node) {
	obj := Object("object-1", Bytes(11, 300_000))
	var sum int64
	obj.Progress = func(k int) { sum += int64(k) }
	if _, err := n.Put(t.Context(), obj); err != nil || sum != obj.Size {
		t.Errorf("progress of %d bytes: %d (%v)", obj.Size, sum, err)
	}
}
