package recorded

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A directory is read as an archive lies there, packed or not.
func TestDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte("b\n")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "dt=1/hour=01/x-2.jsonl.zst"), enc.EncodeAll([]byte("c\n"), nil))
	write(t, filepath.Join(dir, "dt=1/hour=00/x-1.jsonl.gz"), zipped.Bytes())
	write(t, filepath.Join(dir, "a.ndjson"), []byte("a\n"))
	write(t, filepath.Join(dir, "z.sse"), []byte("d"))
	for _, name := range []string{".half.jsonl", ".state/x.jsonl", "manifest-sha256.txt", "coverage.json", "dt=1/.x.jsonl", "_books/host/2026-11.jsonl"} {
		write(t, filepath.Join(dir, name), []byte("not this\n"))
	}
	files, err := Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		f, err := Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, f); err != nil || f.Close() != nil {
			t.Error(err)
		}
	}
	if all.String() != "a\nb\nc\nd" {
		t.Errorf("read %q of %v", all.String(), files)
	}
	for _, bad := range []string{filepath.Join(dir, "nothing"), filepath.Join(dir, ".state")} {
		if files, err := Files(bad); err == nil && len(files) == 0 {
			t.Errorf("%s: %v, %v", bad, files, err)
		}
	}
	if _, err := Files(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no file of messages") {
		t.Errorf("an empty directory: %v", err)
	}
	write(t, filepath.Join(dir, "torn.gz"), zipped.Bytes()[:5])
	if _, err := Open(filepath.Join(dir, "torn.gz")); err == nil {
		t.Error("a torn file was opened")
	}
}
