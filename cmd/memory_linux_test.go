//go:build unix

package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// plain returns where programs without the race detector are, which multiplies
// memory.
var plain = sync.OnceValues(func() (string, error) {
	if !raceEnabled {
		return bin, nil
	}
	dir := filepath.Join(bin, "plain")
	out, err := exec.Command("go", "build", "-o", dir+"/", "./grabber", "./uploader").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// startPlain starts a program without the race detector.
func (w *world) startPlain(name string, args ...string) *proc {
	w.t.Helper()
	dir, err := plain()
	if err != nil {
		w.t.Fatal(err)
	}
	return startAt(w.t, filepath.Join(dir, name), nil, append(args, "-c", w.config)...)
}

// peak waits for the end of a process, or for done, and returns the most memory
// that it ever had, in bytes.
func (p *proc) peak(done func() bool) (most int64) {
	p.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(3 * patience)
	for {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid())) // gone at the end
		_, rest, _ := strings.Cut(string(data), "VmHWM:")
		var kib int64
		if _, err := fmt.Sscan(rest, &kib); err == nil {
			most = max(most, kib<<10)
		}
		select {
		case <-p.ended:
			return most
		case <-late:
			p.t.Fatalf("%s has not ended", p.name)
		case <-tick.C:
			if done() {
				return most
			}
		}
	}
}

// TestMemoryOfAPush does not depend on the file's size.
func TestMemoryOfAPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{MaxContent: -1}, quick())
	path := filepath.Join(w.dir, "sparse")
	put(t, path, "begin")
	const size = 128 << 20
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	p := w.startPlain("uploader", "push", "--json", path)
	most := p.peak(func() bool { return false })
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d:\n%s", code, p.out)
	}
	if most == 0 || most > 64<<20 {
		t.Errorf("%d MiB of memory, want at most 64", most>>20)
	}
	t.Logf("%d MiB of memory", most>>20)
	if all := pushed(t, p.out.String()); len(all) != 1 || all[0].Size != size {
		t.Errorf("receipts %v, want one of %d bytes", all, size)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the source: %v", err)
	}
}

// TestDirectoryMemoryOfAPush does not depend on the file's size.
func TestDirectoryMemoryOfAPush(t *testing.T) {
	t.Parallel()
	w, archive, _ := archivist(t, 0)
	path := filepath.Join(w.dir, "sparse")
	put(t, path, "begin")
	const size = 128 << 20
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	p := w.startPlain("uploader", "push", "--json", path)
	most := p.peak(func() bool { return false })
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d:\n%s", code, p.out)
	}
	if most == 0 || most > 64<<20 {
		t.Errorf("%d MiB of memory, want at most 64", most>>20)
	}
	if info, err := os.Stat(filepath.Join(archive, "sparse")); err != nil || info.Size() != size {
		t.Errorf("in the archive: %+v (%v), want %d bytes", info, err, size)
	}
}

// TestMemoryOfACapture does not depend on rate or size of messages.
func TestMemoryOfACapture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, quick("grabber_max_message", "4MiB"))
	if err := w.tw.SetFault("oversize=20000000*1", "garbage*5"); err != nil {
		t.Fatal(err)
	}
	p := w.startPlain("grabber", "--messages", "6000")
	most := p.peak(func() bool { return false })
	if code := p.wait(); code != 0 {
		t.Errorf("exit %d:\n%s", code, p.out)
	}
	if most == 0 || most > 48<<20 {
		t.Errorf("%d MiB of memory, want at most 48", most>>20)
	}
	t.Logf("%d MiB of memory", most>>20)
}

// TestMemoryOfABacklog does not depend on how many files wait.
func TestMemoryOfABacklog(t *testing.T) {
	t.Parallel()
	w, _ := shipper(t, sandbox.NodeConfig{}, 30_000)
	p := w.startPlain("uploader")
	most := p.peak(func() bool { return len(w.node.Uploads()) > 500 })
	p.stop()
	if most == 0 || most > 64<<20 {
		t.Errorf("%d MiB of memory, want at most 64", most>>20)
	}
	t.Logf("%d MiB of memory", most>>20)
}
