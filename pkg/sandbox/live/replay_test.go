package live

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Many files are one recording, whoever reads where, and few of them are held.
func TestRecording(t *testing.T) {
	t.Parallel()
	dir, n := t.TempDir(), 0
	for i := range 20 {
		var text strings.Builder
		for range i % 5 { // every fifth is empty
			fmt.Fprintf(&text, "{\"n\":%d}\n", n)
			n++
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.jsonl", i)), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openRecording(dir)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 * n {
		for _, at := range []int{round, 3 * round, 7 * round, 2*n - round, 5} { // as many connections
			record, err := r.at(uint64(at))
			if want := fmt.Sprintf(`{"n":%d}`, at%n); err != nil || string(record.Data) != want {
				t.Fatalf("message %d is %s, %v, want %s", at, record.Data, err, want)
			}
		}
	}
	if len(r.cache) > held {
		t.Errorf("%d files are held", len(r.cache))
	}
	if err := os.Remove(filepath.Join(dir, "19.jsonl")); err != nil {
		t.Fatal(err)
	}
	for i := range n / 2 { // others are held meanwhile
		_, _ = r.at(uint64(i))
	}
	if _, err := r.at(uint64(n - 1)); err == nil {
		t.Error("a message of a file that is gone was found")
	}
	if _, err := openRecording(filepath.Join(dir, "00.jsonl")); err == nil || !strings.Contains(err.Error(), "no message") {
		t.Errorf("an empty file: %v", err)
	}
}
