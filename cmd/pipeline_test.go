//go:build unix

package cmd_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// TestRecordedMessagesByteForByte sends what Twitter really sent through the
// whole pipeline and compares what comes back from the node.
func TestRecordedMessagesByteForByte(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tweets-v11.jsonl", "tweets-v11-control.jsonl"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := realData(t, name)
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, sandbox.TwitterConfig{Replay: path, ChunkBytes: 1777}, sandbox.NodeConfig{}, nil)
			pipe(t, w, bytes.Count(want, []byte("\n")))
			got := bytes.Join(lines(t, w.captured()), []byte("\n"))
			if !bytes.Equal(append(got, '\n'), want) {
				t.Errorf("%d bytes came back, not the %d that were sent, or others", len(got)+1, len(want))
			}
		})
	}
}

// TestMadeUpMessagesByteForByte is the same for a clone without recorded data.
func TestMadeUpMessagesByteForByte(t *testing.T) {
	t.Parallel()
	const n = 3000
	w := newWorld(t, sandbox.TwitterConfig{Messages: n}, sandbox.NodeConfig{}, nil)
	pipe(t, w, n)
	all := lines(t, w.captured())
	if len(all) != n {
		t.Fatalf("%d messages came back, want %d", len(all), n)
	}
	for i, line := range all {
		if want := w.tw.Message(uint64(i + 1)); !bytes.Equal(line, want) {
			t.Fatalf("message %d\n got %s\nwant %s", i+1, line, want)
		}
	}
}

// pipe captures n messages and ships them.
func pipe(t *testing.T, w *world, n int) {
	t.Helper()
	grabber := w.start("grabber")
	eventually(t, "all messages captured", func() bool {
		var s struct{ Messages int }
		return readStatus(t, w.store, "grabber", &s) && s.Messages == n
	})
	grabber.stop()
	for _, name := range w.finished() {
		info, err := os.Stat(w.store + "/" + name)
		if err != nil || info.Size() > 1<<20 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v bytes, %v, %v", name, info.Size(), info.Mode(), err)
		}
	}
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	if left := w.finished(); len(left) > 0 {
		t.Errorf("still in the store after --drain: %v", left)
	}
}
