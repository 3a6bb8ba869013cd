package serve

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Run(ctx, Config{Dir: dir, Faults: []string{"503", "node:503=2", "lie"}, Rate: 10}, w)
		w.Close()
		done <- err
	}()
	buf := make([]byte, 64<<10)
	n, err := r.Read(buf)
	if said := string(buf[:n]); err != nil || !strings.Contains(said, "daemon -c '"+filepath.Join(dir, "config.ini")+"'") || !strings.Contains(said, "half-message") {
		t.Errorf("said %q, %v", said, err)
	}
	cancel()
	if rest, err := io.ReadAll(r); err != nil || !strings.Contains(string(rest), "sent 0 messages") {
		t.Errorf("at the end %q, %v", rest, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSplitFaults(t *testing.T) {
	t.Parallel()
	tw, node, err := splitFaults(faultsOf(Twitter), []string{"503", "node:503*2", "lie", "twitter:html", "html", "node:html"})
	if err != nil || !slices.Equal(tw, []string{"503", "html", "html"}) || !slices.Equal(node, []string{"503*2", "lie", "html"}) {
		t.Errorf("%v, %v, %v", tw, node, err)
	}
	for _, bad := range []string{"nonsense", "node:half-message", "twitter:lie"} {
		if _, _, err := splitFaults(faultsOf(Twitter), []string{bad}); err == nil {
			t.Errorf("splitFaults(%q) was accepted", bad)
		}
	}
}
