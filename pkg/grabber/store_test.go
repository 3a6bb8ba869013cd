package grabber

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

var (
	_ source     = (*stream.Source)(nil)
	_ writer     = (*store.Writer)(nil)
	_ stateFiles = (*store.Store)(nil)
)

func TestCaptureIntoAStore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	spool, err := store.Open(store.Config{Dir: dir, Prefix: "test-", WorkingName: "grabber.dat", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	steps, lines := numbered(20_000, 300)
	c := newCapture(append(steps, ends)...)
	g := New(c.cfg, spool)
	w, err := spool.NewWriter(store.WriterConfig{CutBytes: 1 << 20, Busy: g.Busy, Finished: g.Finished})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context(), c.source, w); err != nil {
		t.Fatalf("Run = %v, want nil", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "test-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var stored strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		stored.Write(text)
	}
	if stored.String() != lines {
		t.Errorf("stored %q, want %q", shorten(stored.String()), shorten(lines))
	}
	if got := g.files.Load(); got != uint64(len(names)) || got < 6 {
		t.Errorf("counted %d files, want the %d that are there, at least 6", got, len(names))
	}
}
