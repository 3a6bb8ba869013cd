package storj

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	start := func(t testing.TB) sinktest.Node { return newNode(t) }
	sinktest.Run(t, start)
	if os.Getenv(sinktest.LargeVariable) != "" {
		sinktest.RunLarge(t, start)
	}
}

// failed returns a put's error, which must be of that kind and say that.
func failed(t *testing.T, err error, kind sink.Kind, text string) {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Error()+e.Hint, text) {
		t.Errorf("%v, want kind %v with %q", err, kind, text)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "s3://bucket", "sj://", "sj://UP", "sj://u:geheim@bucket", "sj://bucket?access=geheim", "sj://bucket/../x"} {
		if _, err := New(Config{URL: raw, Timeout: time.Second}); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("New(%q): %v, want an error without what was written there", raw, err)
		}
	}
}

func TestTaken(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	obj := sinktest.Object("x", []byte("first"))
	for range 2 {
		if _, err := n.Put(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	delete(n.net.objects["a/dt=1/x"].custom, "sha256") // put by another program
	if _, err := n.Put(t.Context(), obj); err != nil {
		t.Errorf("the same content without a hash beside it: %v", err)
	}
	_, err := n.Put(t.Context(), sinktest.Object("x", []byte("other")))
	failed(t, err, sink.Permanent, "a/dt=1/x holds another object")
	if got := string(n.net.objects["a/dt=1/x"].content); got != "first" {
		t.Errorf("the bucket has %q, want what was there first", got)
	}
}

// A grant that is none is not quoted, and one that was refused is read anew.
func TestGrants(t *testing.T) {
	t.Parallel()
	grants := []string{"", "geheim"}
	b, err := New(Config{URL: "sj://bucket", Timeout: time.Second, KeysFile: "/etc/keys.ini", Access: func() (string, error) {
		g := grants[0]
		grants = grants[1:]
		return g, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = b.Put(t.Context(), sinktest.Object("x", nil))
	failed(t, err, sink.Credentials, "STORJ_ACCESS in /etc/keys.ini")
	_, err = b.Put(t.Context(), sinktest.Object("x", nil))
	failed(t, err, sink.Credentials, "no access grant")
	if strings.Contains(err.Error(), "geheim") {
		t.Errorf("%v: the error holds the grant", err)
	}
	n := newNode(t)
	if _, err := n.project(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range n.Refusals() {
		if r.Kind == sink.Credentials {
			n.net.faults = []sinktest.Fault{r.Fault}
		}
	}
	_, err = n.Put(t.Context(), sinktest.Object("x", nil))
	failed(t, err, sink.Credentials, "needs read, write and list")
	if n.open != nil {
		t.Error("the project stays open with a grant that was refused")
	}
}

func TestNoProgressFailsTheTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t)
		n.Fail(sinktest.Fault{Stall: 0.5})
		began := time.Now()
		_, err := n.Put(t.Context(), sinktest.Object("x", sinktest.Bytes(1, 1<<20)))
		failed(t, err, sink.Temporary, "nothing moved")
		if took := time.Since(began); took != n.cfg.Timeout || n.net.open != 0 {
			t.Errorf("failed after %v, %d uploads left open, want %v and none", took, n.net.open, n.cfg.Timeout)
		}
	})
}

func TestReader(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	obj := sinktest.Object("x-1.jsonl", []byte("content"))
	obj.Key, obj.Meta = "dt=1/x-1.jsonl", map[string]string{"by": "push"}
	receipt, err := n.Put(t.Context(), obj)
	if err != nil || receipt.Object != obj.Key || receipt.URL != "sj://archive/a/dt=1" || receipt.Sink != Kind {
		t.Fatalf("receipt %+v, %v", receipt, err)
	}
	ref := sink.Ref{Key: obj.Key}
	found, err := n.Stat(t.Context(), ref)
	if err != nil || found.Key != obj.Key || found.Size != 7 || found.SHA256 != receipt.FileHash || found.Meta["by"] != "push" || found.Meta["name"] != obj.Name {
		t.Errorf("Stat = %+v, %v", found, err)
	}
	body, err := n.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || string(got) != "content" {
		t.Errorf("Open: %q, %v", got, err)
	}
	for _, key := range []string{"nothing", "../x", ""} {
		if _, err := n.Stat(t.Context(), sink.Ref{Key: key}); !errors.Is(err, sink.ErrNotFound) {
			t.Errorf("Stat(%q): %v, want %v", key, err, sink.ErrNotFound)
		}
		if _, err := n.Open(t.Context(), sink.Ref{Key: key}); !errors.Is(err, sink.ErrNotFound) {
			t.Errorf("Open(%q): %v, want %v", key, err, sink.ErrNotFound)
		}
	}
	for prefix, want := range map[string]int{"": 1, "dt=1/": 1, "dt=1/x": 1, "dt=1/y": 0, "e": 0} {
		got := 0
		if err := n.List(t.Context(), prefix, func(f sink.Found) error { got++; return nil }); err != nil || got != want {
			t.Errorf("List(%q): %d objects, %v, want %d", prefix, got, err, want)
		}
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	if err := n.Look(t.Context()); err != nil || len(n.net.objects) > 0 || n.net.open > 0 {
		t.Errorf("Look: %v, left %d objects and %d uploads", err, len(n.net.objects), n.net.open)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.Fail(sinktest.Fault{Err: errNetwork, Early: true})
	if err := n.Look(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Look with a cancelled context: %v", err)
	}
}

// Who reads is not told of an upload.
func TestReadingIsNoUpload(t *testing.T) {
	t.Parallel()
	b, err := New(Config{URL: "sj://archive", Timeout: time.Second, Access: func() (string, error) { return "", nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, stat := b.Stat(t.Context(), sink.Ref{Key: "x"})
	_, open := b.Open(t.Context(), sink.Ref{Key: "x"})
	for _, err := range []error{stat, open, b.List(t.Context(), "", func(sink.Found) error { return nil })} {
		failed(t, err, sink.Credentials, "read from sj://archive")
	}
}
