//go:build unix

package cmd_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// numbered finds the number of an event.
var numbered = regexp.MustCompile(`"n":(\d+)`)

// shipped takes finished files away, as an uploader does, and keeps them.
type shipped struct {
	mu    sync.Mutex
	files []content
}

func (s *shipped) ship(t testing.TB, w *world) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range w.finished() {
		path := filepath.Join(w.store, name)
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			t.Error(err)
		}
		s.files = append(s.files, content{name, data})
	}
}

// numbers returns those of the messages shipped so far.
func (s *shipped) numbers() (all []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, file := range s.files {
		for _, match := range numbered.FindAllSubmatch(file.data, -1) {
			n, _ := strconv.Atoi(string(match[1])) // digits
			all = append(all, n)
		}
	}
	return all
}

// wantEach wants each number from the first that came on, once.
func wantEach(t *testing.T, got []int, all int) {
	t.Helper()
	count := make([]int, all)
	first := all
	for _, n := range got {
		count[n]++
		first = min(first, n)
	}
	lost, twice := 0, 0
	for n, times := range count[min(first, all):] {
		switch {
		case times == 0:
			lost++
			if lost < 5 {
				t.Errorf("event %d is lost", first+n)
			}
		case times > 1:
			twice++
			if twice < 5 {
				t.Errorf("event %d is stored %d times", first+n, times)
			}
		}
	}
	t.Logf("events %d to %d: %d lost, %d twice", first, all-1, lost, twice)
	if lost+twice > 0 || first > all/2 {
		t.Errorf("events %d to %d: %d lost, %d twice", first, all-1, lost, twice)
	}
}

// sourceWorld is a directory with a configuration alone.
func sourceWorld(t testing.TB, keys map[string]string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.store = filepath.Join(w.dir, "store")
	var err error
	if w.config, err = sandbox.WriteConfig(w.dir, nil, nil, keys); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestFileThroughKills: a file is captured once, however often that is begun.
func TestFileThroughKills(t *testing.T) {
	t.Parallel()
	const all = 100_000
	var data bytes.Buffer
	for i := range all {
		fmt.Fprintf(&data, `{"n":%d,"text":"%s"}`+"\n", i, strings.Repeat("some text ", 1+i%20))
	}
	path := filepath.Join(t.TempDir(), "messages.jsonl")
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	w, s := sourceWorld(t, map[string]string{"stream_url": "file://" + path, "upload_url": "none", "grabber_cut_size": "256"}), &shipped{}
	for range 6 {
		p, before := w.start("grabber"), len(s.numbers())
		eventually(t, "some more messages", func() bool {
			s.ship(t, w)
			select {
			case <-p.ended:
				return true
			default:
				return len(s.numbers()) > before
			}
		})
		p.kill()
	}
	if code, out := w.run("grabber"); code != 0 {
		t.Errorf("exit %d:\n%s", code, out)
	}
	var status struct{ State string }
	if !readStatus(t, w.store, "grabber", &status) || status.State != "done" {
		t.Errorf("the state is %q, want done", status.State)
	}
	s.ship(t, w)
	wantEach(t, s.numbers(), all)
	if code, out := w.run("grabber"); code != 0 || len(w.finished()) > 0 {
		t.Errorf("once more: exit %d, %v\n%s", code, w.finished(), out)
	}
}
