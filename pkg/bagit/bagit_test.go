package bagit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// make makes a bag of one file.
func make1(t *testing.T, path string) error {
	t.Helper()
	b, err := Begin(path, "more.json")
	if err != nil {
		return err
	}
	defer b.Close()
	put(t, filepath.Join(Data(path), "a%b.txt"), "hello")
	b.Add("a%b.txt", 5, hello)
	if err := b.Tag("more.json", []byte("{}\n")); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(path, declaration)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is a bag before it is whole: %v", err)
	}
	return b.Finish([]Field{{"Stream", "of two\nlines"}})
}

// sums are those that sha256sum prints of the tag files below.
const sums = `9580e55283fd081ea634f50d34773584e40d19ea4c0b1234d61ce63d4f8dbe31  bag-info.txt
1712ecfb074bf29c4188ad3421032509159a09739fd604f8fe57038b4ddefcc9  bagit.txt
15cd47570fcfd64e67a7689aca03a84160bcf32c5d61c9b1f2eac7c60503f671  manifest-sha256.txt
ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356  more.json
`

// A bag, made twice, to the byte; the sums are sha256sum's.
func TestBag(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bag")
	for range 2 {
		if err := make1(t, path); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			declaration: "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
			manifest:    hello + "  data/a%25b.txt\n",
			info:        "Stream: of two lines\nPayload-Oxum: 5.1\n",
			tagManifest: sums,
		} {
			if got := read(t, filepath.Join(path, name)); got != want {
				t.Errorf("%s holds %q, want %q", name, got, want)
			}
		}
		if left, err := filepath.Glob(filepath.Join(path, ".*")); len(left) > 0 || err != nil {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

// What was a bag is none while it changes, what is in data/ and in no manifest
// keeps it from being one, and a directory with other files is left alone.
func TestNoBag(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bag")
	if err := make1(t, path); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(Data(path), "extra"), "x")
	if err := make1(t, path); err == nil || !strings.Contains(err.Error(), "holds 2 files, and 1 belong") {
		t.Errorf("with a file that is in no manifest: %v", err)
	}
	if _, err := os.Stat(filepath.Join(path, declaration)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it passes for a bag: %v", err)
	}
	put(t, filepath.Join(path, "thesis.doc"), "mine")
	if _, err := Begin(path, "more.json"); err == nil || !strings.Contains(err.Error(), "thesis.doc") {
		t.Errorf("a directory with other files: %v", err)
	}
	home := t.TempDir()
	put(t, filepath.Join(home, "thesis.doc"), "mine")
	_, err := Begin(home)
	if ferr := Fit(home); err == nil || ferr == nil {
		t.Errorf("a directory with other files: %v, %v", err, ferr)
	}
	if _, err := os.Stat(Data(home)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("refused, and yet it has got a data/: %v", err)
	}
	if err := Fit(filepath.Join(home, "none")); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// As many files as were added, but not those, are no bag.
func TestOtherFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bag")
	b, err := Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	put(t, filepath.Join(Data(path), "other.txt"), "hello")
	b.Add("hello.txt", 5, hello)
	if err := b.Finish(nil); err == nil || !strings.Contains(err.Error(), "other files") {
		t.Errorf("finished: %v", err)
	}
	if _, err := os.Stat(filepath.Join(path, declaration)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is a bag: %v", err)
	}
}
