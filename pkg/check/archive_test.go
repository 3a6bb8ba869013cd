package check

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink/directory"
)

func TestArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	made, err := directory.Init(ready, false)
	if err == nil {
		err = errors.Join(os.Mkdir(filepath.Join(dir, "empty"), 0o700), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	const other = "0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		name, path, known string
		want              Verdict
		text, advice      string
	}{
		{"fine", ready, made.ID, OK, "can be written", ""},
		{"not shipped to yet", ready, "", OK, "can be written", ""},
		{"will be made", filepath.Join(dir, "new"), "", OK, "will be made", ""},
		{"empty", filepath.Join(dir, "empty"), "", Fail, "not an archive", "init-dir"},
		{"in an empty directory", filepath.Join(dir, "empty", "new"), "", Fail, "not an archive", "init-dir"},
		{"a file", filepath.Join(dir, "file"), "", Fail, "not an archive", "init-dir"},
		{"away", filepath.Join(dir, "new"), other, Fail, "is not there", "mount"},
		{"empty mount point", filepath.Join(dir, "empty"), other, Fail, "is not there", "mount"},
		{"another", ready, other, Fail, "another archive", "init-dir"},
	} {
		found := Archive(tt.path, func() (string, error) { return tt.known, nil }, "uploader init-dir")(t.Context())
		if len(found) != 1 || found[0].Verdict != tt.want || !strings.Contains(found[0].Text, tt.text) || !strings.Contains(found[0].Advice, tt.advice) {
			t.Errorf("%s: %+v, want %v with %q and %q", tt.name, found, tt.want, tt.text, tt.advice)
		}
	}
	if found := Archive(ready, func() (string, error) { return "", errors.New("damaged") }, "uploader init-dir")(t.Context()); len(found) != 1 || found[0].Verdict != Fail {
		t.Errorf("a damaged memory: %+v", found)
	}
	if entries, err := os.ReadDir(ready); err != nil || len(entries) != 1 {
		t.Errorf("the checks left %v (%v)", entries, err)
	}
}
