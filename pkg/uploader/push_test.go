package uploader

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
	"github.com/storj/twitter-stream/pkg/store"
)

// pushed is what a push did.
type pushed struct {
	err      error
	receipts []store.Receipt
	sent     int64
}

func pushConfig(t *testing.T, st *store.Store, n *sinktest.WebNode) PushConfig {
	t.Helper()
	cfg := realConfig(t, n)
	book, err := st.OpenLedger(store.LedgerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return PushConfig{Targets: cfg.Targets, Ledger: book, Concurrency: 4, Retries: 5, Backoff: cfg.Backoff, Log: cfg.Log}
}

func push(t *testing.T, cfg PushConfig, paths ...string) (p pushed) {
	t.Helper()
	cfg.Receipt = func(_ string, r store.Receipt) { p.receipts = append(p.receipts, r) }
	cfg.Sent = func(n int) { p.sent += int64(n) }
	p.err = Push(t.Context(), cfg, paths)
	return p
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPush(t *testing.T) {
	t.Parallel()
	st, _ := realStore(t, 0)
	n := sinktest.NewWebNode(t)
	dir := t.TempDir()
	one := write(t, dir, "one file.txt", "one")
	for _, sub := range []string{"a", "b", "c/d"} { // one name in flight at a time
		for _, name := range []string{"same.txt", "été.bin", ".hidden", "empty"} {
			content := sub + name
			if name == "empty" {
				content = ""
			}
			write(t, filepath.Join(dir, "tree"), sub+"/"+name, content)
		}
	}
	if err := os.Symlink(one, filepath.Join(dir, "tree", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "tree"), filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	n.Fail(sinktest.Fault{Status: 503}, sinktest.Fault{CutAt: 0.5}, sinktest.Fault{Lie: sinktest.LieHash}, sinktest.Fault{Status: 500, Body: `{"error":"upload-error"}`})
	n.Rule(func(string, int64) sinktest.Fault { return sinktest.Fault{Slow: 10 * time.Millisecond} }) // so that they overlap
	cfg := pushConfig(t, st, n)
	files, bytes, err := Measure(t.Context(), []string{one, filepath.Join(dir, "linked")})
	p := push(t, cfg, one, filepath.Join(dir, "linked"))
	if p.err != nil {
		t.Fatal(p.err)
	}
	if len(p.receipts) != 13 || files != 13 || err != nil || p.sent != bytes {
		t.Errorf("%d receipts, %d files measured (%v), %d of %d bytes told, want 13", len(p.receipts), files, err, p.sent, bytes)
	}
	booked, err := st.Recent(100, store.ByPush)
	if err != nil || len(booked) != 13 {
		t.Errorf("%d receipts in the ledger (%v), want 13", len(booked), err)
	}
	for _, r := range booked {
		if _, ok := n.Content(r.FileHash); !ok || r.Key == "" || r.By != store.ByPush {
			t.Errorf("receipt %+v: not on the node", r)
		}
	}
	if clashes := n.Clashes(); len(clashes) > 0 {
		t.Errorf("in flight twice at a time: %v", clashes)
	}
	if _, err := os.Stat(one); err != nil {
		t.Errorf("a pushed file: %v", err)
	}
}

func TestPushGoesOnAfterARefusal(t *testing.T) {
	t.Parallel()
	st, _ := realStore(t, 0)
	n := sinktest.NewWebNode(t)
	n.Rule(func(name string, _ int64) sinktest.Fault {
		if strings.HasPrefix(name, "big") {
			return sinktest.Fault{Status: 413}
		}
		return sinktest.Fault{}
	})
	dir := t.TempDir()
	for _, name := range []string{"big1", "big2", "big3", "x1", "x2", "x3"} {
		write(t, dir, name, name)
	}
	fifoless := filepath.Join(dir, "missing")
	p := push(t, pushConfig(t, st, n), dir, fifoless)
	if len(p.receipts) != 3 || exitcode.Of(p.err) != exitcode.Failed {
		t.Errorf("%d receipts, %v, want 3 and exit 1", len(p.receipts), p.err)
	}
	for _, want := range []string{"big1", "big2", "big3", "missing", "413"} {
		if !strings.Contains(p.err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, p.err)
		}
	}
	if got := n.Tries(); got != 6 {
		t.Errorf("%d puts, want 6: what is refused for good is not tried again", got)
	}
}

func TestPushStopsWhereNothingCanWork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		exit   int
		tries  int
	}{{"wrong URL", 404, exitcode.Config, 4}, {"refused token", 403, exitcode.Credentials, 4}, {"down", 503, exitcode.Failed, 25}} { // four in flight and one that followed the first, five tries each
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			st, _ := realStore(t, 0)
			n := sinktest.NewWebNode(t)
			n.Rule(func(string, int64) sinktest.Fault { return sinktest.Fault{Status: tt.status} })
			dir := t.TempDir()
			for _, name := range numbered("f", 1, 100) {
				write(t, dir, name, name)
			}
			p := push(t, pushConfig(t, st, n), dir)
			if got := exitcode.Of(p.err); got != tt.exit || n.Tries() > tt.tries {
				t.Errorf("%v, exit %d after %d tries, want exit %d after %d at most", p.err, got, n.Tries(), tt.exit, tt.tries)
			}
			var e *sink.Error
			if !errors.As(p.err, &e) || e.Hint == "" && tt.status != 503 {
				t.Errorf("no hint in %v", p.err)
			}
		})
	}
}

func TestPushOfAFileThatChanges(t *testing.T) {
	t.Parallel()
	st, _ := realStore(t, 0)
	n := sinktest.NewWebNode(t)
	dir := t.TempDir()
	path := write(t, dir, "log.txt", "line\n")
	n.Rule(func(string, int64) sinktest.Fault {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			io.WriteString(f, "line\n")
			f.Close()
		}
		return sinktest.Fault{}
	})
	p := push(t, pushConfig(t, st, n), path, write(t, dir, "still", "x"))
	if !errors.Is(p.err, store.ErrChanged) || len(p.receipts) > 1 {
		t.Errorf("%v, %d receipts, want that log.txt has changed, and one", p.err, len(p.receipts))
	}
}

func TestPushIsStopped(t *testing.T) {
	t.Parallel()
	st, _ := realStore(t, 0)
	n := sinktest.NewWebNode(t)
	n.Rule(func(string, int64) sinktest.Fault { return sinktest.Fault{Stall: 0.5} })
	dir := t.TempDir()
	path := write(t, dir, "x", strings.Repeat("x", 1<<20))
	cfg := pushConfig(t, st, n)
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Sent = func(int) { cancel() }
	began := time.Now()
	if err := Push(ctx, cfg, []string{path}); !errors.Is(err, context.Canceled) || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %v, want %v at once", err, time.Since(began), context.Canceled)
	}
}

// sparse files cost the disk nothing; the node throws away what it gets.
func TestMemoryDoesNotDependOnTheSize(t *testing.T) {
	if testing.Short() {
		t.Skip("256 MiB through loopback: skipped with -short")
	}
	st, _ := realStore(t, 0)
	path := write(t, t.TempDir(), "big", "")
	const size = 256 << 20
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	cfg := pushConfig(t, st, sinktest.NewWebNode(t))
	cfg.Targets[0].Sink = discard{cfg.Targets[0].Sink.(interface{ URL() string }).URL()}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := push(t, cfg, path)
	runtime.ReadMemStats(&after)
	if p.err != nil || len(p.receipts) != 1 {
		t.Fatalf("%v, %d receipts", p.err, len(p.receipts))
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d bytes allocated for a file of %d, want 4 MiB at most", got, int64(size))
	}
}

// discard reads all of an object.
type discard struct{ url string }

func (d discard) Put(_ context.Context, obj sink.Object) (sink.Receipt, error) {
	_, err := io.Copy(io.Discard, io.NewSectionReader(obj.Content, 0, obj.Size))
	return sink.Receipt{Sink: "webnode", URL: d.url, FileHash: strings.Repeat("0", 64)}, err
}

func TestWalkOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b", "a/2", "a/1", "c/x/y"} {
		write(t, dir, name, "")
	}
	var got []string
	add := func(path string) {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Error(err)
		}
		got = append(got, filepath.ToSlash(rel))
	}
	err := walk(t.Context(), []string{dir}, add, func(string) {}, func(err error) { t.Error(err) })
	if want := []string{"a/1", "a/2", "b", "c/x/y"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("walk = %v, %v, want %v", got, err, want)
	}
}
