//go:build unix

package cmd_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// TestYesterdayStreamsAgain: what was fetched, or lies in an archive, is a stream
// again, byte for byte.
func TestYesterdayStreamsAgain(t *testing.T) {
	t.Parallel()
	const n = 500
	w := newWorld(t, sandbox.TwitterConfig{Messages: n}, sandbox.NodeConfig{}, quick("grabber_cut_size", "64", "upload_url", "archive"))
	want := w.capture(n)
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	fetched := filepath.Join(w.dir, "fetched")
	if code, out := w.run("uploader", "fetch", "--into", fetched); code != 0 {
		t.Fatalf("fetch exited %d:\n%s", code, out)
	}
	for name, dir := range map[string]string{"fetched": fetched, "the archive": filepath.Join(w.dir, "archive")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			again := t.TempDir()
			s := start(t, "daemon", "sandbox", "--replay", dir, "--dir", again, "--rate", "0")
			config := filepath.Join(again, "config.ini")
			eventually(t, "the sandbox is ready", func() bool { return holds(s.out.String(), "stop with Ctrl-C") })
			var out, problems bytes.Buffer
			grabber := exec.Command(filepath.Join(bin, "grabber"), "-c", config, "--stdout", "--messages", strconv.Itoa(n))
			grabber.Stdout, grabber.Stderr, grabber.Env = &out, &problems, os.Environ()
			if err := grabber.Run(); err != nil {
				t.Fatalf("%v\n%s", err, &problems)
			}
			if got := out.Bytes(); len(got) < len(want) || !bytes.Equal(got[:len(want)], want) {
				t.Errorf("%d bytes streamed again, want %d, or others", len(got), len(want))
			}
			s.stop()
		})
	}
}
